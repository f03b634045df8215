//! An encrypted space behind a gateway: the server rolls it up and cannot read it.

use crate::support::command::{Place, Replica};
use crate::support::serving::Serving;
use std::fs;

const WORDS: &str = "unlikely-aubergine";

/// A replica of this place with the identity of a file beside it.
fn knowing(place: &Place, name: &str, identity: &str) -> Replica {
    place.replica(name).with("ICECORE_IDENTITY", identity)
}

#[test]
fn a_server_rolls_up_what_it_cannot_read() {
    let serving = Serving::start_with(&["--rollup-every", "3600"]);
    let place = serving.behind(&serving.admin());
    let identity = place.folder().join("a.identity").display().to_string();
    place.replica("a").ok(&["identity", "create", &identity]);
    let a = knowing(&place, "a", &identity);
    a.ok(&["space", "create", "diary", "--encrypted"]);
    a.merge("diary", &format!(r#"{{"said":"{WORDS}"}}"#));
    // A device with a token for this space writes, and changes no keyring.
    let devices = serving.behind(&serving.token(&["--space", "diary"]));
    let b = knowing(&devices, "b", &identity);
    b.merge("diary", r#"{"n":1}"#);
    let refused = b.fails(1, &["keyring", "rotate", "diary"]);
    assert!(refused.contains("not admin"), "{refused}");
    a.ok(&["keyring", "rotate", "diary"]);
    let state = format!("{{\"n\":1,\"said\":\"{WORDS}\"}}\n");
    assert_eq!(b.ok(&["state", "diary"]), state);

    let objects = serving.object("spaces/diary/0001");
    let snapshots = || fs::read_dir(objects.join("snapshots")).map_or(0, Iterator::count);
    // Over the folder itself, as the server does.
    let beside = Place::at(serving.objects().display().to_string(), Vec::new());
    beside.replica("server").ok(&["rollup", "diary", "--now"]);
    // Without the keys it wrote no snapshot. Whoever has them and may write does.
    assert_eq!(snapshots(), 0);
    b.ok(&["sync", "diary"]);
    assert_eq!(snapshots(), 1);
    a.ok(&["sync", "diary"]);
    assert_eq!(snapshots(), 1);
    assert_eq!(b.ok(&["state", "diary"]), state);
    beside.replica("server").ok(&["verify", "diary"]);
    for update in fs::read_dir(objects.join("updates")).unwrap() {
        let text = fs::read_to_string(update.unwrap().path()).unwrap();
        assert!(text.contains("sealed") && !text.contains(WORDS), "{text}");
    }
}
