//! The fuzz targets, one after the other, with the vectors as seeds.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::run::{Failure, Outcome, cargo_tool, run, workspace};

/// Each target, and the vectors that are its seeds.
const TARGETS: [(&str, &[&str]); 8] = [
    ("update", &["update", "rejected", "document"]),
    ("segment", &["segment", "history"]),
    ("snapshot", &["snapshot", "history"]),
    (
        "space",
        &["space", "store", "head", "joined", "transient", "covered"],
    ),
    ("document", &["document", "canonical", "rejected"]),
    ("names", &["paths", "keys"]),
    ("calls", &["space"]),
    ("sealed", &["seal"]),
];

/// Runs every target for so many seconds.
///
/// # Errors
/// When `cargo-fuzz` cannot be installed, or a target has found something: its input lies in `fuzz/artifacts/` then.
pub(crate) fn run_all(seconds: u32) -> Outcome {
    let program = cargo_tool("cargo-fuzz")?;
    for (target, vectors) in TARGETS {
        let corpus = workspace().join("fuzz/corpus").join(target);
        seed(&corpus, vectors)?;
        println!("\n== {target}");
        let mut command = Command::new(&program);
        command
            .args(["fuzz", "run", target, "--"])
            .arg(format!("-max_total_time={seconds}"))
            .args([
                "-max_len=65536",
                "-timeout=20",
                "-rss_limit_mb=4096",
                "-print_final_stats=1",
            ])
            .current_dir(workspace())
            // The sanitizers are behind a flag that only a nightly compiler takes, or one that is told to.
            .env("RUSTC_BOOTSTRAP", "1");
        crate::run::outside_of_cargo(&mut command);
        run(&mut command)?;
    }
    Ok(())
}

/// Writes each text in these vectors as a file of its own, and those that are lines of one object as one.
fn seed(corpus: &Path, vectors: &[&str]) -> Outcome {
    let doing = || format!("seeds in {}", corpus.display());
    fs::create_dir_all(corpus).map_err(Failure::while_doing(doing()))?;
    for name in vectors {
        let path = workspace()
            .join("tests/vectors")
            .join(format!("{name}.json"));
        let json = fs::read_to_string(&path).map_err(Failure::while_doing(path.display()))?;
        for (number, text) in texts(&json).into_iter().enumerate() {
            let file = corpus.join(format!("{name}-{number}"));
            fs::write(file, text).map_err(Failure::while_doing(doing()))?;
        }
    }
    Ok(())
}

/// The strings of a JSON text; those of a list named `lines` as one, each with its line feed.
fn texts(json: &str) -> Vec<String> {
    let mut texts = Vec::new();
    let mut rest = json;
    let mut lines: Option<String> = None;
    while let Some(start) = rest.find('"') {
        if rest[..start].contains(']')
            && let Some(lines) = lines.take()
        {
            texts.push(lines);
        }
        let (text, after) = string(&rest[start + 1..]);
        rest = after;
        match &mut lines {
            Some(lines) => {
                lines.push_str(&text);
                lines.push('\n');
            }
            None if text == "lines" => lines = Some(String::new()),
            None => texts.push(text),
        }
    }
    texts
}

/// A string of JSON up to its closing quote, and what follows.
fn string(json: &str) -> (String, &str) {
    let mut text = String::new();
    let mut chars = json.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (text, &json[at + 1..]),
            '\\' => match chars.next().map(|(_, c)| c) {
                Some('n') => text.push('\n'),
                Some('r') => text.push('\r'),
                Some('t') => text.push('\t'),
                Some('u') => {
                    let hex: String = chars.by_ref().take(4).map(|(_, c)| c).collect();
                    let code = u32::from_str_radix(&hex, 16).unwrap_or(0);
                    text.push(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
                }
                Some(other) => text.push(other),
                None => break,
            },
            c => text.push(c),
        }
    }
    (text, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_found_and_lines_joined() {
        let json = r#"{"valid":[{"body":"{\"v\":1}","lines":["a\u0041","b"],"digest":"x"}]}"#;
        let expected = ["valid", "body", "{\"v\":1}", "aA\nb\n", "digest", "x"];
        assert_eq!(texts(json), expected);
    }
}
