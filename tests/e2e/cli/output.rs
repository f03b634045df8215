//! Help, completions, pipes, and what is printed where.

use crate::support::command::Place;

const COMMANDS: [&str; 21] = [
    "init",
    "space",
    "update",
    "state",
    "log",
    "sync",
    "status",
    "rollup",
    "prune",
    "verify",
    "conflicts",
    "resolve",
    "import",
    "export",
    "compress",
    "redact",
    "reset",
    "erase",
    "demo",
    "bench",
    "completions",
];

#[test]
fn every_command_has_help_with_examples() {
    let place = Place::empty();
    let a = place.replica("a");
    let help = a.ok(&["--help"]);
    for command in COMMANDS {
        assert!(
            help.contains(&format!("  {command} ")),
            "{command} is missing in\n{help}"
        );
        if command != "space" {
            let help = a.ok(&[command, "--help"]);
            assert!(help.contains("Examples:\n  "), "{command}: {help}");
        }
    }
    for command in ["create", "list", "forget"] {
        assert!(a.ok(&["space", command, "--help"]).contains("Examples:"));
    }
    assert!(a.ok(&["--version"]).starts_with("icecore "));
    assert!(a.fails(2, &[]).contains("Start here"));
    assert!(!help.contains("crash"), "what is for tests stays hidden");
}

#[test]
fn spaces_are_listed_as_a_table() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let long = "a-long-name-".repeat(5);
    a.ok(&["space", "create", &long, "--order", "sequence"]);
    let columns = |line: &str| -> Vec<usize> {
        let is_start = |at: &usize| *at == 0 || line[..*at].ends_with("  ");
        let starts = (0..line.len()).filter(is_start);
        starts.filter(|at| !line[*at..].starts_with(' ')).collect()
    };
    let aligned = |table: &str, width: usize| {
        let mut lines = table.lines().map(columns);
        let head = lines.next().unwrap();
        assert_eq!(head.len(), width, "{table}");
        for line in lines {
            assert!(head.starts_with(&line), "{table}");
        }
        assert!(table.lines().all(|line| line == line.trim_end()), "{table}");
    };
    aligned(&a.ok(&["space", "list"]), 5);
    a.ok(&["erase", &long, "--yes"]);
    let table = a.ok(&["space", "list"]);
    aligned(&table, 6);
    assert!(table.contains("  ERASED\n"), "{table}");
}

#[test]
fn completions_are_printed_for_every_shell() {
    let place = Place::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(
            place
                .replica("a")
                .ok(&["completions", shell])
                .contains("rollup"),
            "{shell}"
        );
    }
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let lines = format!(
        "{{\"kind\":\"merge\",\"data\":{{\"text\":\"{}\"}}}}\n",
        "x".repeat(500)
    )
    .repeat(2000);
    a.run_with(&["update", "todo", "-"], lines).ok();
    let mut log = a.start(&["log", "todo"]);
    log.line();
    assert_eq!(log.close_stdout(), Some(0));
}

#[test]
fn the_requests_are_told_on_stderr() {
    let place = Place::with_todo();
    let a = place.replica("a");
    let ran = a
        .run(&["update", "todo", r#"{"kind":"merge","data":{}}"#, "--stats"])
        .expect_code(0);
    assert!(
        ran.stderr.contains("2 PUT") && ran.stderr.contains("on S3"),
        "{ran:?}"
    );
    let ran = a.run(&["sync", "todo", "--stats", "--json"]).expect_code(0);
    let stats: serde_json::Value =
        serde_json::from_str(ran.stderr.lines().last().unwrap()).unwrap();
    assert_eq!(stats["requests"]["put"], 0);
    assert_eq!(ran.values().len(), 1);
}

#[test]
fn a_state_is_the_same_bytes_in_a_pipe_and_in_json() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"b":{"z":1.0,"a":[1e2]},"a":"\u00e4"}"#);
    let expected = "{\"a\":\"ä\",\"b\":{\"a\":[100],\"z\":1}}\n";
    assert_eq!(a.ok(&["state", "todo"]), expected);
    assert_eq!(a.ok(&["state", "todo", "--json"]), expected);
    assert_eq!(a.ok(&["state", "todo", "--path", "/b/a"]), "[100]\n");
    assert_eq!(a.ok(&["state", "todo", "--path", ""]), expected);
}

/// For eyes indented, for programs canonical.
#[cfg(target_os = "linux")]
#[test]
fn the_state_is_indented_on_a_terminal_only() {
    let place = Place::with_todo();
    let a = place.replica("a");
    a.merge("todo", r#"{"b":[1],"a":{}}"#);
    let on_a_terminal = |arguments: &str| {
        let program = env!("CARGO_BIN_EXE_icecore");
        let mut command = a.command_of(std::path::Path::new("script"), &["-qec"]);
        command
            .arg(format!("{program} {arguments}"))
            .arg("/dev/null");
        crate::support::command::Ran::of(command, "")
            .ok()
            .replace('\r', "")
    };
    if std::process::Command::new("script")
        .arg("--version")
        .output()
        .is_err()
    {
        return;
    }
    let indented = "{\n  \"a\": {},\n  \"b\": [\n    1\n  ]\n}\n";
    assert_eq!(on_a_terminal("state todo"), indented);
    assert_eq!(on_a_terminal("state todo --json"), "{\"a\":{},\"b\":[1]}\n");
    assert_eq!(a.ok(&["state", "todo"]), "{\"a\":{},\"b\":[1]}\n");
}
