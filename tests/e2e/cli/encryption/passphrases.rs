//! Spaces that are opened by a passphrase. Each try of one takes a while, and is meant to.

use super::{WORDS, rejected, text_of, update_objects};
use crate::support::command::{Place, Replica};

const OLD: &str = "correct horse battery staple";
const NEW: &str = "another one";

fn knowing(place: &Place, name: &str, passphrase: &str) -> Replica {
    place.replica(name).with("ICECORE_PASSPHRASE", passphrase)
}

fn diary() -> (Place, Replica) {
    let place = Place::empty();
    let a = knowing(&place, "a", OLD);
    a.ok(&["init"]);
    let created = a.ok(&["space", "create", "diary", "--encrypted"]);
    assert!(created.starts_with("created the encrypted space diary"));
    (place, a)
}

#[test]
fn a_passphrase_opens_the_space_from_wherever_it_comes() {
    let (place, a) = diary();
    a.merge("diary", &format!(r#"{{"n":"{WORDS}"}}"#));
    let state = format!("{{\"n\":\"{WORDS}\"}}\n");
    let other = place.replica("b");
    // A pipe, which can be read once only, and ends with a line break that nobody meant.
    let piped = other.run_with(
        &["state", "diary", "--passphrase-fd", "0"],
        format!("{OLD}\n"),
    );
    assert_eq!(piped.ok(), state);
    let wrong = other.clone().with("ICECORE_PASSPHRASE", "wrong-passphrase");
    let said = wrong.fails(1, &["state", "diary", "--verbose"]);
    assert!(
        said.contains("the passphrase does not open the space"),
        "{said}"
    );
    assert!(!said.contains("wrong-passphrase"), "{said}");
    let status = wrong.ok(&["status", "diary"]);
    assert!(
        status.contains("locked: the passphrase does not open"),
        "{status}"
    );
    let ran = wrong.run(&["rollup", "diary", "--now"]).expect_code(0);
    assert!(
        ran.stderr.contains("going on without its content"),
        "{ran:?}"
    );
    let nobody = place.replica("nobody");
    let said = nobody.fails(2, &["space", "create", "more", "--encrypted"]);
    assert!(said.contains("nobody to ask"), "{said}");
    let said = nobody.fails(1, &["state", "diary", "--passphrase-fd", "99"]);
    assert!(said.contains("cannot be read"), "{said}");
    let fd = [
        "space",
        "create",
        "more",
        "--encrypted",
        "--passphrase-fd",
        "0",
    ];
    nobody.run_with(&fd, "x\n").ok();
}

/// Somebody changes the passphrase on one device. Elsewhere the other devices went on writing with the old one, what
/// nobody could read, or threw away what they could not decrypt.
///
/// super-productivity#9332, actual#3620, taskwarrior#3815 and #4123, joplin#3742
#[test]
fn row_10_a_changed_passphrase_is_told_to_an_old_device_and_nothing_is_lost() {
    let (place, a) = diary();
    a.merge("diary", r#"{"n":1}"#);
    let old = knowing(&place, "b", OLD);
    old.ok(&["sync", "diary"]);
    old.ok(&[
        "update",
        "diary",
        "--offline",
        r#"{"kind":"merge","data":{"queued":1}}"#,
    ]);
    let changed = a.clone().with("ICECORE_NEW_PASSPHRASE", NEW);
    let said = changed.ok(&["keyring", "passphrase", "diary"]);
    assert!(said.contains("made a new key"), "{said}");

    let stored = update_objects(&place);
    let said = old.fails(
        1,
        &["update", "diary", r#"{"kind":"merge","data":{"late":2}}"#],
    );
    assert!(
        said.contains("the passphrase does not open the space"),
        "{said}"
    );
    assert!(
        said.contains("may have been changed") && said.contains("not lost"),
        "{said}"
    );
    assert_eq!(update_objects(&place), stored, "nothing was written");
    let status = &old.json(&["status", "diary"])[0];
    assert_eq!(status["queued"], 2);
    assert!(
        status["problem"]
            .as_str()
            .unwrap()
            .contains("does not open"),
        "{status}"
    );
    // What it had read is there still.
    let own = old.ok(&["state", "diary", "--offline"]);
    assert_eq!(own, "{\"late\":2,\"n\":1,\"queued\":1}\n");

    // With the new passphrase it goes on where it was.
    let new = knowing(&place, "b", NEW);
    new.ok(&["sync", "diary"]);
    let (sent, stored) = (update_objects(&place), stored.len());
    assert!(sent.len() > stored);
    for key in sent.iter().skip(stored) {
        assert!(
            text_of(&place, key).contains("\"key\":2"),
            "sealed under the new key"
        );
    }
    assert_eq!(new.ok(&["state", "diary"]), own);
    let a = knowing(&place, "a", NEW);
    assert_eq!(a.ok(&["state", "diary"]), own);
    assert!(rejected(&a).is_empty());
    place.replica("nobody").ok(&["rollup", "--now"]);
    a.ok(&["verify", "diary"]);
}

#[test]
fn a_passphrase_and_a_member_open_the_same_space() {
    let (place, a) = diary();
    let b = super::with_identity(&place, "b");
    a.ok(&["keyring", "add", "diary", "b", &super::public(&b, "b")]);
    b.merge("diary", r#"{"n":1}"#);
    // The member adds a passphrase, and removes the first one.
    let more = b.clone().with("ICECORE_NEW_PASSPHRASE", NEW);
    more.ok(&["keyring", "add", "diary", "guests", "--passphrase"]);
    b.ok(&["keyring", "remove", "diary", "passphrase"]);
    b.merge("diary", r#"{"n":2}"#);
    let said = a.fails(1, &["state", "diary"]);
    assert!(said.contains("the passphrase does not open"), "{said}");
    assert_eq!(
        knowing(&place, "guest", NEW).ok(&["state", "diary"]),
        "{\"n\":2}\n"
    );
}
