//! The functions as they are deployed, as far as that goes on one machine: the real programs behind cargo-lambda's
//! emulator of Lambda, with a function URL in front of the gateway; and buckets, queues and parameters of a server that
//! somebody else wrote.
//!
//! `functions/*/tests` has the many small cases, with doubles for all of these.

mod cloud;
mod emulator;
mod services;

use crate::support::command::{Place, Replica};
use crate::support::http::Http;
use cloud::Cloud;
use serde_json::{Value, json};
use std::process::Command;

/// Longer than an update needs to settle: before, a roll-up leaves it alone.
fn wait_until_settled() {
    let slept = Command::new("sleep").arg("6").status();
    assert!(slept.unwrap().success());
}

/// How many segments a space has, by its newest one.
fn generation(replica: &Replica, space: &str) -> Value {
    replica.ok(&["sync", space]);
    replica.json(&["status", space])[0]["generation"].clone()
}

/// Spaces made, and written to by two replicas, through presigned requests of the gateway function.
fn write_to(place: &Place, spaces: &[&str]) {
    let (a, b) = (place.replica("a"), place.replica("b"));
    for space in spaces {
        a.ok(&["space", "create", space]);
        a.merge(space, r#"{"a":1}"#);
        b.merge(space, r#"{"b":2}"#);
        assert_eq!(a.ok(&["state", space]), "{\"a\":1,\"b\":2}\n");
    }
}

#[test]
fn clients_meet_through_the_gateway_function_and_the_schedule_rolls_up() {
    let Some(cloud) = Cloud::new() else { return };
    let gateway = cloud.gateway();
    let sync = format!("{}/v1/spaces/todo/sync", gateway.url());
    let refused = Http::new().call("POST", &sync, "", &json!({ "look": {} }));
    assert_eq!(refused.status, 401, "{}", refused.body);
    let place = cloud.behind(&gateway);
    write_to(&place, &["todo"]);
    wait_until_settled();

    let rollup = cloud.rollup(&[]);
    let event = "functions/rollup/testdata/scheduler.json";
    let invoked = rollup.invoke_by_command(event);
    assert!(invoked.success, "{}", invoked.stderr);
    let report: Value = serde_json::from_str(&invoked.stdout).unwrap();
    assert_eq!(
        (&report["updates"], &report["segments"], &report["failures"]),
        (&json!(2), &json!(1), &json!([])),
        "{report}"
    );
    assert_eq!(generation(&place.replica("b"), "todo"), 1);
    let fresh = place.replica("fresh");
    assert_eq!(fresh.ok(&["state", "todo"]), "{\"a\":1,\"b\":2}\n");
    cloud.owner().ok(&["verify"]);

    // What the schedule of the template sends is understood, and finds nothing left.
    let report = rollup.invoke(&cloud::input_of_the_schedule()).unwrap();
    assert_eq!(
        (&report["updates"], &report["left"]),
        (&json!(0), &json!([]))
    );
    let error = rollup.invoke(&json!({ "work": "sing" })).unwrap_err();
    assert_eq!(error["errorType"], "Icecore.Invalid");
}

#[test]
fn what_a_round_does_not_finish_comes_back_by_the_queue() {
    const SPACES: [&str; 3] = ["ink", "paper", "pen"];
    let Some(cloud) = Cloud::new() else { return };
    let gateway = cloud.gateway();
    let place = cloud.behind(&gateway);
    write_to(&place, &SPACES);
    wait_until_settled();

    // No invocation has so much time left: nothing is begun, and all is handed over.
    let hurried = cloud.rollup(&[("ICECORE_MARGIN", "1d")]);
    let report = hurried.invoke(&cloud::input_of_the_schedule()).unwrap();
    assert_eq!(
        (&report["updates"], &report["left"]),
        (&json!(0), &json!(SPACES)),
        "{report}"
    );
    drop(hurried);
    assert_eq!(generation(&place.replica("b"), "ink"), 0);

    let messages = cloud.services.receive(&cloud.queue);
    assert_eq!(messages.len(), 1, "{messages:?}");
    let rollup = cloud.rollup(&[]);
    let answer = rollup.invoke(&services::event_of(&messages)).unwrap();
    assert_eq!(answer, json!({ "batchItemFailures": [] }));
    // As Lambda does with messages that are no failures.
    cloud.services.delete(&cloud.queue, &messages);
    assert_eq!(cloud.services.waiting(&cloud.queue), 0);
    for space in SPACES {
        assert_eq!(generation(&place.replica("b"), space), 1, "{space}");
    }
    cloud.owner().ok(&["verify"]);
}
