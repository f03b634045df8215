//! Reading JSON lines from a file or from stdin, with a limit on each.

use icecore_core::update::UPDATE_BYTES_MAX;
use icecore_core::{Error, Result};
use std::io::{BufRead, BufReader, Read, stdin};
use std::path::Path;

/// A line longer than this cannot hold an update: ids and times around the largest one take less.
const LINE_BYTES_MAX: usize = UPDATE_BYTES_MAX + 4096;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// A line with its number, which starts at 1.
#[derive(Debug)]
pub(crate) struct Line {
    /// Where it stands.
    pub(crate) number: usize,
    /// What it says.
    pub(crate) text: String,
}

/// Reads the lines of a file, or of stdin for `-`. Blank lines are left out.
///
/// # Errors
/// `NotFound` or `Denied` for the file; `Invalid` for a line that is too long or not UTF-8, naming it.
pub(crate) fn read(path: &Path) -> Result<Vec<Line>> {
    if path.as_os_str() == "-" {
        return read_from(BufReader::new(stdin().lock()));
    }
    let file = std::fs::File::open(path).map_err(|e| {
        let error = match e.kind() {
            std::io::ErrorKind::NotFound => Error::not_found("there is no such file"),
            _ => Error::denied("the file cannot be read"),
        };
        error
            .with_object(path.display().to_string())
            .with_hint("check the path; `-` reads stdin")
            .with_source(e)
    })?;
    read_from(BufReader::new(file)).map_err(|e| match e.object() {
        Some(line) => {
            let object = format!("{}, {line}", path.display());
            e.with_object(object)
        }
        None => e.with_object(path.display().to_string()),
    })
}

fn read_from(mut from: impl BufRead) -> Result<Vec<Line>> {
    let mut lines = Vec::new();
    for number in 1.. {
        let mut bytes = Vec::new();
        let limit = LINE_BYTES_MAX as u64 + 2;
        let read = from.by_ref().take(limit).read_until(b'\n', &mut bytes);
        let count = read.map_err(|e| {
            Error::denied("the input cannot be read")
                .with_object(at(number))
                .with_source(e)
        })?;
        if count == 0 {
            break;
        }
        if number == 1 && (bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff")) {
            return Err(Error::invalid("the text is UTF-16, not UTF-8")
                .with_object(at(number))
                .with_hint(
                    "JSON is written in UTF-8: save it so, or use `iconv -f UTF-16 -t UTF-8`",
                ));
        }
        // Some editors, and some shells, begin a text with a byte order mark.
        let mark = if number == 1 { BYTE_ORDER_MARK } else { b"" };
        let content = bytes.strip_prefix(mark).unwrap_or(&bytes).trim_ascii();
        if content.len() > LINE_BYTES_MAX {
            return Err(Error::invalid(format!(
                "the line has more than {LINE_BYTES_MAX} bytes, no update is that large"
            ))
            .with_object(at(number))
            .with_hint("split it into several updates, one JSON object per line"));
        }
        if content.is_empty() {
            continue;
        }
        if lines.is_empty() && content.starts_with(b"[") {
            return Err(
                Error::invalid("this is a JSON array, and one object per line is wanted")
                    .with_object(at(number))
                    .with_hint("`jq -c '.[]' FILE` writes the members of an array so"),
            );
        }
        let text = std::str::from_utf8(content).map_err(|e| {
            Error::invalid("the line is not UTF-8")
                .with_object(at(number))
                .with_hint("JSON is written in UTF-8")
                .with_source(e)
        })?;
        lines.push(Line {
            number,
            text: text.to_owned(),
        });
    }
    Ok(lines)
}

/// How errors name a line.
pub(crate) fn at(number: usize) -> String {
    format!("line {number}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blank_lines_count_but_are_left_out() {
        let lines = read_from(&b"\xef\xbb\xbf{}\r\n\n  \n[1]"[..]).unwrap();
        let read: Vec<_> = lines.iter().map(|l| (l.number, l.text.as_str())).collect();
        assert_eq!(read, [(1, "{}"), (4, "[1]")]);
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = read_from(&b"{}\n\xff\n"[..]).unwrap_err();
        assert_eq!(error.to_string(), "the line is not UTF-8 (line 2)");
        let long = vec![b'x'; 3 * LINE_BYTES_MAX];
        let error = read_from(&long[..]).unwrap_err();
        assert!(
            error.to_string().contains("bytes") && error.to_string().ends_with("(line 1)"),
            "{error}"
        );
    }
}
