//! The life of a keyring: made, opened, changed, rotated, and seen again by replicas that have seen it before.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

use icecore_seal::{
    Identity, Keyring, KeyringError, NewHolder, Passphrase, PassphraseCost, Secret, SpaceKeys,
};
use proptest::prelude::*;

const CONTEXT: &[u8] = br#"["icecore",1,"keyring","store","notes"]"#;
const AT: &str = "2026-11-21T12:00:00Z";
const LATER: &str = "2026-11-22T09:30:00Z";

/// Bytes that differ each time, and are the same in each run.
fn random(seed: u8) -> impl FnMut() -> [u8; 32] {
    let mut count = 0_u64;
    move || {
        count += 1;
        let mut bytes = [seed; 32];
        bytes[..8].copy_from_slice(&count.to_be_bytes());
        bytes
    }
}

fn identity(n: u8) -> Identity {
    Identity::generate(&mut || [n; 32])
}

fn secret(n: u8) -> Secret {
    Secret::Identity(identity(n))
}

fn member(name: &str, n: u8) -> NewHolder {
    NewHolder::Member {
        name: name.to_owned(),
        public: identity(n).public(),
    }
}

fn typed(text: &str) -> Secret {
    Secret::Passphrase(Passphrase::new(text).unwrap())
}

fn with_passphrase(name: &str, text: &str) -> NewHolder {
    NewHolder::Passphrase {
        name: name.to_owned(),
        passphrase: Passphrase::new(text).unwrap(),
        cost: PassphraseCost::CHEAP,
    }
}

/// Of ada (1), bob (2), and us, with the passphrase "correct horse".
fn keyring() -> (Keyring, SpaceKeys) {
    let us = with_passphrase("us", "correct horse");
    create(vec![member("ada", 1), member("bob", 2), us]).unwrap()
}

fn create(holders: Vec<NewHolder>) -> Result<(Keyring, SpaceKeys), KeyringError> {
    Keyring::create(CONTEXT, holders, AT, &mut random(100))
}

fn rotated(keyring: &Keyring, keys: &SpaceKeys, seed: u8) -> (Keyring, SpaceKeys) {
    let mut random = random(seed);
    let change = keyring.change(CONTEXT, keys, LATER, &mut random).unwrap();
    change.rotate().unwrap()
}

fn names(keyring: &Keyring) -> Vec<&str> {
    let holders = keyring.holders().iter();
    holders.map(|holder| holder.name.as_str()).collect()
}

#[test]
fn every_holder_opens_it() {
    let (keyring, keys) = keyring();
    let json = serde_json::to_string(&keyring).unwrap();
    let stored: Keyring = serde_json::from_str(&json).unwrap();
    assert_eq!(stored, keyring);
    for secret in [secret(1), secret(2), typed("correct horse")] {
        let opened = stored.open(CONTEXT, &secret).unwrap();
        assert_eq!(opened.fingerprint(), keys.fingerprint());
        let sealed = opened.seal(b"here", b"hello", [4; 16]);
        assert_eq!(keys.open(b"here", &sealed).unwrap().as_slice(), b"hello");
    }
}

#[test]
fn nobody_else_opens_it() {
    let (keyring, _) = keyring();
    let refused = |secret| keyring.open(CONTEXT, &secret).unwrap_err();
    assert_eq!(refused(secret(3)), KeyringError::NotAHolder);
    for text in ["correct horse ", "Correct horse", "x"] {
        assert_eq!(refused(typed(text)), KeyringError::WrongPassphrase);
    }
    let (members_only, _) = create(vec![member("ada", 1)]).unwrap();
    let refused = members_only.open(CONTEXT, &typed("correct horse"));
    assert_eq!(refused.unwrap_err(), KeyringError::NotAHolder);
}

#[test]
fn a_derived_identity_opens_as_the_passphrase_does() {
    let (keyring, keys) = keyring();
    let passphrase = |text| Passphrase::new(text).unwrap();
    let wrong = keyring.identity_of(&passphrase("wrong horse")).unwrap();
    assert!(wrong.is_none());
    let derived = keyring.identity_of(&passphrase("correct horse")).unwrap();
    let derived = derived.unwrap();
    assert_eq!(keyring.holder_of(derived.public()).unwrap().name, "us");
    // Kept as text in between, and still good after a rotation.
    let kept: Identity = derived.to_text().parse().unwrap();
    let (newer, newer_keys) = rotated(&keyring, &keys, 7);
    let opened = newer.open(CONTEXT, &Secret::Identity(kept)).unwrap();
    assert_eq!(opened.fingerprint(), newer_keys.fingerprint());
}

