use super::*;
use crate::derive::Key;
use proptest::prelude::*;

const CONTEXT: &[u8] = br#"["icecore",1,"store","notes","ada",7]"#;
const SALT_BYTES: [u8; SALT] = [7; SALT];

fn keys(count: u8) -> SpaceKeys {
    SpaceKeys::new((1..=count).map(|n| Key::new([n; 32])).collect())
}

fn sealed_bytes(plain: &[u8]) -> SealedBytes {
    keys(1).seal_bytes(CONTEXT, plain.to_vec(), SALT_BYTES)
}

#[test]
fn every_flipped_bit_is_refused() {
    let whole = sealed_bytes(b"to be, or not to be");
    for bit in 0..whole.bytes.len() * 8 {
        let mut flipped = whole.clone();
        flipped.bytes[bit / 8] ^= 1 << (bit % 8);
        let text = Sealed {
            key: flipped.key,
            sealed: to_base64(&flipped.bytes),
        };
        assert_eq!(keys(1).open(CONTEXT, &text), Err(OpenError::Refused));
        let opened = keys(1).open_bytes(CONTEXT, flipped);
        assert_eq!(opened, Err(OpenError::Refused), "bit {bit}");
    }
}

#[test]
fn every_flipped_bit_of_the_context_is_refused() {
    let sealed = keys(1).seal(CONTEXT, b"to be, or not to be", SALT_BYTES);
    for bit in 0..CONTEXT.len() * 8 {
        let mut context = CONTEXT.to_vec();
        context[bit / 8] ^= 1 << (bit % 8);
        let opened = keys(1).open(&context, &sealed);
        assert_eq!(opened, Err(OpenError::Refused), "bit {bit}");
    }
    assert_eq!(keys(1).open(b"", &sealed), Err(OpenError::Refused));
}

#[test]
fn every_cut_is_refused() {
    let whole = sealed_bytes(b"to be");
    for length in 0..whole.bytes.len() {
        let cut = SealedBytes {
            key: whole.key,
            bytes: whole.bytes[..length].to_vec(),
        };
        let expected = if length < SEALED_EXTRA {
            OpenError::Malformed
        } else {
            OpenError::Refused
        };
        assert_eq!(keys(1).open_bytes(CONTEXT, cut), Err(expected), "{length}");
    }
}

#[test]
fn older_keys_stay_readable_and_newer_ones_are_asked_for() {
    let old = keys(1).seal(CONTEXT, b"old", SALT_BYTES);
    let new = keys(2).seal(CONTEXT, b"new", SALT_BYTES);
    assert_eq!((old.key.get(), new.key.get()), (1, 2));
    assert_eq!(keys(2).open(CONTEXT, &old).unwrap().as_slice(), b"old");
    assert_eq!(keys(2).open(CONTEXT, &new).unwrap().as_slice(), b"new");
    let missing = Err(OpenError::UnknownKey(new.key));
    assert_eq!(keys(1).open(CONTEXT, &new), missing);
    // Said to be under another key than it is.
    let lied = Sealed {
        key: old.key,
        ..new
    };
    assert_eq!(keys(2).open(CONTEXT, &lied), Err(OpenError::Refused));
}

#[test]
fn another_salt_gives_other_bytes() {
    let one = keys(1).seal(CONTEXT, b"the same", [1; SALT]);
    let other = keys(1).seal(CONTEXT, b"the same", [2; SALT]);
    let behind_salt = |sealed: &Sealed| from_base64(&sealed.sealed).unwrap()[SALT..].to_vec();
    assert_ne!(behind_salt(&one), behind_salt(&other));
}

#[test]
fn sealing_in_place_allocates_nothing_where_there_is_room() {
    let mut plain = Vec::with_capacity(5 + SEALED_EXTRA);
    plain.extend_from_slice(b"to be");
    let before = plain.as_ptr();
    let sealed = keys(1).seal_bytes(CONTEXT, plain, SALT_BYTES);
    assert_eq!(sealed.bytes.as_ptr(), before);
    let opened = keys(1).open_bytes(CONTEXT, sealed).unwrap();
    assert_eq!(
        (opened.as_ptr(), opened.as_slice()),
        (before, &b"to be"[..])
    );
}

#[test]
fn large_contents_go_both_ways() {
    let large: Vec<u8> = (0..1_000_003_u32).map(|n| n.to_le_bytes()[0]).collect();
    let sealed = keys(3).seal_bytes(CONTEXT, large.clone(), SALT_BYTES);
    assert_eq!(*keys(3).open_bytes(CONTEXT, sealed).unwrap(), large);
}

#[test]
fn json_without_a_key_is_no_sealed_content() {
    for json in [
        "{}",
        r#"{"key":0,"sealed":""}"#,
        r#"{"key":1}"#,
        r#"{"key":-1,"sealed":""}"#,
    ] {
        assert!(serde_json::from_str::<Sealed>(json).is_err(), "{json}");
    }
}

proptest! {
    #[test]
    fn what_is_sealed_opens(plain: Vec<u8>, context: Vec<u8>, salt: [u8; 16], count in 1..4_u8) {
        let text = keys(count).seal(&context, &plain, salt);
        prop_assert_eq!(&*keys(count).open(&context, &text).unwrap(), &plain);
        let bytes = keys(count).seal_bytes(&context, plain.clone(), salt);
        prop_assert_eq!(bytes.bytes.len(), plain.len() + SEALED_EXTRA);
        prop_assert_eq!(to_base64(&bytes.bytes), text.sealed);
        prop_assert_eq!(&*keys(count).open_bytes(&context, bytes).unwrap(), &plain);
    }

    #[test]
    fn a_content_opens_in_its_context_only(context: Vec<u8>, other: Vec<u8>) {
        prop_assume!(context != other);
        let sealed = keys(1).seal(&context, b"to be", SALT_BYTES);
        prop_assert_eq!(keys(1).open(&other, &sealed), Err(OpenError::Refused));
    }

    #[test]
    fn any_text_can_be_asked_about(sealed in any::<String>(), key in 1..5_u32) {
        let key = KeyNumber::new(key).unwrap();
        let opened = keys(2).open(CONTEXT, &Sealed { key, sealed });
        prop_assert!(opened.is_err());
    }

    #[test]
    fn any_bytes_can_be_asked_about(bytes: Vec<u8>, key in 1..5_u32) {
        let key = KeyNumber::new(key).unwrap();
        let sealed = to_base64(&bytes);
        let opened = keys(2).open(CONTEXT, &Sealed { key, sealed });
        prop_assert!(opened.is_err());
        let opened = keys(2).open_bytes(CONTEXT, SealedBytes { key, bytes });
        prop_assert!(opened.is_err());
    }
}
