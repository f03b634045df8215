use super::*;
use proptest::prelude::*;

fn hex(text: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (n, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap();
    }
    bytes
}

#[test]
fn x25519_is_that_of_rfc_7748() {
    // Section 6.1.
    let alice = hex("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
    let bob = hex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
    let [alice, bob] = [alice, bob].map(|secret| Identity::from_secret(&secret));
    let publics = [alice.public(), bob.public()];
    let expected = [
        "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
        "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
    ];
    assert_eq!(publics.map(|public| public.0), expected.map(hex));
    let shared = "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742";
    for agreed in [alice.agree(publics[1]), bob.agree(publics[0])] {
        assert_eq!(*agreed.unwrap().as_bytes(), hex(shared));
    }
}

#[test]
fn points_of_low_order_are_refused() {
    let mut one = [0; 32];
    one[0] = 1;
    let mut minus_one = [0xff; 32];
    (minus_one[0], minus_one[31]) = (0xec, 0x7f);
    let mut prime = minus_one;
    prime[0] = 0xed;
    let mut prime_and_one = minus_one;
    prime_and_one[0] = 0xee;
    // Of order eight, as they are listed at <https://cr.yp.to/ecdh.html>.
    let eight = hex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800");
    let eighth = hex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157");
    for low in [[0; 32], one, minus_one, prime, prime_and_one, eight, eighth] {
        assert!(PublicKey(low).is_weak());
        let mut high_bit = low;
        high_bit[31] |= 0x80;
        assert!(PublicKey(high_bit).is_weak());
        let text = text_of(PUBLIC_PREFIX, &low);
        assert_eq!(text.parse::<PublicKey>(), Err(KeyTextError::Weak));
        assert!(serde_json::from_str::<PublicKey>(&format!("{:?}", *text)).is_err());
        assert!(
            Identity::from_secret(&[3; 32])
                .agree(PublicKey(low))
                .is_none()
        );
    }
}

#[test]
fn every_mistyped_character_is_noticed() {
    let identity = Identity::from_secret(&[5; 32]);
    for text in [
        identity.to_text().to_string(),
        identity.public().to_string(),
    ] {
        for place in 0..text.len() {
            let mut typed = text.clone().into_bytes();
            typed[place] = if typed[place] == b'x' { b'y' } else { b'x' };
            let typed = String::from_utf8(typed).unwrap();
            assert!(typed.parse::<Identity>().is_err(), "{typed}");
            assert!(typed.parse::<PublicKey>().is_err(), "{typed}");
        }
    }
}

#[test]
fn errors_say_what_is_wrong_with_a_text() {
    let identity = Identity::from_secret(&[5; 32]);
    let (secret, public) = (identity.to_text(), identity.public().to_string());
    let as_secret = |text: &str| text.parse::<Identity>().unwrap_err();
    assert_eq!(as_secret(&public), KeyTextError::PublicForSecret);
    assert_eq!(as_secret(""), KeyTextError::Prefix(SECRET_PREFIX));
    assert_eq!(as_secret(&secret[1..]), KeyTextError::Prefix(SECRET_PREFIX));
    assert_eq!(as_secret(&secret[..62]), KeyTextError::Length(47));
    assert_eq!(
        as_secret(&format!("{}A", *secret)),
        KeyTextError::Length(49)
    );
    assert_eq!(as_secret(&format!("{} ", *secret)), KeyTextError::Character);
    assert_eq!(
        as_secret(&secret.replace('B', "ß")),
        KeyTextError::Character
    );
    assert_eq!(
        as_secret(&secret.replace("UF", "UE")),
        KeyTextError::Checksum
    );
    let refused = secret.parse::<PublicKey>().unwrap_err();
    assert_eq!(refused, KeyTextError::SecretForPublic);
    assert!(!refused.to_string().contains(&secret[15..]));
}

#[test]
fn a_public_key_is_a_text_in_json() {
    let public = Identity::from_secret(&[5; 32]).public();
    let json = serde_json::to_string(&public).unwrap();
    assert_eq!(json, format!("\"{public}\""));
    assert_eq!(serde_json::from_str::<PublicKey>(&json).unwrap(), public);
}

#[test]
fn debug_shows_the_public_key_only() {
    let identity = Identity::from_secret(&[5; 32]);
    let shown = format!("{identity:?}");
    assert_eq!(shown, format!("Identity({})", identity.public()));
    assert!(!shown.contains(&identity.to_text()[15..40]));
}

proptest! {
    #[test]
    fn texts_go_both_ways(secret: [u8; 32]) {
        let identity = Identity::generate(&mut || secret);
        let text = identity.to_text();
        prop_assert_eq!(text.len(), SECRET_PREFIX.len() + TEXT);
        let again: Identity = text.parse().unwrap();
        prop_assert_eq!(again.public(), identity.public());
        prop_assert_eq!(again.to_text(), text);
        let public: PublicKey = identity.public().to_string().parse().unwrap();
        prop_assert_eq!(public, identity.public());
    }

    #[test]
    fn both_sides_agree(a: [u8; 32], b: [u8; 32]) {
        let (a, b) = (Identity::from_secret(&a), Identity::from_secret(&b));
        let (ab, ba) = (a.agree(b.public()).unwrap(), b.agree(a.public()).unwrap());
        prop_assert_eq!(ab.as_bytes(), ba.as_bytes());
    }

    #[test]
    fn any_text_can_be_read(text: String) {
        prop_assert!(text.parse::<Identity>().is_err());
        let prefixed = format!("{PUBLIC_PREFIX}{text}");
        prop_assert!(prefixed.parse::<PublicKey>().is_err());
    }
}
