//! The browser client: its packages, the browsers, the Rust core as its judge, and all of its checks and tests.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::node::Node;
use crate::run::{Failure, Outcome, cargo, output_of, run, variable, workspace};
use crate::steps::Verdict;
use crate::totals::Counts;

/// Where the client lies.
const CLIENT: &str = "clients/web";
/// What the core is compiled to as its judge.
const TARGET: &str = "wasm32-unknown-unknown";
/// Over so many random histories the Rust core judges the client in each run.
const HISTORIES: &str = "10000";
/// The browsers of Debian: programs, the packages that they come in, and what the tests call them.
const BROWSERS: [(&str, &str, Option<&str>); 4] = [
    ("chromium", "chromium", Some("chromium")),
    ("firefox-esr", "firefox-esr", Some("firefox")),
    ("WebKitWebDriver", "webkit2gtk-driver", Some("webkit")),
    ("Xvfb", "xvfb", None),
];

/// What the client's checks and tests need.
#[derive(Debug)]
pub(crate) struct Installed {
    node: Node,
}

impl Verdict for Installed {}

/// Installs the packages and, where this is Debian and we may, the browsers. Tests of a browser that is not there say that
/// they are skipped.
pub(crate) fn install(node: &Node) -> Outcome<Installed> {
    let packages = node.packages(CLIENT, "web")?;
    link(&packages.join("node_modules"))?;
    browsers();
    Ok(Installed { node: node.clone() })
}

/// Node.js looks for packages beside the sources, and all that is installed lies in `target/tools`.
fn link(modules: &Path) -> Outcome {
    let place = client().join("node_modules");
    let what = || Failure::while_doing("linking clients/web/node_modules");
    if fs::read_link(&place).is_ok_and(|there| there == modules) {
        return Ok(());
    }
    if fs::symlink_metadata(&place).is_ok_and(|there| there.is_symlink()) {
        fs::remove_file(&place).map_err(what())?;
    }
    #[cfg(unix)]
    std::os::unix::fs::symlink(modules, &place).map_err(what())?;
    #[cfg(windows)]
    std::os::windows::fs::symlink_dir(modules, &place).map_err(what())?;
    Ok(())
}

fn browsers() {
    let missing: Vec<&str> = BROWSERS
        .iter()
        .filter(|browser| !is_there(browser.0))
        .map(|browser| browser.1)
        .collect();
    if missing.is_empty() {
        return;
    }
    let is_root = output_of(Command::new("id").arg("-u")).is_some_and(|id| id == "0");
    if !is_root {
        println!("not installed, and only root may: {}", missing.join(" "));
        return;
    }
    println!("installing {}", missing.join(" "));
    let apt = || {
        let mut command = Command::new("apt-get");
        command.env("DEBIAN_FRONTEND", "noninteractive");
        command
    };
    let install = || {
        let mut command = apt();
        command
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(&missing);
        output_of(&mut command)
    };
    // The lists of packages may be there, and may be old.
    if install().is_none()
        && output_of(apt().args(["update", "-qq"])).is_some()
        && install().is_none()
    {
        println!("not to be had here: {}", missing.join(" "));
    }
}

/// Compiles the core as the client's judge.
pub(crate) fn build_oracle() -> Outcome {
    // Fails where there is no rustup: the target may be there all the same, and if not, the build says so.
    drop(output_of(
        Command::new("rustup").args(["target", "add", TARGET]),
    ));
    run(cargo("build").args(["--package", "icecore-oracle", "--target", TARGET]))
}

/// Formatting, lints, types, the build, and what the built package weighs.
pub(crate) fn check(installed: &Installed) -> Outcome {
    script(installed, "check")?;
    script(installed, "build")
}

/// Where the tests are run that a page runs.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Browsers {
    /// Chromium alone: beside other tests, for browsers are heavy.
    One,
    /// All that are there.
    All,
}

/// Runs the tests, in Node.js and in browsers that are there.
///
/// # Errors
/// When they cannot be run; failed tests are in the counts.
pub(crate) fn test(installed: &Installed, browsers: Browsers) -> Outcome<Tested> {
    let mut done = tested(installed, "test", "")?;
    let there = BROWSERS.iter().filter(|browser| is_there(browser.0));
    let engines: Vec<&str> = there.filter_map(|browser| browser.2).collect();
    let engines = match browsers {
        Browsers::One => engines.get(..1),
        Browsers::All => Some(engines.as_slice()),
    };
    match engines {
        Some(["chromium", ..]) => {
            let engines = engines.unwrap_or_default().join(",");
            let pages = tested(installed, "test:browser", &engines)?;
            done.counts += pages.counts;
            done.failed.extend(pages.failed);
        }
        _ => println!("skipped: the tests in browsers, for there is no Chromium here"),
    }
    Ok(done)
}

