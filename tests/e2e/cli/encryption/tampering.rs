//! Whoever can write to the bucket and holds no key.

use super::{WORDS, diary, joined, rejected, text_of, update_objects};
use crate::support::command::{Place, Replica};
use flate2::Compression;
use flate2::read::{GzDecoder, GzEncoder};
use icecore_core::Digest;
use serde_json::{Value, json};
use std::fs;
use std::io::Read;

const DECRYPTED: &str = "cannot be decrypted";

/// Changes the unpacked lines of a segment or snapshot, and puts a digest that fits below them.
fn repack(place: &Place, key: &str, change: impl FnOnce(String) -> String) {
    let path = place.object(key);
    let stored = fs::read(&path).unwrap();
    let mut text = String::new();
    GzDecoder::new(stored.as_slice())
        .read_to_string(&mut text)
        .unwrap();
    let end = text.rfind("{\"sha256\"").unwrap();
    text.truncate(end);
    let text = change(text);
    let digest = Digest::of(text.as_bytes());
    let text = format!("{text}{{\"sha256\":\"{digest}\"}}\n");
    let mut packed = Vec::new();
    let mut gzip = GzEncoder::new(text.as_bytes(), Compression::fast());
    gzip.read_to_end(&mut packed).unwrap();
    fs::write(path, packed).unwrap();
}

/// Changes one character of the last sealed text.
fn spoil(text: &str) -> String {
    let at = text.rfind("\"sealed\":\"").map_or_else(
        // The state of a snapshot is a line of its own.
        || text.trim_end().rfind('\n').unwrap() + 2,
        |at| at + "\"sealed\":\"".len(),
    ) + 40;
    let other = if &text[at..=at] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &text[..at], &text[at + 1..])
}

fn rewrite(place: &Place, key: &str, change: impl FnOnce(&mut Value)) {
    let mut value: Value = serde_json::from_str(&text_of(place, key)).unwrap();
    change(&mut value);
    fs::write(place.object(key), value.to_string()).unwrap();
}

fn said(a: &Replica, data: &str) {
    a.merge("diary", data);
}

