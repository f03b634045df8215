//! Rules of the source tree that no compiler or linter checks.
//!
//! A rule has no list of exceptions. Each test names every place that breaks its rule, not only the first.

use std::fs;
use std::path::{Path, PathBuf};

const MOST_LINES: usize = 600;

/// One text file of the project.
#[derive(Debug)]
struct Source {
    /// From the top of the project, with `/` between the parts.
    path: String,
    text: String,
}

impl Source {
    fn has_extension(&self, extensions: &[&str]) -> bool {
        let extension = Path::new(&self.path)
            .extension()
            .and_then(|extension| extension.to_str());
        extension.is_some_and(|extension| extensions.contains(&extension))
    }

    fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }
}

fn top() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("cli/ lies in the project")
}

/// All text files, but for what git ignores by a plain name.
fn sources() -> Vec<Source> {
    let ignored = fs::read_to_string(top().join(".gitignore")).unwrap_or_default();
    let mut skipped = vec![".git", "target", "node_modules"];
    skipped.extend(ignored.lines().map(|line| line.trim().trim_matches('/')));
    let mut sources = Vec::new();
    walk(top(), &skipped, &mut sources);
    assert!(
        sources.len() > 20,
        "only {} files below {}",
        sources.len(),
        top().display()
    );
    sources
}

fn walk(folder: &Path, skipped: &[&str], found: &mut Vec<Source>) {
    let entries = fs::read_dir(folder).expect("a folder of the project can be read");
    let mut paths: Vec<PathBuf> = entries
        .map(|entry| entry.expect("an entry").path())
        .collect();
    paths.sort();
    for path in paths {
        let name = path
            .file_name()
            .and_then(|name| name.to_str())
            .unwrap_or_default();
        if skipped.contains(&name) || path.is_symlink() {
            continue;
        }
        if path.is_dir() {
            walk(&path, skipped, found);
        } else if let Ok(text) = fs::read_to_string(&path) {
            let below = path
                .strip_prefix(top())
                .expect("it was found below the top");
            let parts: Vec<_> = below.iter().map(|part| part.to_string_lossy()).collect();
            found.push(Source {
                path: parts.join("/"),
                text,
            });
        }
    }
}

/// Fails with all the places that break a rule.
fn none_breaks(rule: &str, places: impl IntoIterator<Item = String>) {
    let places: Vec<String> = places.into_iter().collect();
    assert!(places.is_empty(), "{rule}:\n  {}\n", places.join("\n  "));
}

/// The lines that break a rule, as `path:line: text`.
fn lines_where(source: &Source, breaks: impl Fn(&str) -> bool) -> Vec<String> {
    let numbered = source
        .text
        .split('\n')
        .zip(1..)
        .filter(|(line, _)| breaks(line));
    numbered
        .map(|(line, number)| format!("{}:{number}: {line}", source.path))
        .collect()
}

#[test]
fn rust_files_are_short() {
    let sources = sources();
    let rust = sources
        .iter()
        .filter(|source| source.has_extension(&["rs"]));
    let counted = rust.map(|source| (source, source.text.lines().count()));
    let long = counted.filter(|(_, lines)| *lines > MOST_LINES);
    none_breaks(
        "a Rust file has at most 600 lines",
        long.map(|(source, lines)| format!("{}: {lines} lines", source.path)),
    );
}

#[test]
fn nothing_is_left_for_later() {
    let markers = [
        concat!("FIX", "ME"),
        concat!("TO", "DO"),
        concat!("X", "XX"),
    ];
    let marked = |line: &str| {
        let mut words = line.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        words.any(|word| markers.contains(&word))
    };
    let kinds = ["rs", "toml", "ts", "js", "mjs", "py", "sh", "yaml", "yml"];
    let sources = sources();
    let code = sources.iter().filter(|source| source.has_extension(&kinds));
    none_breaks(
        "what is to be done is done, or written down outside of the code",
        code.flat_map(|source| lines_where(source, marked)),
    );
}

