//! Transient events through the gateway, and the numbers that a server tells of itself.

use crate::support::http::Http;
use crate::support::serving::Serving;
use serde_json::json;
use std::time::Duration;

const AUTHOR: &str = "018bcfe5-6800-7fff-bfff-ffffffffffff";
const OTHER: &str = "018bcfe5-6800-7fff-bfff-fffffffffffe";

/// Looks again and again, for half a minute.
#[expect(clippy::disallowed_methods, reason = "a server needs real time")]
fn wait_until(is_so: impl Fn() -> bool) {
    for _ in 0..150 {
        if is_so() {
            return;
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    panic!("it did not come so far");
}

#[test]
fn typing_is_seen_within_seconds_and_then_gone_and_never_in_the_history() {
    let serving = Serving::start_with(&["--rollup-every", "1"]);
    let (http, token) = (Http::new(), serving.admin());
    let place = serving.behind(&token);
    let replica = place.replica("a");
    replica.ok(&["space", "create", "chat", "--model", "log"]);
    let url = format!("{}/v1/spaces/chat/transient", serving.url());
    let body =
        json!({ "author": AUTHOR, "kind": "typing", "data": { "in": "general" }, "ttl_ms": 3000 });
    let sent = http.call("POST", &url, &token, &body);
    assert_eq!(sent.status, 201, "{}", sent.body);
    let stay = json!({ "author": OTHER, "kind": "connected" });
    assert_eq!(http.call("POST", &url, &token, &stay).status, 201);
    let list = || {
        let answer = http.call("GET", &url, &token, &json!(null));
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()["events"].as_array().unwrap().clone()
    };
    let seen = list();
    assert_eq!(seen.len(), 2, "{seen:?}");
    assert_eq!(seen[0]["data"]["in"], "general");
    assert_eq!(seen[0]["key"], sent.json()["key"]);
    wait_until(|| list().len() == 1);
    assert_eq!(list()[0]["kind"], "connected");
    replica.ok(&["rollup", "chat", "--now"]);
    assert_eq!(replica.json(&["log", "chat"]).len(), 0);
    replica.ok(&["verify"]);
}

#[test]
fn a_transient_event_needs_the_same_rights_as_an_update_and_stays_small() {
    let serving = Serving::start();
    let (http, admin) = (Http::new(), serving.admin());
    let place = serving.behind(&admin);
    place.replica("a").ok(&["space", "create", "chat"]);
    let url = format!("{}/v1/spaces/chat/transient", serving.url());
    let event = json!({ "author": AUTHOR, "kind": "typing" });
    let post = |token: &str, body: &serde_json::Value| http.call("POST", &url, token, body).status;
    let reader = serving.token(&["--space", "chat", "--right", "read"]);
    let stranger = serving.token(&["--space", "other"]);
    let bound = serving.token(&["--space", "chat", "--author", OTHER]);
    assert_eq!(post(&reader, &event), 403);
    assert_eq!(post(&stranger, &event), 403);
    assert_eq!(post(&bound, &event), 403, "in another author's name");
    assert_eq!(post("", &event), 401);
    let get = |token: &str| http.call("GET", &url, token, &json!(null)).status;
    assert_eq!((get(&reader), get(&stranger)), (200, 403));
    let large = json!({ "author": AUTHOR, "kind": "typing", "data": "x".repeat(5_000) });
    let long = json!({ "author": AUTHOR, "kind": "typing", "ttl_ms": 86_400_000_u64 });
    for wrong in [large, long, json!({ "author": "me", "kind": "typing" })] {
        assert_eq!(post(&admin, &wrong), 400, "{wrong}");
    }
    let nowhere = format!("{}/v1/spaces/nowhere/transient", serving.url());
    assert_eq!(http.call("POST", &nowhere, &admin, &event).status, 404);
}

#[test]
fn a_server_tells_in_numbers_what_it_did() {
    let serving = Serving::start_with(&["--rollup-every", "1"]);
    let token = serving.admin();
    let place = serving.behind(&token);
    let replica = place.replica("a");
    replica.ok(&["space", "create", "todo"]);
    replica.merge("todo", r#"{"a":1}"#);
    let http = Http::new();
    let metrics = || {
        let url = format!("{}/metrics", serving.url());
        http.call("GET", &url, "", &json!(null)).body
    };
    let value = |text: &str, name: &str| -> f64 {
        let lines = text.lines().filter(|line| line.starts_with(name));
        lines
            .filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok())
            .sum()
    };
    wait_until(|| value(&metrics(), "icecore_rollup_updates_total") >= 1.0);
    let text = metrics();
    let synced = r#"icecore_gateway_requests_total{method="POST",endpoint="/v1/spaces/{space}/sync",status="200"}"#;
    assert!(value(&text, synced) >= 1.0, "{text}");
    assert!(
        value(&text, "icecore_gateway_signed_total") >= 3.0,
        "{text}"
    );
    assert!(
        value(&text, "icecore_rollup_segments_total") >= 1.0,
        "{text}"
    );
    for secret in [token.as_str(), "todo", "X-Amz"] {
        assert!(!text.contains(secret), "{text}");
    }
}