#[test]
fn a_changed_update_is_rejected_and_the_rest_applied() {
    let (place, a) = diary();
    said(&a, r#"{"n":1}"#);
    said(&a, r#"{"m":2}"#);
    let key = update_objects(&place).remove(0);
    let changed = spoil(&text_of(&place, &key));
    fs::write(place.object(&key), changed).unwrap();
    let fresh = place
        .replica("fresh")
        .with("ICECORE_IDENTITY", "a.identity");
    assert_eq!(fresh.ok(&["state", "diary"]), "{\"m\":2}\n");
    let rejected = rejected(&fresh);
    assert!(
        rejected.len() == 1 && rejected[0].contains(DECRYPTED),
        "{rejected:?}"
    );
    // Nothing is deleted, and all agree once it is rolled up, by whomever.
    place.replica("nobody").ok(&["rollup", "diary", "--now"]);
    fresh.ok(&["sync", "diary"]);
    assert_eq!(fresh.json(&["log", "diary"]).len(), 2);
    fresh.ok(&["verify", "diary"]);
    fresh.ok(&[
        "resolve",
        "diary",
        &crate::support::command::id_of(&fresh.json(&["log", "diary"])[0]),
        r#"{"kind":"merge","data":{}}"#,
    ]);
    assert!(super::rejected(&fresh).is_empty());
}

#[test]
fn a_moved_update_is_rejected_wherever_it_goes() {
    let (place, a) = diary();
    let author = "018bcfe5-6800-7fff-bfff-ffffffffffff";
    said(&a, r#"{"n":1}"#);
    a.ok(&["space", "create", "other", "--encrypted"]);
    let key = update_objects(&place).remove(0);
    let number: u64 = key.rsplit('/').next().unwrap().parse().unwrap();
    // As another author's, as the author's next one, and in another space.
    let copies = [
        (
            format!("spaces/diary/0001/updates/{}", number + 1),
            "author",
            json!(author),
        ),
        (
            format!("spaces/diary/0001/updates/{}", number + 2),
            "seq",
            json!(2),
        ),
        (format!("spaces/other/0001/updates/{number}"), "v", json!(1)),
    ];
    for (copy, member, value) in copies {
        fs::create_dir_all(place.object(&copy).parent().unwrap()).unwrap();
        fs::copy(place.object(&key), place.object(&copy)).unwrap();
        rewrite(&place, &copy, |object| object[member] = value);
    }
    let fresh = place
        .replica("fresh")
        .with("ICECORE_IDENTITY", "a.identity");
    assert_eq!(fresh.ok(&["state", "diary"]), "{\"n\":1}\n");
    assert_eq!(fresh.ok(&["state", "other"]), "{}\n");
    let moved = rejected(&fresh);
    assert!(
        moved.len() == 2 && moved.iter().all(|m| m.contains(DECRYPTED)),
        "{moved:?}"
    );
    let other = fresh.json(&["conflicts", "other"]);
    assert!(other[0]["message"].as_str().unwrap().contains(DECRYPTED));
    // An author whose seq somebody took goes on under a new one, and loses nothing.
    said(&a, r#"{"m":2}"#);
    assert_eq!(fresh.ok(&["state", "diary"]), "{\"m\":2,\"n\":1}\n");
}

#[test]
fn what_is_planted_in_the_clear_changes_no_state() {
    let (place, a) = diary();
    said(&a, r#"{"n":1}"#);
    let key = update_objects(&place).remove(0);
    let number: u64 = key.rsplit('/').next().unwrap().parse().unwrap();
    let planted = json!({ "v": 1, "author": "018bcfe5-6800-7fff-bfff-ffffffffffff", "seq": 1, "updates":
        [{ "at": "2026-01-01T00:00:00.000Z", "kind": "merge", "data": { "n": 666 } }] });
    let path = format!("spaces/diary/0001/updates/{}", number + 1);
    fs::write(place.object(&path), planted.to_string()).unwrap();
    assert_eq!(a.ok(&["state", "diary"]), "{\"n\":1}\n");
    let planted = rejected(&a);
    assert!(
        planted.len() == 1 && planted[0].contains("holds no key"),
        "{planted:?}"
    );
    a.ok(&["rollup", "diary", "--now"]);
    assert_eq!(rejected(&a), planted);
}

#[test]
fn a_changed_segment_is_found_by_who_holds_the_keys() {
    let (place, a) = diary();
    said(&a, &format!(r#"{{"n":"{WORDS}"}}"#));
    let nobody = place.replica("nobody");
    nobody.ok(&["rollup", "diary", "--now"]);
    let key = place.key("spaces/diary/0001/segments/0000000001");
    let key = key.as_str();
    // A digest is no signature: that of the changed segment fits.
    repack(&place, key, |text| spoil(&text));
    // The update object is still there, so even who holds no key sees that they differ.
    for replica in [&nobody, &a] {
        let found = replica.run(&["verify", "diary", "--json"]).expect_code(5);
        assert!(!found.values()[0]["problems"].as_array().unwrap().is_empty());
    }
    let fresh = place
        .replica("fresh")
        .with("ICECORE_IDENTITY", "a.identity");
    assert_eq!(fresh.ok(&["state", "diary"]), "{}\n");
    assert!(rejected(&fresh)[0].contains(DECRYPTED));
    let told = rejected(&a);
    assert!(told[0].contains(DECRYPTED), "{told:?}");
}

#[test]
fn a_changed_snapshot_is_named_and_passed_over() {
    let (place, a) = diary();
    said(&a, r#"{"n":1}"#);
    a.ok(&["rollup", "diary", "--now"]);
    let key = place.key("spaces/diary/0001/snapshots/0000000001");
    let key = key.as_str();
    let whole = fs::read(place.object(key)).unwrap();
    let mut n = 0;
    // Its state, and what is said of it in the header.
    let changes: [&dyn Fn(String) -> String; 2] = [&|text| spoil(&text), &|text| {
        text.replacen("\"count\":1", "\"count\":2", 1)
    }];
    for change in changes {
        fs::write(place.object(key), &whole).unwrap();
        repack(&place, key, change);
        let found = a.run(&["verify", "diary", "--json"]).expect_code(5);
        assert_eq!(found.values()[0]["problems"][0]["object"], key);
        n += 1;
        let fresh = place
            .replica(&format!("fresh-{n}"))
            .with("ICECORE_IDENTITY", "a.identity");
        assert_eq!(fresh.ok(&["state", "diary"]), "{\"n\":1}\n");
    }
    // Of another space it opens nothing either.
    let b = joined(&place, &a, "b");
    fs::write(place.object(key), &whole).unwrap();
    assert_eq!(b.ok(&["state", "diary"]), "{\"n\":1}\n");
    b.ok(&["verify", "diary"]);
}

#[test]
fn a_keyring_that_is_put_back_is_refused_by_who_saw_the_newer_one() {
    let (place, a) = diary();
    said(&a, r#"{"n":1}"#);
    let older = text_of(&place, "spaces/diary/space.json");
    let b = joined(&place, &a, "b");
    a.ok(&["keyring", "rotate", "diary"]);
    said(&a, r#"{"n":2}"#);
    fs::write(place.object("spaces/diary/space.json"), &older).unwrap();
    let update = r#"{"kind":"merge","data":{"n":3}}"#;
    for command in [
        &["sync", "diary"][..],
        &["state", "diary"],
        &["update", "diary", update],
    ] {
        let said = a.fails(5, command);
        assert!(said.contains("put back to an older one"), "{said}");
    }
    assert_eq!(a.ok(&["state", "diary", "--offline"]), "{\"n\":3}\n");
    assert_eq!(update_objects(&place).len(), 2);
    let said = b.fails(1, &["sync", "diary"]);
    assert!(said.contains("none that opens the space"), "{said}");
}

#[test]
fn a_keyring_that_is_stripped_makes_nobody_write_in_the_clear() {
    let (place, a) = diary();
    said(&a, r#"{"n":1}"#);
    rewrite(&place, "spaces/diary/space.json", |info| {
        info.as_object_mut().unwrap().remove("keyring");
    });
    let update = format!(r#"{{"kind":"merge","data":{{"n":"{WORDS}"}}}}"#);
    let said = a.fails(5, &["update", "diary", &update]);
    assert!(said.contains("is not any more"), "{said}");
    assert_eq!(update_objects(&place).len(), 1);
    assert_eq!(a.json(&["status", "diary"])[0]["queued"], 1);
    let keyring = a.fails(2, &["keyring", "show", "diary"]);
    assert!(keyring.contains("is not encrypted"), "{keyring}");
}

#[test]
fn a_holder_smuggled_into_the_keyring_is_refused() {
    let (place, a) = diary();
    said(&a, r#"{"n":1}"#);
    let b = super::with_identity(&place, "b");
    let public = super::public(&b, "b");
    rewrite(&place, "spaces/diary/space.json", |info| {
        let keyring = &mut info["keyring"];
        let mut holder = keyring["holders"][0].clone();
        holder["name"] = json!("b");
        holder["public"] = json!(public);
        keyring["holders"].as_array_mut().unwrap().push(holder);
        keyring["version"] = json!(2);
    });
    for replica in [
        &a,
        &place
            .replica("fresh")
            .with("ICECORE_IDENTITY", "a.identity"),
    ] {
        let said = replica.fails(5, &["state", "diary"]);
        assert!(said.contains("does not hold its keys"), "{said}");
    }
    a.fails(5, &["keyring", "rotate", "diary"]);
    a.fails(5, &["keyring", "show", "diary"]);
}