#[test]
fn no_tab_and_no_blank_at_the_end_of_a_line() {
    let sources = sources();
    let checked = sources
        .iter()
        .filter(|source| source.has_extension(&["rs", "md", "toml"]));
    none_breaks(
        "lines hold no tab and end without a blank",
        checked.flat_map(|source| {
            lines_where(source, |line| {
                line.contains('\t') || line.ends_with([' ', '\r'])
            })
        }),
    );
}

#[test]
fn modules_are_named_after_themselves() {
    let sources = sources();
    let unnamed = sources.iter().filter(|source| source.name() == "mod.rs");
    none_breaks(
        "a module is foo.rs beside foo/, not foo/mod.rs",
        unnamed.map(|source| source.path.clone()),
    );
}

#[test]
fn every_decision_is_in_the_list() {
    const FOLDER: &str = "docs/decisions/";
    let sources = sources();
    let list = sources
        .iter()
        .find(|source| source.path == format!("{FOLDER}README.md"));
    let linked: Vec<String> = list
        .into_iter()
        .flat_map(links)
        .map(|link| link.target)
        .collect();
    let pages = sources
        .iter()
        .filter(|source| source.has_extension(&["md"]));
    let decisions = pages.filter_map(|page| page.path.strip_prefix(FOLDER));
    let decisions = decisions.filter(|name| *name != "README.md");
    none_breaks(
        "docs/decisions/README.md links every decision",
        decisions
            .filter(|name| !linked.iter().any(|link| link == name))
            .map(str::to_owned),
    );
}

#[test]
fn every_story_is_in_the_table() {
    let sources = sources();
    let table = sources
        .iter()
        .find(|source| source.path == "docs/field.md")
        .expect("the table of stories");
    let code = sources
        .iter()
        .filter(|source| source.has_extension(&["rs"]));
    let stories: Vec<(&str, &str)> = code
        .flat_map(|source| {
            let functions = source.text.lines().filter_map(story);
            functions.map(|name| (name, source.name()))
        })
        .collect();
    assert!(stories.len() > 20, "only {} stories", stories.len());
    let named = |(name, file): (&str, &str)| {
        let in_a_line = |line: &str| line.contains(&format!("`{name}`")) && line.contains(file);
        table.text.lines().any(in_a_line)
    };
    none_breaks(
        "docs/field.md has a row for every story, with its file",
        stories
            .iter()
            .filter(|story| !named(**story))
            .map(|(name, file)| format!("{name} in {file}")),
    );
    let names = table.text.split('`').filter(|word| is_story(word));
    none_breaks(
        "each story of docs/field.md is a test",
        names
            .filter(|name| !stories.iter().any(|(test, _)| test == name))
            .map(str::to_owned),
    );
}

/// Pages that say what is so, and which test shows it.
#[test]
fn every_test_that_a_page_names_is_one() {
    let sources = sources();
    let code = sources
        .iter()
        .filter(|source| source.has_extension(&["rs"]));
    let functions: std::collections::BTreeSet<&str> = code
        .flat_map(|source| source.text.lines().filter_map(function))
        .collect();
    let is_a_sentence = |word: &&str| {
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        word.matches('_').count() >= 3 && word.bytes().all(is_name)
    };
    let names_tests = |source: &&Source| {
        // The tests of a page's example are not Rust.
        let is_example =
            source.path.starts_with("docs/examples/") && !source.path.ends_with("-web.md");
        ["docs/security.md", "docs/mutants.md"].contains(&source.path.as_str()) || is_example
    };
    let pages: Vec<_> = sources.iter().filter(names_tests).collect();
    assert!(pages.len() >= 7, "{}", pages.len());
    for page in pages {
        let named: Vec<_> = page.text.split('`').filter(is_a_sentence).collect();
        assert!(named.len() > 3, "{named:?}");
        none_breaks(
            "a page names tests that there are",
            named
                .into_iter()
                .filter(|name| !functions.contains(name) && !name.starts_with("icecore_"))
                .map(|name| format!("{name} in {}", page.path)),
        );
    }
}

/// The name of the function that a line begins.
fn function(line: &str) -> Option<&str> {
    let after = line.trim_start().trim_start_matches("async ");
    after.strip_prefix("fn ")?.split('(').next()
}

