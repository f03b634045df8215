//! A member of a shared space who writes as somebody else.

use crate::support::command::Place;
use crate::support::http::{Http, Presigned, write_request, write_request_in};
use crate::support::serving::Serving;
use crate::support::{localstack, s3};

const MALLORY: &str = "018bcfe5-6800-7fff-bfff-fffffffffffe";
const ALICE: &str = "018bcfe5-6800-7fff-bfff-ffffffffffff";

/// Everybody who counted an update of Alice's by its author and seq alone would take the forged one for hers, and skip
/// her own as known already: an acknowledged update gone.
fn nobody_can_hide_anothers_update(serving: &Serving) {
    let http = Http::new();
    let admins = serving.behind(&serving.admin());
    let admin = admins.replica("admin");
    admin.ok(&["space", "create", "todo"]);
    let bound = |author: &str| serving.token(&["--space", "todo", "--author", author]);

    // Mallory's slot is for her own name; the body that it was signed for says Alice.
    let forged = format!(
        r#"{{"v":1,"author":"{ALICE}","seq":1,"updates":[{{"at":"2026-11-20T12:00:00.000Z","kind":"merge","data":{{"forged":true}}}}]}}"#
    );
    let url = format!("{}/v1/spaces/todo/sync", serving.url());
    let mallory = bound(MALLORY);
    let status = &admin.json(&["status", "todo"])[0];
    let epoch = status["store"]["epoch"].as_str().unwrap().to_owned();
    let answer = http.call(
        "POST",
        &url,
        &mallory,
        &write_request_in(&epoch, MALLORY, &forged),
    );
    assert_eq!(answer.status, 200, "{}", answer.body);
    let slot = Presigned::of(&answer.json()["slots"][0][0]);
    assert_eq!(http.send(&slot, &forged).status, 200);
    // Nor can she get a slot in Alice's name.
    let refused = http.call("POST", &url, &mallory, &write_request(ALICE, &forged));
    assert_eq!(refused.status, 403);

    let alices = serving.behind(&bound(ALICE));
    let alice = alices.replica("alice");
    assert_eq!(alice.merge("todo", r#"{"a":1}"#), format!("{ALICE}:1"));
    for replica in [&alice, &admin, &admins.replica("fresh")] {
        assert_eq!(replica.ok(&["state", "todo"]), "{\"a\":1}\n");
    }
    let report = &admin.json(&["rollup", "todo", "--now"])[0];
    assert_eq!(report["updates"], 1, "{report}");
    assert_eq!(
        report["quarantined"].as_array().map(Vec::len),
        Some(1),
        "{report}"
    );
    assert_eq!(
        admins.replica("fresher").ok(&["state", "todo"]),
        "{\"a\":1}\n"
    );
    assert_eq!(alice.merge("todo", r#"{"b":2}"#), format!("{ALICE}:2"));
    assert_eq!(admin.ok(&["state", "todo"]), "{\"a\":1,\"b\":2}\n");
}

#[test]
fn where_tokens_must_be_bound_nobody_writes_without_an_author() {
    let place = Place::empty();
    let file = place.folder().join("settings.json");
    std::fs::write(&file, r#"{"tokens":{"bound_authors":true}}"#).unwrap();
    let serving = Serving::start_with(&["--settings", &file.display().to_string()]);
    let admins = serving.behind(&serving.admin());
    admins.replica("admin").ok(&["space", "create", "todo"]);
    let members = serving.behind(&serving.token(&["--space", "todo"]));
    let member = members.replica("member");
    let error = member.fails(1, &["update", "todo", r#"{"kind":"merge","data":{"a":1}}"#]);
    assert!(error.contains("names no author"), "{error}");
    assert_eq!(member.json(&["status", "todo"])[0]["queued"], 1);
    let token = serving.token(&["--space", "todo", "--author", ALICE]);
    let bound = serving.behind(&token);
    bound.replica("alice").merge("todo", r#"{"b":2}"#);
    // With a token of its own the member's update goes out, in the author's name that it names.
    let token = serving.token(&["--space", "todo", "--author", MALLORY]);
    member.with("ICECORE_TOKEN", &token).ok(&["sync", "todo"]);
    assert_eq!(
        admins.replica("reader").ok(&["state", "todo"]),
        "{\"a\":1,\"b\":2}\n"
    );
}

#[test]
fn an_update_in_another_authors_name_is_set_aside() {
    nobody_can_hide_anothers_update(&Serving::start_with(&["--rollup-every", "3600"]));
}

#[test]
fn an_update_in_another_authors_name_is_set_aside_on_a_real_s3_server() {
    let Some(endpoint) = localstack::s3_endpoint() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = runtime.block_on(s3::bucket_on(&endpoint));
    nobody_can_hide_anothers_update(&Serving::over_bucket(&place, &["--rollup-every", "3600"]));
}
