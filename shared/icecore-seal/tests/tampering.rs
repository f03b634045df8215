//! A keyring whose JSON somebody changed who can write the bucket, and holds none of its keys.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use icecore_seal::{Identity, Keyring, KeyringError, NewHolder, Secret, SpaceKeys};
use proptest::prelude::*;
use serde_json::{Value, json};

const CONTEXT: &[u8] = br#"["icecore",1,"keyring","store","notes"]"#;
const AT: &str = "2026-11-21T12:00:00Z";

fn identity(n: u8) -> Identity {
    Identity::generate(&mut || [n; 32])
}

fn member(name: &str, n: u8) -> NewHolder {
    NewHolder::Member {
        name: name.to_owned(),
        public: identity(n).public(),
    }
}

/// Of ada (1), bob (2) and cleo (3), with two keys.
fn keyring() -> (Keyring, SpaceKeys) {
    let mut count = 100;
    let mut random = || {
        count += 1;
        [count; 32]
    };
    let holders = vec![member("ada", 1), member("bob", 2), member("cleo", 3)];
    let (first, keys) = Keyring::create(CONTEXT, holders, AT, &mut random).unwrap();
    let change = first.change(CONTEXT, &keys, AT, &mut random).unwrap();
    change.rotate().unwrap()
}

/// What ada gets of a keyring that was changed like this.
fn tampered(change: impl FnOnce(&mut Value)) -> Result<SpaceKeys, KeyringError> {
    let mut value = serde_json::to_value(keyring().0).unwrap();
    change(&mut value);
    let keyring: Keyring = serde_json::from_value(value).unwrap();
    keyring.open(CONTEXT, &Secret::Identity(identity(1)))
}

/// Exchanges a member of bob's entry and one of another.
fn exchange(value: &mut Value, with: usize, member: &str) {
    let bobs = value["holders"][1][member].clone();
    let others = value["holders"][with][member].clone();
    value["holders"][1][member] = others;
    value["holders"][with][member] = bobs;
}

fn is_changed(result: &Result<SpaceKeys, KeyringError>) -> bool {
    matches!(result, Err(KeyringError::Changed(_)))
}

#[test]
fn untouched_it_opens() {
    assert!(tampered(|_| ()).is_ok());
    // A member that a newer program wrote is passed over.
    assert!(tampered(|value| value["later"] = json!(1)).is_ok());
}

#[test]
fn a_holder_who_was_exchanged_is_noticed() {
    let theirs = identity(66).public().to_string();
    assert!(is_changed(&tampered(
        |v| v["holders"][1]["public"] = json!(theirs)
    )));
    // Of ada herself: then she is none of the holders.
    let gone = tampered(|v| v["holders"][0]["public"] = json!(theirs));
    assert_eq!(gone.unwrap_err(), KeyringError::NotAHolder);
    for member in ["name", "public", "wrapped"] {
        for with in [0, 2] {
            assert!(
                is_changed(&tampered(|v| exchange(v, with, member))),
                "{member}"
            );
        }
    }
    let swap = |v: &mut Value| v["holders"].as_array_mut().unwrap().swap(0, 2);
    assert!(is_changed(&tampered(swap)));
}

#[test]
fn a_holder_who_was_removed_or_added_is_noticed() {
    let removed = tampered(|v| drop(v["holders"].as_array_mut().unwrap().pop()));
    assert!(is_changed(&removed));
    let added = |name: &str, public: String| {
        tampered(move |v| {
            let mut holder = v["holders"][2].clone();
            holder["name"] = json!(name);
            holder["public"] = json!(public);
            v["holders"].as_array_mut().unwrap().push(holder);
        })
    };
    assert!(is_changed(&added(
        "mallory",
        identity(66).public().to_string()
    )));
    assert!(is_changed(&added("ada", identity(66).public().to_string())));
    assert!(is_changed(&added(
        "mallory",
        identity(2).public().to_string()
    )));
}

#[test]
fn every_single_change_is_noticed() {
    let changes: [(&str, Value); 12] = [
        ("/version", json!(3)),
        ("/version", json!(0)),
        ("/version", json!(u64::MAX)),
        ("/keys/0/made_at", json!("2020-01-01T00:00:00Z")),
        ("/keys/0/link", json!("")),
        ("/keys/1/link", json!("A".repeat(43))),
        ("/keys/1/number", json!(3)),
        ("/holders/1/added_at", json!("2020-01-01T00:00:00Z")),
        ("/holders/1/wrapped", json!("")),
        ("/holders/1/name", json!("bob ")),
        ("/mac", json!("")),
        ("/mac", json!("A".repeat(43))),
    ];
    for (place, new) in changes {
        let result = tampered(|v| *v.pointer_mut(place).unwrap() = new.clone());
        assert!(is_changed(&result), "{place} {new}: {result:?}");
    }
    let kind = json!({"passphrase": {"salt": "", "memory_kib": 8, "passes": 1, "lanes": 1}});
    assert!(is_changed(&tampered(|v| v["holders"][1]["kind"] = kind)));
}

#[test]
fn keys_that_were_exchanged_or_removed_are_noticed() {
    let links = |v: &mut Value| {
        let first = v["keys"][0]["link"].clone();
        v["keys"][0]["link"] = v["keys"][1]["link"].clone();
        v["keys"][1]["link"] = first;
    };
    assert!(is_changed(&tampered(links)));
    let removed = tampered(|v| drop(v["keys"].as_array_mut().unwrap().pop()));
    assert!(is_changed(&removed));
    let none = tampered(|v| v["keys"] = json!([]));
    assert!(is_changed(&none));
    let nobody = tampered(|v| v["holders"] = json!([]));
    assert!(is_changed(&nobody));
}

#[test]
fn a_public_key_that_protects_nothing_is_no_keyring() {
    let mut value = serde_json::to_value(keyring().0).unwrap();
    // 32 zero bytes and their checksum.
    let zero = "icecore-public-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAABmaHqt";
    value["holders"][1]["public"] = json!(zero);
    let error = serde_json::from_value::<Keyring>(value).unwrap_err();
    assert!(error.to_string().contains("protects nothing"), "{error}");
}

proptest! {
    /// A character of the JSON is another one: it cannot be read, does not open, or says the same in other words.
    #[test]
    fn any_changed_character_is_noticed(place: prop::sample::Index, with in "[ -~]") {
        let (keyring, _) = keyring();
        let mut json = serde_json::to_string(&keyring).unwrap();
        let place = place.index(json.len());
        json.replace_range(place..=place, &with);
        if let Ok(read) = serde_json::from_str::<Keyring>(&json)
            && read != keyring
        {
            let opened = read.open(CONTEXT, &Secret::Identity(identity(1)));
            prop_assert!(opened.is_err(), "{json}");
        }
    }

    /// What anybody may put into the places of a keyring makes nothing panic.
    #[test]
    fn any_texts_can_stand_in_a_keyring(texts: [String; 5], number: u64) {
        let [name, wrapped, link, mac, salt] = texts;
        let kind = json!({"passphrase": {"salt": salt, "memory_kib": number >> 40, "passes": 1, "lanes": 1}});
        let result = tampered(|v| {
            v["holders"][0]["wrapped"] = json!(wrapped);
            v["holders"][1]["name"] = json!(name);
            v["holders"][2]["kind"] = kind;
            v["keys"][1]["link"] = json!(link);
            v["mac"] = json!(mac);
            v["version"] = json!(number);
        });
        prop_assert!(is_changed(&result));
    }
}
