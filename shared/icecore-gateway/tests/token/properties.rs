//! For any text: no panic, and nothing that was changed is taken.

use crate::token::support::{
    ED25519_A, ED25519_A_PUBLIC, IssuerKey, JWKS, RSA_A, SECRET, START, Setup, base64, issuer,
    issuer_claims, key_set, secret,
};
use icecore_core::SpaceName;
use icecore_gateway::token::{Claims, Rights, SigningKey, SpacePattern, mint};
use proptest::prelude::*;
use serde_json::json;

fn setup() -> (Setup, Vec<String>) {
    let setup = Setup::new(
        &json!({ "hs256_secrets": [SECRET], "eddsa_public_keys": [ED25519_A_PUBLIC],
        "issuers": [issuer()] }),
    );
    let (rsa, p256) = (IssuerKey::rsa(RSA_A, "rsa"), IssuerKey::p256("p256"));
    setup.fetch.set(JWKS, &key_set(&[&rsa, &p256]));
    let claims = Claims::new(
        "ada",
        vec![SpacePattern::all()],
        Rights::read_write(),
        START * 1000 + 9000,
    );
    let tokens = vec![
        mint(&SigningKey::hs256(&secret()), &claims).unwrap(),
        mint(&SigningKey::ed25519_pem(ED25519_A).unwrap(), &claims).unwrap(),
        rsa.sign(&issuer_claims()),
        p256.sign(&issuer_claims()),
    ];
    (setup, tokens)
}

/// Every bit of every character. What is left is not always text, and then never arrives here.
#[tokio::test]
async fn a_token_with_any_bit_flipped_is_refused() {
    let (setup, tokens) = setup();
    for token in tokens {
        setup.verifier.verify(&token).await.unwrap();
        for at in 0..token.len() {
            for bit in 0..8 {
                let mut bytes = token.clone().into_bytes();
                bytes[at] ^= 1 << bit;
                if let Ok(flipped) = String::from_utf8(bytes) {
                    setup.fault(&flipped).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_token_that_is_cut_or_longer_is_refused() {
    let (setup, tokens) = setup();
    for token in tokens {
        for end in 0..token.len() {
            setup.fault(&token[..end]).await;
        }
        for more in ["A", "=", ".", " ", "\0", "AAAA"] {
            setup.fault(&format!("{token}{more}")).await;
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(future)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_text_is_a_token(text in any::<String>(), dotted in "[A-Za-z0-9_-]{0,40}(\\.[A-Za-z0-9_=-]{0,60}){0,4}") {
        let (setup, _) = setup();
        block_on(setup.fault(&text));
        block_on(setup.fault(&dotted));
    }

    #[test]
    fn no_json_is_a_token(
        alg in prop::sample::select(vec!["HS256", "EdDSA", "RS256", "ES256", "none", "x"]),
        kid in prop::option::of(any::<String>()),
        iss in prop::option::of(prop::sample::select(vec!["https://login.example.com/", "x"])),
        claims in any::<Vec<u8>>(),
        signature in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        let (setup, _) = setup();
        let header = base64(json!({ "alg": alg, "kid": kid }).to_string());
        let signature = base64(signature);
        let body = base64(json!({ "iss": iss, "sub": "a", "exp": START + 9 }).to_string());
        block_on(setup.fault(&format!("{header}.{body}.{signature}")));
        block_on(setup.fault(&format!("{header}.{}.{signature}", base64(claims))));
    }

    /// A pattern that is read covers what it says, and is written as it was read.
    #[test]
    fn patterns(text in "[a-zA-Z0-9._*/%-]{0,8}", name in "[a-z0-9_-][a-z0-9._-]{0,8}") {
        // Some ends and some names are none on Windows.
        let Ok(name) = name.parse::<SpaceName>() else {
            return Ok(());
        };
        if let Ok(pattern) = text.parse::<SpacePattern>() {
            prop_assert_eq!(pattern.to_string(), text.clone());
            let expected = match text.strip_suffix('*') {
                Some(prefix) => name.as_str().starts_with(prefix),
                None => name.as_str() == text,
            };
            prop_assert_eq!(pattern.matches(&name), expected);
            prop_assert!(!text.trim_end_matches('*').contains(['*', '/', '%']));
        }
    }
}