/// The same, if it is a test that tells a story: `row_07_…`.
fn story(line: &str) -> Option<&str> {
    function(line).filter(|name| is_story(name))
}

fn is_story(name: &str) -> bool {
    let number = name
        .strip_prefix("row_")
        .and_then(|rest| rest.split('_').next());
    number
        .is_some_and(|number| number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[test]
fn no_path_of_one_machine() {
    let folders = [
        concat!("/wo", "rk/"),
        concat!("/ro", "ot/"),
        concat!("/ho", "me/"),
        concat!("/Us", "ers/"),
        concat!("C:\\Us", "ers\\"),
    ];
    let begins = |line: &str, folder: &str| {
        line.match_indices(folder).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            before.is_none_or(|before| !before.is_alphanumeric() && !"./-_~}".contains(before))
        })
    };
    let sources = sources();
    none_breaks(
        "a file holds no path of the machine it was written on",
        sources.iter().flat_map(|source| {
            lines_where(source, |line| {
                folders.iter().any(|folder| begins(line, folder))
            })
        }),
    );
}

#[test]
fn every_link_leads_to_a_file() {
    let sources = sources();
    let pages = sources
        .iter()
        .filter(|source| source.has_extension(&["md"]));
    none_breaks(
        "a relative link leads to a file",
        pages.flat_map(|page| {
            let folder = top()
                .join(&page.path)
                .parent()
                .expect("a page is in a folder")
                .to_owned();
            let dead = links(page)
                .into_iter()
                .filter(move |link| !folder.join(&link.target).exists());
            dead.map(|link| format!("{}:{}: {}", page.path, link.line, link.target))
        }),
    );
}

/// A link of a page to something in the project.
#[derive(Debug)]
struct Link {
    line: usize,
    /// Without its `#fragment`.
    target: String,
}

/// The relative links of a page, outside of its code.
fn links(page: &Source) -> Vec<Link> {
    let mut links = Vec::new();
    let mut in_code = false;
    for (text, line) in page.text.lines().zip(1..) {
        if text.trim_start().starts_with("```") {
            in_code = !in_code;
        } else if !in_code {
            // Every second part is a span of code; of [`name`](target) the brackets stay.
            let text: String = text.split('`').step_by(2).collect();
            links.extend(targets(&text).map(|target| Link { line, target }));
        }
    }
    links
}

/// The relative targets in one line: of `[text](target "title")` and of `[name]: target`.
fn targets(text: &str) -> impl Iterator<Item = String> {
    let inline = text
        .split("](")
        .skip(1)
        .filter_map(|rest| rest.split(')').next());
    let definition = text
        .trim_start()
        .strip_prefix('[')
        .filter(|rest| !rest.starts_with('^'));
    let defined = definition
        .and_then(|rest| rest.split_once("]: "))
        .map(|(_, target)| target);
    let targets = inline
        .chain(defined)
        .filter_map(|target| target.split_whitespace().next());
    targets.filter_map(|target| {
        let target = target.trim_matches(['<', '>']);
        let file = target.split('#').next().unwrap_or_default();
        let elsewhere = file.contains("://") || file.starts_with("mailto:");
        let file = file.strip_prefix("./").unwrap_or(file);
        (!file.is_empty() && !elsewhere).then(|| file.to_owned())
    })
}

#[test]
fn links_are_found_where_they_are() {
    let text = "See [a](a.md#x), [`b`](../b.md \"B\") and [web](https://example.org/).\n\
                ```\n[no](code.md)\n```\n`[no](span.md)` ![c](./c.png)\n[d]: d/e.md\n[here](#top)\n";
    let page = Source {
        path: "docs/page.md".into(),
        text: text.into(),
    };
    let found: Vec<_> = links(&page)
        .into_iter()
        .map(|link| (link.line, link.target))
        .collect();
    let expected = [(1, "a.md"), (1, "../b.md"), (5, "c.png"), (6, "d/e.md")];
    assert_eq!(
        found,
        expected.map(|(line, target)| (line, target.to_owned()))
    );
}
