//! The pages of the examples, typed word for word: each block of shell in `docs/examples/`, one after the other.
//!
//! A block that begins with `sh server` is for a terminal of its own: it goes on in the background. What is meant to fail
//! says so in the page (`… || echo …`); anything else that fails is an error of the page, or of the example.

use crate::support::command::Place;
use crate::support::s3::bucket_on;
use crate::support::tools::{named_by, run_within};
use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::Command;

/// More than a page takes on a slow machine.
const SECONDS_MAX: u32 = 180;

/// Addresses that the pages name; a test takes free ones.
const ADDRESSES: [&str; 2] = ["127.0.0.1:8333", "127.0.0.1:8090"];

/// In place of cargo: the programs are built already.
const CARGO: &str = r#"#!/usr/bin/env bash
program=icecore
while [ "$1" != -- ]; do
  if [ "$1" = -p ]; then shift; program="${1#icecore-example-}"; fi
  shift
done
shift
if [ "$program" = icecore ] && [ "$1" = serve ]; then set -- "$@" --listen "$PAGES_LISTEN"; fi
exec "$PAGES_PROGRAMS/$program" "$@"
"#;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// What a page's blocks of shell are for, and their lines.
fn blocks(page: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut current: Option<(&str, String)> = None;
    for line in page.lines() {
        match (&mut current, line.strip_prefix("```")) {
            (None, Some(kind)) if kind.split(' ').next() == Some("sh") => {
                current = Some((kind, String::new()));
            }
            (Some(_), Some("")) => blocks.extend(current.take()),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            _ => {}
        }
    }
    assert!(current.is_none(), "a block of the page has no end");
    blocks
}

fn script(blocks: &[(&str, String)], listen: &str) -> String {
    let (host, port) = listen.split_once(':').unwrap();
    let mut script =
        "set -e -m\ntrap 'for job in $(jobs -p); do kill -- -$job; done' EXIT\n".to_owned();
    for (kind, text) in blocks {
        script.push_str("echo '>' \"");
        script.push_str(&text.trim().replace(['\\', '"', '$', '`'], "."));
        script.push_str("\"\n");
        match *kind {
            "sh" => script.push_str(text),
            "sh server" => {
                // An example's own server says its port; the command gets one here.
                let own = text
                    .split("--port ")
                    .nth(1)
                    .and_then(|rest| rest.split_whitespace().next());
                let port = own.unwrap_or(port);
                let open = format!("(exec 3<>/dev/tcp/{host}/{port}) 2>/dev/null");
                let wait = format!(
                    "for n in $(seq 200); do\n  if {open}; then break; fi; sleep 0.1\ndone\n"
                );
                script.extend(["{ ", text, " } &\n", &wait]);
            }
            // It goes on until somebody stops it.
            "sh background" => script.extend(["{ ", text, " } &\n"]),
            other => panic!("the page has a block of {other:?}"),
        }
    }
    script
}

/// Types a whole page.
fn follow(name: &str) {
    follow_at(name, None);
}

/// Types a page up to its first server, with a bucket in the place of its store in a folder.
fn follow_at(name: &str, bucket: Option<&Place>) {
    let programs = Path::new(env!("CARGO_BIN_EXE_icecore")).parent().unwrap();
    assert!(
        programs.join(name).exists(),
        "the example is not built: run the tests with --workspace"
    );
    let folder = tempfile::tempdir().unwrap();
    let page = fs::read_to_string(root().join(format!("docs/examples/{name}.md"))).unwrap();
    let page = match bucket {
        None => page,
        Some(bucket) => page.replace(&format!("/tmp/icecore-{name}/store"), bucket.url()),
    };
    let own = format!("{}/icecore-", folder.path().display());
    let mut page = page.replace("/tmp/icecore-", &own);
    let mut free = Vec::new();
    for address in ADDRESSES {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let found = listener.local_addr().unwrap();
        let port = |address: &str| address.rsplit(':').next().unwrap().to_owned();
        page = page.replace(&port(address), &found.port().to_string());
        free.push((found.to_string(), listener));
    }
    // From here on the servers of the page may have them.
    let free: Vec<String> = free.into_iter().map(|(address, _)| address).collect();
    let mut blocks = blocks(&page);
    if bucket.is_some() {
        let server = blocks.iter().position(|(kind, _)| *kind == "sh server");
        blocks.truncate(server.unwrap_or(blocks.len()));
        fs::create_dir(folder.path().join(format!("icecore-{name}"))).unwrap();
    }
    assert!(blocks.len() > 1, "{name}: {} blocks", blocks.len());
    let bin = folder.path().join("bin");
    fs::create_dir(&bin).unwrap();
    let cargo = bin.join("cargo");
    fs::write(&cargo, CARGO).unwrap();
    make_executable(&cargo);
    let own =
        std::env::split_paths(&std::env::var_os("PATH").unwrap_or_default()).collect::<Vec<_>>();
    let path = std::env::join_paths([bin].into_iter().chain(own)).unwrap();
    let mut command = Command::new("bash");
    command.arg("-c").arg(script(&blocks, &free[0]));
    for variable in [
        "ICECORE_STORE",
        "ICECORE_REPLICA",
        "ICECORE_TOKEN",
        "ICECORE_PASSPHRASE",
    ] {
        command.env_remove(variable);
    }
    command
        .current_dir(root())
        .env("PATH", path)
        .env("HOME", folder.path())
        .env("PAGES_PROGRAMS", programs)
        .env("PAGES_LISTEN", &free[0]);
    for (variable, value) in bucket.map_or(&[][..], Place::environment) {
        command.env(variable, value);
    }
    let ended = run_within(SECONDS_MAX, &mut command);
    assert!(
        ended.success,
        "docs/examples/{name}.md cannot be followed:\n{}\n{}",
        ended.stdout, ended.stderr
    );
}

fn make_executable(path: &Path) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn activity() {
    follow("activity");
}

#[test]
fn chat() {
    follow("chat");
}

#[test]
fn notes() {
    follow("notes");
}

#[test]
fn pomodoro() {
    follow("pomodoro");
}

#[test]
fn steps() {
    follow("steps");
}

/// The same examples, unchanged, with their stores on a real S3 server.
#[tokio::test]
async fn on_s3() {
    let Some(endpoint) = named_by("ICECORE_TEST_S3_ENDPOINT") else {
        return;
    };
    for name in ["activity", "chat", "notes", "pomodoro", "steps"] {
        let bucket = bucket_on(&endpoint).await;
        follow_at(name, Some(&bucket));
    }
}

/// A page that nobody follows tells nothing.
#[test]
fn each_example_has_a_page_that_is_followed() {
    let folders = fs::read_dir(root().join("examples")).unwrap();
    let mut names: Vec<String> = folders
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    // A web page: the browser client's tests follow it.
    let page = names.iter().position(|name| name == "planner-web");
    names.remove(page.expect("examples/planner-web"));
    assert!(root().join("docs/examples/planner-web.md").is_file());
    // What the web pages of the others share; each stands on the page of its example.
    let shared = names.iter().position(|name| name == "web");
    names.remove(shared.expect("examples/web"));
    assert_eq!(names, ["activity", "chat", "notes", "pomodoro", "steps"]);
}
