//! One fault at a time between a replica, the gateway and the bucket: what is queued stays queued, is stored once, and
//! `status` says why it waits.

use crate::support::command::{Replica, id_of};
use crate::support::proxy::{Asked, BUSY, EXPIRED, Fate, Proxied};
use crate::support::stuck::{is_stuck, status};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;

/// A server behind a proxy, with one space of documents, `todo`.
fn with_todo(arguments: &[&str]) -> Proxied {
    let site = Proxied::start(&[&["--rollup-every", "3600"], arguments].concat());
    site.place.replica("admin").ok(&["space", "create", "todo"]);
    site
}

/// A replica that gives up soon.
fn impatient(site: &Proxied, name: &str) -> Replica {
    let replica = site.place.replica(name);
    replica.with("ICECORE_PUBLISH_TIME_MAX_MS", "300")
}

fn queue(replica: &Replica, data: &str) {
    let update = format!(r#"{{"kind":"merge","data":{data}}}"#);
    replica.ok(&["update", "todo", "--offline", &update]);
}

/// The first requests that this is true of get this fate.
fn first(
    count: usize,
    fate: Fate,
    of: impl Fn(&Asked) -> bool + Send + 'static,
) -> impl FnMut(&Asked) -> Fate + Send {
    let mut left = count;
    move |asked| match left {
        0 => Fate::Pass,
        _ if !of(asked) => Fate::Pass,
        _ => {
            left -= 1;
            fate
        }
    }
}

#[test]
fn a_busy_bucket_makes_writers_and_readers_wait() {
    let site = with_todo(&[]);
    let (a, proxy) = (site.place.replica("a"), &site.proxy);
    proxy.plan(first(3, BUSY, Asked::writes_updates));
    a.merge("todo", r#"{"a":1}"#);
    assert_eq!(proxy.count("answer"), 3);
    proxy.heal();
    a.ok(&["rollup", "todo", "--now"]);
    // A first look at a rolled-up space reads its snapshot from the bucket.
    proxy.plan(first(2, BUSY, |asked| {
        asked.is_presigned() && asked.method == "GET"
    }));
    let fresh = site.place.replica("fresh");
    assert_eq!(fresh.ok(&["state", "todo"]), "{\"a\":1}\n");
    assert_eq!(proxy.count("answer"), 5);
}

#[test]
fn a_bucket_that_stays_busy_loses_nothing() {
    let site = with_todo(&[]);
    let a = impatient(&site, "a");
    a.ok(&["sync", "todo"]);
    let busy = |asked: &Asked| {
        if asked.is_presigned() {
            BUSY
        } else {
            Fate::Pass
        }
    };
    site.proxy.plan(busy);
    for n in 0..3 {
        let update = format!(r#"{{"kind":"merge","data":{{"n{n}":{n}}}}}"#);
        let said = a.fails(4, &["update", "todo", &update]);
        assert!(
            said.contains("503") && said.contains("nothing is lost"),
            "{said}"
        );
    }
    let stuck = status(&a);
    assert_eq!(stuck["queued"], 3, "{stuck}");
    let problem = stuck["problem"].as_str().unwrap();
    assert!(problem.contains("it is tried again"), "{stuck}");
    site.proxy.heal();
    a.ok(&["sync", "todo"]);
    assert_eq!(
        (&status(&a)["queued"], &status(&a)["problem"]),
        (&json!(0), &Value::Null)
    );
    let other = site.place.replica("other");
    assert_eq!(
        other.ok(&["state", "todo"]),
        "{\"n0\":0,\"n1\":1,\"n2\":2}\n"
    );
}

/// A file that makes slots end after a second.
fn short_slots(folder: &tempfile::TempDir) -> String {
    let file = folder.path().join("settings.json");
    let settings = json!({ "limits": { "slot_seconds": 1 } });
    std::fs::write(&file, settings.to_string()).unwrap();
    file.display().to_string()
}

#[test]
fn a_slot_that_ends_on_its_way_is_asked_for_again() {
    let folder = tempfile::tempdir().unwrap();
    let site = with_todo(&["--settings", &short_slots(&folder)]);
    let a = impatient(&site, "a");
    a.ok(&["sync", "todo"]);
    // Its slot is good for a second, and the body is longer on its way.
    let late = Fate::Delay(Duration::from_millis(2_500));
    site.proxy.plan(first(1, late, Asked::writes_updates));
    a.merge("todo", r#"{"a":1}"#);
    assert_eq!(site.proxy.count("delay"), 1);
    // While every body takes so long, nothing can be written; nothing is lost either.
    site.proxy.plan(move |asked| {
        if asked.writes_updates() {
            late
        } else {
            Fate::Pass
        }
    });
    let update = r#"{"kind":"merge","data":{"b":2}}"#;
    let said = a.fails(4, &["update", "todo", update]);
    assert!(said.contains("the network is slow"), "{said}");
    assert!(said.contains("nothing is lost"), "{said}");
    assert_eq!(status(&a)["queued"], 1);
    site.proxy.heal();
    a.ok(&["sync", "todo"]);
    let other = site.place.replica("other");
    assert_eq!(other.ok(&["state", "todo"]), "{\"a\":1,\"b\":2}\n");
    assert_eq!(other.json(&["log", "todo"]).len(), 2);
}

#[test]
fn presigned_requests_whose_credentials_have_ended_are_made_anew() {
    let site = with_todo(&[]);
    let (a, proxy) = (site.place.replica("a"), &site.proxy);
    // The first of each kind: the credentials that an address was signed with may end before the address does.
    let mut seen = BTreeSet::new();
    proxy.plan(move |asked| {
        let is_new = asked.is_presigned() && seen.insert((asked.method.clone(), asked.lists()));
        if is_new { EXPIRED } else { Fate::Pass }
    });
    a.merge("todo", r#"{"a":1}"#);
    a.ok(&["rollup", "todo", "--now"]);
    let fresh = site.place.replica("fresh");
    assert_eq!(fresh.ok(&["state", "todo"]), "{\"a\":1}\n");
    a.ok(&["verify"]);
    assert_eq!(proxy.count("answer"), 3, "a write, a read and a listing");
}

#[test]
fn credentials_that_stay_ended_lose_nothing() {
    let site = with_todo(&[]);
    let a = impatient(&site, "a");
    a.ok(&["sync", "todo"]);
    site.proxy.plan(|asked| {
        if asked.is_presigned() {
            EXPIRED
        } else {
            Fate::Pass
        }
    });
    let update = r#"{"kind":"merge","data":{"a":1}}"#;
    let ran = a.run(&["update", "todo", update]);
    assert!(!matches!(ran.code, Some(0) | None), "{ran:?}");
    assert!(ran.stderr.contains("icecore sync todo"), "{ran:?}");
    let stuck = status(&a);
    assert_eq!(stuck["queued"], 1, "{stuck}");
    assert!(stuck["problem"].is_string(), "{stuck}");
    site.proxy.heal();
    a.ok(&["sync", "todo"]);
    let other = site.place.replica("other");
    assert_eq!(other.ok(&["state", "todo"]), "{\"a\":1}\n");
}

#[test]
fn a_queue_behind_a_write_that_fails_goes_out_in_order() {
    let site = with_todo(&[]);
    let a = impatient(&site, "a");
    a.ok(&["sync", "todo"]);
    for n in 0..3 {
        queue(&a, &format!(r#"{{"n":{n}}}"#));
    }
    // Nobody ever hears what became of the first write: it may have been stored.
    site.proxy.plan(|asked| {
        if asked.writes_updates() {
            Fate::LoseAnswer
        } else {
            Fate::Pass
        }
    });
    a.fails(4, &["sync", "todo"]);
    assert!(site.proxy.count("lose answer") >= 1);
    assert_eq!(status(&a)["queued"], 3);
    // More is written behind it, and now not even a connection comes about.
    for n in 3..6 {
        queue(&a, &format!(r#"{{"n":{n}}}"#));
    }
    site.proxy.cut();
    a.fails(4, &["sync", "todo"]);
    assert_eq!(status(&a)["queued"], 6);
    site.proxy.heal();
    a.ok(&["sync", "todo"]);
    assert_eq!(status(&a)["queued"], 0);
    let other = site.place.replica("other");
    assert_eq!(other.ok(&["state", "todo"]), "{\"n\":5}\n");
    let log = other.json(&["log", "todo"]);
    let seqs: Vec<_> = log.iter().filter_map(|line| line["seq"].as_u64()).collect();
    assert_eq!(seqs, [1, 2, 3, 4, 5, 6]);
    let numbers: Vec<_> = log.iter().map(|line| &line["data"]["n"]).collect();
    assert_eq!(numbers, [0, 1, 2, 3, 4, 5]);
    other.ok(&["verify"]);
}

#[test]
fn a_presigned_write_that_arrives_twice_is_stored_once() {
    let site = with_todo(&[]);
    let a = site.place.replica("a");
    let later = Fate::RepeatLater(Duration::from_millis(200));
    for (n, fate) in [Fate::Repeat, Fate::LoseAnswer, later]
        .into_iter()
        .enumerate()
    {
        site.proxy.plan(first(1, fate, Asked::writes_updates));
        a.merge("todo", &format!(r#"{{"n{n}":{n}}}"#));
    }
    while site.proxy.repeated().len() < 2 {
        site.proxy.wait(Duration::from_millis(50));
    }
    assert_eq!(site.proxy.repeated(), [(200, 412), (200, 412)]);
    let other = site.place.replica("other");
    assert_eq!(
        other.ok(&["state", "todo"]),
        "{\"n0\":0,\"n1\":1,\"n2\":2}\n"
    );
    let log = other.json(&["log", "todo"]);
    let ids: BTreeSet<String> = log.iter().map(id_of).collect();
    assert_eq!((ids.len(), log.len()), (3, 3));
    let updates = site.serving.object("spaces/todo/0001/updates").read_dir();
    assert_eq!(updates.unwrap().count(), 3, "three objects, no copies");
}

/// Nobody could tell why nothing came through (actual#3786; libsql#2001; taskwarrior#4123). Between a device and its
/// bucket stands one more that can be the reason here, the gateway: that it is away, refuses the token, or that the
/// bucket behind it answers nothing, each is said, kept for `status`, and gone after the next good sync.
#[test]
fn row_17_status_behind_a_gateway_says_why_a_sync_is_stuck() {
    let site = with_todo(&[]);
    let expired = site.serving.token(&["--space", "*", "--expires", "1s"]);
    let a = impatient(&site, "a");
    a.ok(&["sync", "todo"]);
    queue(&a, r#"{"a":1}"#);
    site.proxy.cut();
    is_stuck(&a, 4, "check the network");
    site.proxy.heal();
    site.proxy.wait(Duration::from_secs(2));
    let late = a.clone().with("ICECORE_TOKEN", &expired);
    is_stuck(&late, 1, "expired");
    let nobody = a.clone().with("ICECORE_TOKEN", "");
    is_stuck(&nobody, 1, "no token");
    site.proxy.plan(|asked| {
        if asked.is_presigned() {
            BUSY
        } else {
            Fate::Pass
        }
    });
    is_stuck(&a, 4, "it is tried again");
    site.proxy.heal();

    a.ok(&["sync", "todo"]);
    let json = status(&a);
    assert_eq!(
        (&json["problem"], &json["queued"]),
        (&Value::Null, &json!(0))
    );
    let other = site.place.replica("other");
    assert_eq!(other.ok(&["state", "todo"]), "{\"a\":1}\n");
}
