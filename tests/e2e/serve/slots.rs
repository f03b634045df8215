//! A slot writes exactly one body under exactly one new key, once, in one author's name, for half a minute.

use crate::support::command::Place;
use crate::support::http::{Http, Presigned, write_request_in};
use crate::support::serving::Serving;
use crate::support::{localstack, s3};
use serde_json::json;

const AUTHOR: &str = "018bcfe5-6800-7fff-bfff-ffffffffffff";
const OTHER: &str = "018bcfe5-6800-7fff-bfff-fffffffffffe";
const BODY: &str = r#"{"v":1,"author":"018bcfe5-6800-7fff-bfff-ffffffffffff","seq":1,"updates":[{"at":"2026-11-20T12:00:00.000Z","kind":"merge","data":{"a":1}}]}"#;

/// Slots for a body.
fn slots(serving: &Serving, http: &Http, token: &str) -> Vec<Presigned> {
    let url = format!("{}/v1/spaces/todo/sync", serving.url());
    let place = serving.behind(&serving.admin());
    let admin = place.replica("admin");
    let status = &admin.json(&["status", "todo"])[0];
    let epoch = status["store"]["epoch"].as_str().expect("an epoch");
    let request = write_request_in(epoch, AUTHOR, BODY);
    let answer = http.call("POST", &url, token, &request);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let slots = answer.json()["slots"][0].clone();
    slots
        .as_array()
        .expect("slots")
        .iter()
        .map(Presigned::of)
        .collect()
}

fn key_of(slot: &Presigned) -> &str {
    let (path, _) = slot.url.split_once('?').expect("a signature");
    path.rsplit('/').next().expect("a key")
}

fn a_slot_is_good_for_one_thing(serving: &Serving) {
    let http = Http::new();
    let token = serving.admin();
    let place = serving.behind(&token);
    place.replica("admin").ok(&["space", "create", "todo"]);
    let three = slots(serving, &http, &token);
    assert_eq!(three.len(), 3);
    let slot = &three[0];
    let changed = BODY.replace("\"a\":1", "\"a\":2");
    let longer = format!("{BODY} ");
    let key = key_of(slot).to_owned();
    let next = (key.parse::<u64>().unwrap() + 1_000).to_string();
    let refused = [
        ("a changed body", slot.clone(), changed.as_str()),
        ("a longer body", slot.clone(), longer.as_str()),
        ("an empty body", slot.clone(), ""),
        ("another key", slot.clone().replaced(&key, &next), BODY),
        ("no condition", slot.clone().without("if-none-match"), BODY),
        (
            "another condition",
            slot.clone().with("if-none-match", "\"x\""),
            BODY,
        ),
        (
            "no checksum",
            slot.clone().without("x-amz-checksum-sha256"),
            BODY,
        ),
        ("no author", slot.clone().without("x-amz-meta-author"), BODY),
        (
            "another author",
            slot.clone().with("x-amz-meta-author", OTHER),
            BODY,
        ),
        (
            "another type",
            slot.clone().with("content-type", "text/html"),
            BODY,
        ),
        (
            "a longer life",
            slot.clone().replaced("X-Amz-Expires=", "X-Amz-Expires=9"),
            BODY,
        ),
    ];
    for (what, request, body) in refused {
        let answer = http.send(&request, body);
        assert!(
            (400..500).contains(&answer.status),
            "{what}: {} {}",
            answer.status,
            answer.body
        );
        assert_ne!(answer.status, 412, "{what}");
    }
    let mut method = slot.clone();
    "DELETE".clone_into(&mut method.method);
    assert_eq!(http.send(&method, "").status, 403, "another method");
    assert_eq!(http.send(slot, BODY).status, 200);
    assert_eq!(http.send(slot, BODY).status, 412, "a second use");
    // The spare ones are for collisions; used all the same, the update still counts once.
    assert_eq!(http.send(&three[1], BODY).status, 200);
    let reader = place.replica("reader");
    assert_eq!(reader.ok(&["state", "todo"]), "{\"a\":1}\n");
    assert_eq!(reader.json(&["log", "todo"]).len(), 1);
}

#[test]
fn row_16_a_slot_is_good_for_one_thing() {
    // Presigned addresses of other systems let anybody who saw one write any body of any size, again and again.
    a_slot_is_good_for_one_thing(&Serving::start());
}

#[test]
fn row_16_a_slot_on_a_real_s3_server_is_good_for_one_thing() {
    let Some(endpoint) = localstack::s3_endpoint() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = runtime.block_on(s3::bucket_on(&endpoint));
    a_slot_is_good_for_one_thing(&Serving::over_bucket(&place, &[]));
}

fn a_slot_ends(serving: &Serving) {
    let http = Http::new();
    let token = serving.admin();
    let place = serving.behind(&token);
    place.replica("admin").ok(&["space", "create", "todo"]);
    let slot = slots(serving, &http, &token).remove(0);
    let wait = std::process::Command::new("sleep").arg("3").status();
    assert!(wait.unwrap().success());
    let answer = http.send(&slot, BODY);
    assert_eq!(answer.status, 403, "{}", answer.body);
}

/// A file that makes slots end after a second.
fn short_slots(place: &Place) -> String {
    let file = place.folder().join("settings.json");
    let settings = json!({ "limits": { "slot_seconds": 1 } });
    std::fs::write(&file, settings.to_string()).unwrap();
    file.display().to_string()
}

#[test]
fn a_slot_that_is_used_late_is_refused() {
    let place = Place::empty();
    a_slot_ends(&Serving::start_with(&["--settings", &short_slots(&place)]));
}

#[test]
fn a_slot_that_is_used_late_is_refused_by_a_real_s3_server() {
    let Some(endpoint) = localstack::s3_endpoint() else {
        return;
    };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let place = runtime.block_on(s3::bucket_on(&endpoint));
    let settings = short_slots(&place);
    a_slot_ends(&Serving::over_bucket(&place, &["--settings", &settings]));
}

#[test]
fn updates_through_slots_that_end_too_soon_are_sent_again() {
    // A network so slow that every slot has ended when its body arrives would look like this from the client's side:
    // it asks for new ones, and in the end one is used in time. Here a slot lives for a second, and the client does
    // not use one in its last three: so each is asked for anew at the moment of use.
    let place = Place::empty();
    let serving = Serving::start_with(&["--settings", &short_slots(&place)]);
    let behind = serving.behind(&serving.admin());
    let a = behind.replica("a");
    a.ok(&["space", "create", "todo"]);
    for n in 0..3 {
        a.merge("todo", &format!(r#"{{"n":{n}}}"#));
    }
    assert_eq!(behind.replica("b").ok(&["state", "todo"]), "{\"n\":2}\n");
}