/// How many tests there were, and the names of those that failed.
#[derive(Debug)]
pub(crate) struct Tested {
    pub(crate) counts: Counts,
    pub(crate) failed: Vec<String>,
}

impl Verdict for Tested {
    fn passed(&self) -> bool {
        self.counts.passed()
    }
}

fn is_there(program: &str) -> bool {
    let path = variable("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

fn tested(installed: &Installed, name: &str, engines: &str) -> Outcome<Tested> {
    let report = workspace()
        .join("target")
        .join(format!("{}.json", name.replace(':', "-")));
    drop(fs::remove_file(&report));
    let mut command = npm(installed, name);
    command
        .args(["--", "--reporter=dot", "--reporter=json"])
        .arg(format!("--outputFile.json={}", report.display()))
        .env("ICECORE_BIN", workspace().join("target/debug/icecore"))
        .env("ICECORE_ORACLE_RUNS", HISTORIES)
        .env("ICECORE_BROWSERS", engines);
    let what = || Failure::while_doing(format!("npm run {name}"));
    let passed = after_others(&command).status().map_err(what())?.success();
    let text = fs::read_to_string(&report).map_err(what())?;
    let number = |member: &str| {
        let rest = text.split_once(&format!("\"{member}\":"))?.1;
        let end = rest.find(|c: char| !c.is_ascii_digit())?;
        rest[..end].parse().ok()
    };
    let counts = (|| {
        Some(Counts {
            passed: number("numPassedTests")?,
            failed: number("numFailedTests")?,
            skipped: number("numPendingTests")?,
        })
    })();
    let mut counts =
        counts.ok_or_else(|| Failure::new(format!("npm run {name} left no report")))?;
    let mut failed = failed_tests(&text);
    if !passed && counts.failed == 0 {
        counts.failed = 1;
        failed.push(format!(
            "npm run {name}, with an error outside of the tests"
        ));
    }
    Ok(Tested { counts, failed })
}

/// The names in vitest's report, in which a test's name comes right before how it ended.
fn failed_tests(report: &str) -> Vec<String> {
    let tests = report.split("\"fullName\":\"").skip(1);
    let failed = tests.filter_map(|test| {
        let (name, rest) = test.split_once("\",\"status\":\"")?;
        rest.starts_with("failed").then(|| name.to_owned())
    });
    failed.collect()
}

/// The same command, which comes after others where both want to work: what runs beside it measures times.
fn after_others(command: &Command) -> Command {
    let mut niced = Command::new("nice");
    niced
        .args(["-n", "5"])
        .arg(command.get_program())
        .args(command.get_args())
        .envs(
            command
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .stdin(Stdio::null());
    if let Some(folder) = command.get_current_dir() {
        niced.current_dir(folder);
    }
    niced
}

/// Lets the Rust core judge the client over so many random histories.
pub(crate) fn judge(installed: &Installed, runs: &str) -> Outcome {
    let mut command = npm(installed, "test");
    command
        .args(["--", "test/oracle"])
        .env("ICECORE_ORACLE_RUNS", runs);
    run(&mut command)
}

/// One of the package's scripts.
fn script(installed: &Installed, name: &str) -> Outcome {
    run(&mut npm(installed, name))
}

fn npm(installed: &Installed, name: &str) -> Command {
    let mut command = installed.node.npm(&client());
    command.args(["run", "--silent", name]);
    command
}

fn client() -> PathBuf {
    workspace().join(CLIENT)
}

#[cfg(test)]
mod tests {
    use super::failed_tests;

    #[test]
    fn failed_tests_are_named() {
        let report = r#"{"testResults":[{"assertionResults":[
{"ancestorTitles":["a"],"fullName":"a holds","status":"passed","title":"holds"},
{"ancestorTitles":["b"],"fullName":"b \"x\" breaks","status":"failed","title":"breaks"}]}]}"#;
        assert_eq!(failed_tests(report), [r#"b \"x\" breaks"#]);
        assert!(failed_tests("{}").is_empty());
    }
}
