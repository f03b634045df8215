//! What somebody can try who knows how a keyring is made: the forged ones here have proofs that fit their own keys.

use super::proof::link;
use super::wrap::wrap;
use super::*;
use crate::derive::Key;

const CONTEXT: &[u8] = br#"["icecore",1,"keyring","store","notes"]"#;
const AT: &str = "2026-11-21T12:00:00Z";

/// Bytes that differ each time, and are the same in each run.
fn random() -> impl FnMut() -> [u8; 32] {
    let mut count = 0_u64;
    move || {
        count += 1;
        let mut bytes = [0x5a; 32];
        bytes[..8].copy_from_slice(&count.to_be_bytes());
        bytes
    }
}

fn identity(n: u8) -> Identity {
    Identity::from_secret(&[n; 32])
}

fn member(name: &str, n: u8) -> NewHolder {
    NewHolder::Member {
        name: name.to_owned(),
        public: identity(n).public(),
    }
}

/// Of ada (1), bob (2) and cleo (3).
fn keyring() -> (Keyring, SpaceKeys) {
    let holders = vec![member("ada", 1), member("bob", 2), member("cleo", 3)];
    Keyring::create(CONTEXT, holders, AT, &mut random()).unwrap()
}

fn open(keyring: &Keyring, n: u8) -> Result<SpaceKeys, KeyringError> {
    keyring.open(CONTEXT, &Secret::Identity(identity(n)))
}

/// Wraps `keys` for all holders and makes all proofs anew that who holds `keys` can make, but for the links before
/// `from`.
fn forge(keyring: &mut Keyring, keys: &SpaceKeys, from: usize) {
    let mut random = random();
    for info in &mut keyring.keys[from..] {
        info.link = link(CONTEXT, keys, info.number).into_text();
    }
    for holder in &mut keyring.holders {
        let to = (holder.name.as_str(), holder.public);
        holder.wrapped = wrap(CONTEXT, keys, to, &mut random).unwrap();
    }
    keyring.mac = keyring.proof(CONTEXT, keys).into_text();
}

#[test]
fn an_appended_key_with_a_forged_link_is_refused() {
    let (honest, keys) = keyring();
    // The attacker writes the bucket, and knows all public keys, but no space key.
    let made_up = SpaceKeys::new(vec![Key::new([0x66; 32])]);
    let (mut forged, forged_keys) = honest
        .clone()
        .forged_rotation(&made_up.with(Key::new([0x67; 32])));
    assert_eq!(forged.check_follows(&honest), Ok(()));
    let refused = KeyringError::Changed("the link of a key");
    assert_eq!(open(&forged, 1).unwrap_err(), refused);
    // With the first link changed to fit, it opens for who has never seen the honest one, and follows it no more.
    forge(&mut forged, &forged_keys, 0);
    assert!(open(&forged, 1).is_ok());
    assert!(matches!(
        forged.check_follows(&honest),
        Err(KeyringError::Changed(_))
    ));
    // Who held the key before can append one: that is what a rotation is.
    let (right, _) = honest
        .clone()
        .forged_rotation(&keys.with(Key::new([0x67; 32])));
    assert!(open(&right, 1).is_ok());
}

impl Keyring {
    fn forged_rotation(mut self, keys: &SpaceKeys) -> (Self, SpaceKeys) {
        self.version += 1;
        self.keys.push(KeyInfo {
            number: keys.newest(),
            made_at: AT.to_owned(),
            link: String::new(),
        });
        forge(&mut self, keys, 1);
        (self, keys.clone())
    }
}

/// Anybody can wrap keys for a holder, so a bucket can offer a keyring with a first key of its own. Without a link of
/// the first key it would open for a replica that had seen the right one, and have it seal under a key that the bucket
/// knows. The link is of the key, so it is another one, and the keyring does not follow; with the link copied, it does
/// not open.
#[test]
fn another_first_key_is_refused() {
    let (honest, _) = keyring();
    let theirs = SpaceKeys::new(vec![Key::new([0x66; 32])]);
    let mut copied = honest.clone();
    copied.version += 1;
    forge(&mut copied, &theirs, 1);
    assert_eq!(copied.check_follows(&honest), Ok(()));
    let refused = KeyringError::Changed("the link of a key");
    assert_eq!(open(&copied, 1).unwrap_err(), refused);
    let mut own = copied.clone();
    forge(&mut own, &theirs, 0);
    assert!(own.check_follows(&honest).is_err());
}

#[test]
fn a_removed_holder_cannot_make_what_comes_next() {
    let (first, keys) = keyring();
    let mut random = random();
    let change = first.change(CONTEXT, &keys, AT, &mut random).unwrap();
    let (second, newer) = change.remove_holder("bob").unwrap();
    assert_eq!(open(&second, 2).unwrap_err(), KeyringError::NotAHolder);
    // Bob still has key 1. He comes back, with a key 2 of his own.
    let (back, _) = first
        .clone()
        .forged_rotation(&keys.with(Key::new([0x66; 32])));
    assert!(
        open(&back, 1).is_ok(),
        "who never saw the second cannot tell"
    );
    assert!(back.check_follows(&second).is_err());
    // Or he puts himself among the holders of the second, and cannot make its mac.
    let mut among = second.clone();
    among.holders.push(first.holders[1].clone());
    assert_eq!(
        open(&among, 1).unwrap_err(),
        KeyringError::Changed("its mac")
    );
    let wrapped = KeyringError::Changed("the number of keys");
    assert_eq!(open(&among, 2).unwrap_err(), wrapped);
    // What was sealed before he can still read, and nothing after.
    let old = keys.seal(b"", b"old", [1; 16]);
    let new = newer.seal(b"", b"new", [1; 16]);
    let his = open(&first, 2).unwrap();
    assert_eq!(his.open(b"", &old).unwrap().as_slice(), b"old");
    assert!(his.open(b"", &new).is_err());
}

