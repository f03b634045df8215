//! What `cargo test` printed, per test binary and in sum.

use std::fmt;
use std::ops::AddAssign;

use crate::steps::Verdict;

const PREFIX: &str = "test result: ";

/// The closing lines of all test binaries.
#[derive(Debug, Default)]
pub(crate) struct Totals {
    binaries: Vec<Binary>,
    counts: Counts,
    /// Which tests failed, by the binary and their names.
    failed: Vec<String>,
}

/// One test binary, or the doc tests of one crate.
#[derive(Debug)]
struct Binary {
    name: String,
    /// Its `test result:` lines: doc tests may have two; none if it crashed.
    results: Vec<String>,
}

/// How many tests there were.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
    pub(crate) skipped: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, more: Self) {
        self.passed += more.passed;
        self.failed += more.failed;
        self.skipped += more.skipped;
    }
}

impl Verdict for Counts {
    fn passed(&self) -> bool {
        self.failed == 0
    }
}

impl Verdict for Totals {
    fn passed(&self) -> bool {
        self.all_passed()
    }
}

impl Totals {
    /// Takes in one line of the output.
    pub(crate) fn read_line(&mut self, line: &str) {
        let line = without_colour(line);
        let line = line.trim();
        if let Some(name) = binary_name(line) {
            self.binaries.push(Binary {
                name,
                results: Vec::new(),
            });
        } else if let Some(name) = failed_test(line) {
            let binary = self.binaries.last().map_or("", |binary| &binary.name);
            self.failed.push(format!("{binary}: {name}"));
        } else if let Some(counts) = Counts::parse(line) {
            self.counts += counts;
            match self.binaries.last_mut() {
                Some(binary) => binary.results.push(line.to_owned()),
                None => self.binaries.push(Binary {
                    name: "unnamed".into(),
                    results: vec![line.to_owned()],
                }),
            }
        }
    }

    /// Closes the count. A binary that ended without a result crashed, and counts as one failed test;
    /// so does a failure of cargo that no test explains.
    pub(crate) fn ended(mut self, success: bool) -> Self {
        for binary in &mut self.binaries {
            if binary.results.is_empty() {
                binary
                    .results
                    .push("FAILED: it ended without a result".into());
                self.counts.failed += 1;
            }
        }
        if !success && self.counts.failed == 0 {
            self.counts.failed = 1;
            let results = vec!["FAILED: it ended with an error outside of the tests".into()];
            self.binaries.push(Binary {
                name: "cargo test".into(),
                results,
            });
        }
        self
    }

    /// Adds tests that another runner than cargo ran.
    pub(crate) fn add(&mut self, name: &str, counts: Counts, failed: &[String]) {
        self.counts += counts;
        let names = failed.iter().map(|test| format!("{name}: {test}"));
        self.failed.extend(names);
        let Counts {
            passed,
            failed,
            skipped,
        } = counts;
        let word = if failed == 0 { "ok" } else { "FAILED" };
        self.binaries.push(Binary {
            name: name.to_owned(),
            results: vec![format!(
                "{word}. {passed} passed; {failed} failed; {skipped} ignored"
            )],
        });
    }

    /// Whether there were tests and none failed.
    pub(crate) fn all_passed(&self) -> bool {
        self.counts.failed == 0 && self.counts.passed > 0
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Binary { name, results } in &self.binaries {
            for result in results {
                // Without its own prefix: who adds up all `test result:` lines shall not count it twice.
                writeln!(
                    out,
                    "{name}: {}",
                    result.strip_prefix(PREFIX).unwrap_or(result)
                )?;
            }
        }
        // Last, for the end is what is kept of a long output.
        for test in &self.failed {
            writeln!(out, "FAILED {test}")?;
        }
        let Counts {
            passed,
            failed,
            skipped,
        } = self.counts;
        write!(out, "{passed} passed, {failed} failed, {skipped} skipped")
    }
}