#[test]
fn holders_must_differ() {
    let refused = |holders| create(holders).unwrap_err();
    let same_name = refused(vec![member("ada", 1), member("ada", 2)]);
    assert_eq!(same_name, KeyringError::NameTaken("ada".to_owned()));
    let same_key = refused(vec![member("ada", 1), member("bob", 1)]);
    assert_eq!(same_key, KeyringError::KeyTaken("ada".to_owned()));
    assert!(matches!(refused(vec![]), KeyringError::Invalid(_)));
    let invisible = refused(vec![member("ada\u{200b}", 1)]);
    assert!(matches!(invisible, KeyringError::Invalid(_)));
    let many = (0..17).map(|n| with_passphrase(&n.to_string(), "correct horse"));
    assert!(matches!(refused(many.collect()), KeyringError::Invalid(_)));
    let at = Keyring::create(
        CONTEXT,
        vec![member("ada", 1)],
        "today, noon",
        &mut random(1),
    );
    assert!(matches!(at.unwrap_err(), KeyringError::Invalid(_)));
}

#[test]
fn an_added_holder_reads_what_was_sealed_before() {
    let (first, keys) = keyring();
    let (second, keys) = rotated(&first, &keys, 7);
    let mut random = random(8);
    let change = |keyring: &Keyring, holder| {
        let change = keyring.change(CONTEXT, &keys, LATER, &mut random);
        change.unwrap().add_holder(holder)
    };
    let mut change = change;
    let third = change(&second, member("cleo", 3)).unwrap();
    assert_eq!(names(&third), ["ada", "bob", "us", "cleo"]);
    assert_eq!((third.version(), third.keys().len()), (3, 2));
    assert_eq!(third.holder("cleo").unwrap().added_at, LATER);
    let opened = third.open(CONTEXT, &secret(3)).unwrap();
    let old = first.open(CONTEXT, &secret(1)).unwrap();
    let old = old.seal(b"", b"old", [1; 16]);
    assert_eq!(opened.open(b"", &old).unwrap().as_slice(), b"old");
    let taken = change(&third, member("cleo", 4)).unwrap_err();
    assert_eq!(taken, KeyringError::NameTaken("cleo".to_owned()));
    let taken = change(&third, member("dora", 3)).unwrap_err();
    assert_eq!(taken, KeyringError::KeyTaken("cleo".to_owned()));
}

#[test]
fn a_removed_holder_opens_the_old_one_only() {
    let (first, keys) = keyring();
    let mut random = random(7);
    let mut remove = |keyring: &Keyring, keys: &SpaceKeys, name| {
        let change = keyring.change(CONTEXT, keys, LATER, &mut random);
        change.unwrap().remove_holder(name)
    };
    let (second, newer) = remove(&first, &keys, "bob").unwrap();
    assert_eq!(names(&second), ["ada", "us"]);
    assert_eq!((second.version(), newer.newest().get()), (2, 2));
    assert!(first.open(CONTEXT, &secret(2)).is_ok());
    let refused = second.open(CONTEXT, &secret(2)).unwrap_err();
    assert_eq!(refused, KeyringError::NotAHolder);
    for secret in [secret(1), typed("correct horse")] {
        let opened = second.open(CONTEXT, &secret).unwrap();
        assert_eq!(opened.fingerprint(), newer.fingerprint());
    }
    let missing = remove(&second, &newer, "bob").unwrap_err();
    assert_eq!(missing, KeyringError::NoSuchHolder("bob".to_owned()));
    let (third, newest) = remove(&second, &newer, "us").unwrap();
    let last = remove(&third, &newest, "ada").unwrap_err();
    assert_eq!(last, KeyringError::LastHolder);
}

/// A passphrase that was set on one system did not open on another one: there, the letter and its accent were two
/// characters (borg#1048; Picocrypt-NG#19; joinmarket-ng#174).
#[test]
fn row_25_a_passphrase_opens_however_its_letters_are_composed() {
    let forms = ["caf\u{e9} \u{fb01}n 1", "cafe\u{301} fin \u{ff11}"];
    for (set, form) in [(forms[0], forms[1]), (forms[1], forms[0])] {
        let (keyring, keys) = create(vec![with_passphrase("us", set)]).unwrap();
        let opened = keyring.open(CONTEXT, &typed(form)).unwrap();
        assert_eq!(opened.fingerprint(), keys.fingerprint());
        assert!(keyring.open(CONTEXT, &typed("cafe fin 1")).is_err());
    }
}