#[test]
fn keys_that_do_not_fit_the_keyring_change_nothing() {
    let (first, keys) = keyring();
    let mut random = random();
    let change = first.change(CONTEXT, &keys, AT, &mut random).unwrap();
    let (second, newer) = change.rotate().unwrap();
    let refused = |keyring: &Keyring, keys: &SpaceKeys, context: &[u8]| {
        let mut random = self::random();
        let change = keyring.change(context, keys, AT, &mut random);
        change.map(|_| ()).unwrap_err()
    };
    let [one, two] = [keys.newest(), newer.newest()];
    let stale = |have, newest| KeyringError::Stale { have, newest };
    assert_eq!(refused(&second, &keys, CONTEXT), stale(one, two));
    assert_eq!(refused(&first, &newer, CONTEXT), stale(two, one));
    let others = keys.with(Key::new([0x66; 32]));
    let changed = KeyringError::Changed("the link of a key");
    assert_eq!(refused(&second, &others, CONTEXT), changed);
    assert_eq!(refused(&second, &newer, b"[]"), changed);
}

#[test]
fn limits_are_kept() {
    let (mut many, keys) = keyring();
    let one = many.holders[0].clone();
    while many.holders.len() < HOLDERS_MAX {
        let n = many.holders.len();
        let mut secret = [9; 32];
        secret[8..16].copy_from_slice(&n.to_be_bytes());
        many.holders.push(Holder {
            name: format!("holder {n}"),
            public: Identity::from_secret(&secret).public(),
            ..one.clone()
        });
    }
    forge(&mut many, &keys, 0);
    assert!(open(&many, 1).is_ok());
    let mut random = random();
    let change = many.change(CONTEXT, &keys, AT, &mut random).unwrap();
    let full = change.add_holder(member("dora", 4)).unwrap_err();
    assert_eq!(full, KeyringError::Invalid("the keyring has 1,000 holders"));
    let mut keys_full = keyring().0;
    let mut all = keys.clone();
    for _ in 1..KEYS_MAX {
        all = all.with(Key::new([3; 32]));
        keys_full.keys.push(KeyInfo {
            number: all.newest(),
            ..keys_full.keys[0].clone()
        });
    }
    forge(&mut keys_full, &all, 0);
    assert_eq!(open(&keys_full, 2).unwrap().newest(), all.newest());
    let change = keys_full.change(CONTEXT, &all, AT, &mut random).unwrap();
    let full = change.rotate().unwrap_err();
    assert_eq!(full, KeyringError::Invalid("the keyring has 1,000 keys"));
}

#[test]
fn expensive_passphrases_are_refused_before_deriving() {
    let passphrase = Passphrase::new("correct horse").unwrap();
    let kind = |memory_kib, passes, lanes| HolderKind::Passphrase {
        salt: "AAAAAAAAAAAAAAAAAAAAAA".to_owned(),
        memory_kib,
        passes,
        lanes,
    };
    let (honest, _) = keyring();
    // These would take 4 TiB, or for ever.
    for dear in [
        kind(u32::MAX, 1, 1),
        kind(8, u32::MAX, 1),
        kind(u32::MAX, 1, u32::MAX),
    ] {
        let mut keyring = honest.clone();
        keyring.holders[0].kind = kind(8, 1, 1);
        keyring.holders[1].kind = dear;
        let secret = Secret::Passphrase(passphrase.clone());
        let refused = keyring.open(CONTEXT, &secret).unwrap_err();
        assert_eq!(refused, KeyringError::TooExpensive);
        let refused = keyring.identity_of(&passphrase).unwrap_err();
        assert_eq!(refused, KeyringError::TooExpensive);
    }
    // Each of these is allowed, but not so many.
    let mut many = honest.clone();
    for n in 0..=PASSPHRASES_MAX {
        let mut holder = honest.holders[0].clone();
        holder.kind = kind(256 * 1024, 10, 1);
        holder.name = format!("holder {n}");
        many.holders.push(holder);
    }
    let refused = many.identity_of(&passphrase).unwrap_err();
    assert_eq!(refused, KeyringError::TooExpensive);
}

#[test]
fn wraps_of_nothing_or_of_wrong_numbers_are_refused() {
    let (honest, keys) = keyring();
    let refused = KeyringError::Changed("the wrapped keys");
    for wrapped in ["", "AAAA", "not base64", &"A".repeat(64), &"A".repeat(200)] {
        let mut keyring = honest.clone();
        keyring.holders[0].wrapped = wrapped.to_owned();
        assert_eq!(open(&keyring, 1).unwrap_err(), refused, "{wrapped:?}");
    }
    // More keys than the keyring tells of.
    let mut keyring = honest.clone();
    let holder = &mut keyring.holders[0];
    let more = keys.with(Key::new([1; 32]));
    let to = (holder.name.as_str(), holder.public);
    holder.wrapped = wrap(CONTEXT, &more, to, &mut random()).unwrap();
    let refused = KeyringError::Changed("the number of keys");
    assert_eq!(open(&keyring, 1).unwrap_err(), refused);
}
