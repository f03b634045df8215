//! The HTTP API is what its `OpenAPI` document says: Schemathesis makes up requests from the document, good and bad ones,
//! and compares the answers with it. Endpoints that are added are tried without a change here.

use crate::support::command::Place;
use crate::support::http::Http;
use crate::support::serving::Serving;
use crate::support::tools;
use serde_json::json;
use std::fs;
use std::path::Path;
use std::process::Command;

/// The spaces of `xtask/schemathesis/hooks.py`, and the order of their updates.
const SPACES: [(&str, &str); 6] = [
    ("alpha", "timestamp"),
    ("beta", "timestamp"),
    ("steps", "sequence"),
    ("doomed-0", "timestamp"),
    ("doomed-1", "timestamp"),
    ("doomed-2", "timestamp"),
];

/// Guests that can be linked.
const GUESTS: u32 = 5;

/// No request is bad luck: the same ones in each run.
const SEED: &str = "20261121";

/// This check is left out. It wants every request that fits the document to be accepted; but what a path may name depends
/// on the endpoint and on the other fields, an epoch must be the one that counts, and so on: no document says that.
const LEFT_OUT: &str = "positive_data_acceptance";

/// A run takes a tenth of it on a machine that does nothing else.
const SECONDS_MAX: u32 = 300;

/// A server with something in it, which makes nobody wait.
fn serving(folder: &Place) -> Serving {
    let file = folder.folder().join("settings.json");
    let settings = json!({
        "limits": { "burst": 1_000_000, "calls_per_second": 1_000_000 },
        "guests": { "per_minute": 1_000_000 },
    });
    fs::write(&file, settings.to_string()).unwrap();
    let file = file.display().to_string();
    let serving = Serving::start_with(&["--settings", &file, "--rollup-every", "3600"]);
    let place = serving.behind(&serving.admin());
    let a = place.replica("a");
    for (space, order) in SPACES {
        a.ok(&["space", "create", space, "--order", order]);
    }
    for space in ["alpha", "steps"] {
        a.merge(space, r#"{"a":1}"#);
        a.ok(&["rollup", space, "--now"]);
        a.merge(space, r#"{"b":2}"#);
    }
    serving
}

/// The ids of some guests.
fn guests(serving: &Serving) -> Vec<String> {
    let http = Http::new();
    let url = format!("{}/v1/users", serving.url());
    let guest = |_| {
        let made = http.call("POST", &url, "", &json!({}));
        assert_eq!(made.status, 201, "{}", made.body);
        made.json()["user"].as_str().unwrap().to_owned()
    };
    (0..GUESTS).map(guest).collect()
}

/// Runs Schemathesis with this token, if any, and so many made-up requests for each endpoint.
fn conforms(token: impl FnOnce(&Serving) -> Option<String>, examples: u32) {
    let Some(program) = tools::named_by("ICECORE_TEST_SCHEMATHESIS") else {
        return;
    };
    let folder = Place::empty();
    let serving = serving(&folder);
    let hooks = Path::new(env!("CARGO_MANIFEST_DIR")).join("../xtask/schemathesis");
    let mut command = Command::new(program);
    command
        .args(["run", &format!("{}/v1/openapi.json", serving.url())])
        .args(["--checks", "all", "--exclude-checks", LEFT_OUT])
        .args(["--max-examples", &examples.to_string(), "--seed", SEED])
        .args(["--generation-database", "none", "--no-color"])
        // A machine that is busy is no failure.
        .args(["--suppress-health-check", "too_slow"])
        .args(["--request-timeout", "30"])
        .current_dir(folder.folder())
        .env("SCHEMATHESIS_HOOKS", "hooks")
        .env("ICECORE_TEST_GUESTS", guests(&serving).join(","))
        .env("PYTHONPATH", hooks)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    if let Some(token) = token(&serving) {
        command.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let ran = tools::run_within(SECONDS_MAX, &mut command);
    assert!(ran.success, "{}\n{}", ran.stdout, ran.stderr);
    // Whatever was asked of it, the store is in order.
    let place = serving.behind(&serving.admin());
    for space in ["alpha", "beta", "steps"] {
        place.replica("a").ok(&["verify", space]);
    }
}

#[test]
fn the_api_is_what_its_document_says_for_an_administrator() {
    conforms(|serving| Some(serving.admin()), 50);
}

#[test]
fn the_api_is_what_its_document_says_for_a_member_of_one_space() {
    let token = |serving: &Serving| {
        serving.token(&["--space", "alpha", "--right", "read", "--right", "write"])
    };
    conforms(|serving| Some(token(serving)), 20);
}

#[test]
fn the_api_is_what_its_document_says_without_a_token() {
    conforms(|_| None, 20);
}