#[test]
fn a_new_passphrase_takes_the_place_of_the_old_one() {
    let (first, keys) = keyring();
    let mut random = random(7);
    let mut set = |name, cost| {
        let passphrase = Passphrase::new("battery staple").unwrap();
        let change = first.change(CONTEXT, &keys, LATER, &mut random).unwrap();
        change.set_passphrase(name, passphrase, cost)
    };
    let second = set("us", PassphraseCost::CHEAP).unwrap();
    assert_eq!(names(&second), ["ada", "bob", "us"]);
    assert_eq!(second.keys(), first.keys());
    let opened = second.open(CONTEXT, &typed("battery staple")).unwrap();
    assert_eq!(opened.fingerprint(), keys.fingerprint());
    let refused = second.open(CONTEXT, &typed("correct horse"));
    assert_eq!(refused.unwrap_err(), KeyringError::WrongPassphrase);
    assert!(second.open(CONTEXT, &secret(1)).is_ok());
    assert_eq!(second.check_follows(&first), Ok(()));
    let member = set("ada", PassphraseCost::CHEAP).unwrap_err();
    assert!(matches!(member, KeyringError::Invalid(_)));
    let missing = set("dora", PassphraseCost::CHEAP).unwrap_err();
    assert_eq!(missing, KeyringError::NoSuchHolder("dora".to_owned()));
    let dear = PassphraseCost {
        memory_kib: u32::MAX,
        ..PassphraseCost::MOST
    };
    assert_eq!(set("us", dear).unwrap_err(), KeyringError::TooExpensive);
}

#[test]
fn a_keyring_does_not_go_back() {
    let (first, keys) = keyring();
    let (second, newer) = rotated(&first, &keys, 7);
    let (third, _) = rotated(&second, &newer, 8);
    assert_eq!(third.check_follows(&first), Ok(()));
    assert_eq!(second.check_follows(&second), Ok(()));
    let back = KeyringError::RolledBack { from: 3, to: 1 };
    assert_eq!(first.check_follows(&third), Err(back));
}

#[test]
fn two_rotations_of_one_version_do_not_follow_each_other() {
    let (first, keys) = keyring();
    let (one, one_keys) = rotated(&first, &keys, 7);
    let (other, _) = rotated(&first, &keys, 8);
    for keyring in [&one, &other] {
        assert!(keyring.open(CONTEXT, &secret(2)).is_ok());
        assert_eq!(keyring.check_follows(&first), Ok(()));
    }
    let forked = |result| matches!(result, Err(KeyringError::Changed(_)));
    assert!(forked(one.check_follows(&other)));
    assert!(forked(other.check_follows(&one)));
    // A later version of the one does not follow the other either.
    let (later, _) = rotated(&one, &one_keys, 9);
    assert!(forked(later.check_follows(&other)));
}

#[test]
fn a_keyring_is_of_one_context() {
    let (keyring, _) = keyring();
    let elsewhere = br#"["icecore",1,"keyring","store","other"]"#;
    let refused = keyring.open(elsewhere, &secret(1)).unwrap_err();
    assert!(matches!(refused, KeyringError::Changed(_)));
}

#[test]
fn debug_shows_no_secret() {
    let text = |n: u8| format!("{:?}", [n; 32]);
    let (keyring, keys) = keyring();
    let holder = with_passphrase("us", "correct horse");
    let shown = format!("{:?} {keyring:?} {keys:?} {holder:?}", secret(77));
    assert!(!shown.contains("correct horse"), "{shown}");
    assert!(
        !shown.contains(text(77).trim_matches(['[', ']'])),
        "{shown}"
    );
    let own = identity(77).to_text();
    assert!(!shown.contains(&own["icecore-secret-".len()..]));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is done to a keyring, each version opens for exactly its holders and follows all before it.
    #[test]
    fn any_changes_make_a_keyring(steps in proptest::collection::vec((0..3_u8, 1..6_u8), 1..8)) {
        let (mut keyring, mut keys) = create(vec![member("0", 50)]).unwrap();
        let mut before = vec![keyring.clone()];
        let mut random = random(9);
        for (step, n) in steps {
            let name = n.to_string();
            let is_there = keyring.holder(&name).is_some();
            let change = keyring.change(CONTEXT, &keys, LATER, &mut random).unwrap();
            let next = match step {
                0 => change.add_holder(member(&name, n)).map(|next| (next, keys.clone())),
                1 => change.remove_holder(&name),
                _ => change.rotate(),
            };
            prop_assert_eq!(next.is_ok(), step == 2 || is_there == (step == 1));
            let Ok(next) = next else { continue };
            (keyring, keys) = next;
            for older in &before {
                prop_assert_eq!(keyring.check_follows(older), Ok(()));
                prop_assert!(older.check_follows(&keyring).is_err());
            }
            before.push(keyring.clone());
            for n in 1..6 {
                let opened = keyring.open(CONTEXT, &secret(n));
                prop_assert_eq!(opened.is_ok(), keyring.holder(&n.to_string()).is_some());
                if let Ok(opened) = opened {
                    prop_assert_eq!(opened.fingerprint(), keys.fingerprint());
                }
            }
        }
    }
}
