//! A replica whose sync gets nowhere, and what it says of it.

use super::command::Replica;
use serde_json::Value;

/// What `status` says of the space `todo`.
pub(crate) fn status(replica: &Replica) -> Value {
    replica.json(&["status", "todo"]).remove(0)
}

/// The sync fails with this exit code, and `status`, another process, says why, in both forms, until it succeeds.
pub(crate) fn is_stuck(replica: &Replica, code: i32, why: &str) {
    let said = replica.fails(code, &["sync", "todo"]);
    assert!(said.contains(why) && said.contains("hint:"), "{said}");
    let json = status(replica);
    let problem = json["problem"].as_str().unwrap_or_default();
    assert!(problem.contains(why), "{json}");
    assert_eq!(json["queued"], 1);
    assert!(json["oldest_queued_ms"].as_i64() >= Some(0));
    let text = replica.ok(&["status", "todo"]);
    assert!(text.contains("stuck") && text.contains(why), "{text}");
}