impl Counts {
    /// Reads `test result: ok. 3 passed; 0 failed; 1 ignored; …`.
    fn parse(line: &str) -> Option<Self> {
        let rest = line.strip_prefix(PREFIX)?;
        let number = |word| {
            let before = rest
                .split(word)
                .next()
                .filter(|before| before.len() < rest.len())?;
            before.split_whitespace().next_back()?.parse().ok()
        };
        Some(Self {
            passed: number(" passed")?,
            failed: number(" failed")?,
            skipped: number(" ignored")?,
        })
    }
}

/// The name in `Running unittests src/lib.rs (target/debug/deps/icecore_core-0123)`, without its hash,
/// or in `Doc-tests icecore_core`.
fn binary_name(line: &str) -> Option<String> {
    if let Some(name) = line.strip_prefix("Doc-tests ") {
        return Some(format!("{name} (doc tests)"));
    }
    let (source, file) = line
        .strip_prefix("Running ")?
        .strip_suffix(')')?
        .rsplit_once(" (")?;
    let file = file.rsplit(['/', '\\']).next()?;
    let name = file.rsplit_once('-').map_or(file, |(name, _hash)| name);
    Some(format!(
        "{name} ({})",
        source.strip_prefix("unittests ").unwrap_or(source)
    ))
}

/// The name in `test folder::name ... FAILED`.
fn failed_test(line: &str) -> Option<&str> {
    line.strip_prefix("test ")?.strip_suffix(" ... FAILED")
}

/// The line without the escape sequences that colour it.
fn without_colour(line: &str) -> String {
    let mut parts = line.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or(part, |(_code, text)| text));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::Totals;

    fn totals(output: &str, success: bool) -> String {
        let mut totals = Totals::default();
        output.lines().for_each(|line| totals.read_line(line));
        totals.ended(success).to_string()
    }

    #[test]
    fn sums_the_binaries_and_names_them() {
        let output = "
   Compiling icecore v0.1.0
     Running unittests src/lib.rs (target/debug/deps/icecore_core-0a1b)
running 3 tests
test result: ok. 2 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; finished in 0.00s
     Running tests/e2e/main.rs (target/debug/deps/e2e-77)
test space::is_open ... FAILED
test space::is_shut ... ok
test result: FAILED. 10 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
   Doc-tests icecore_core
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s
test result: ok. 1 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        let printed = totals(output, false);
        assert_eq!(
            printed.lines().last(),
            Some("14 passed, 2 failed, 1 skipped")
        );
        assert!(printed.starts_with("icecore_core (src/lib.rs): ok. 2 passed"));
        assert!(printed.contains("\ne2e (tests/e2e/main.rs): FAILED. 10"));
        assert!(printed.contains("\nFAILED e2e (tests/e2e/main.rs): space::is_open\n"));
        assert!(!printed.contains("is_shut"));
        assert_eq!(printed.matches("icecore_core (doc tests)").count(), 2);
    }

    #[test]
    fn reads_coloured_output() {
        let output = "\u{1b}[1m\u{1b}[92m     Running\u{1b}[0m tests/a.rs (target/debug/deps/a-1)
test result: \u{1b}[32mok\u{1b}[0m. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out";
        assert!(totals(output, true).ends_with("5 passed, 0 failed, 0 skipped"));
    }

    #[test]
    fn a_crashed_binary_is_a_failure() {
        let output = "
     Running tests/a.rs (target/debug/deps/a-1)
error: test failed, to rerun pass `--test a`
     Running tests/b.rs (target/debug/deps/b-1)
test result: ok. 5 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.00s";
        let printed = totals(output, false);
        assert!(printed.contains("a (tests/a.rs): FAILED"));
        assert!(printed.ends_with("5 passed, 1 failed, 0 skipped"));
    }

    #[test]
    fn an_error_of_cargo_alone_is_a_failure() {
        assert!(totals("error: no such package", false).ends_with("0 passed, 1 failed, 0 skipped"));
    }

    #[test]
    fn no_test_at_all_is_no_success() {
        assert!(!Totals::default().ended(true).all_passed());
    }
}
