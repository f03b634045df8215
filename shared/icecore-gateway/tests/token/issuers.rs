//! Tokens of issuers, with real keys of each kind.

use crate::token::support::{
    ED25519_A, FakeFetch, ISSUER, IssuerKey, JWKS, RSA_A, RSA_B, RSA_SHORT, START, Setup, base64,
    issuer, issuer_claims, key_set, signed, with,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use icecore_gateway::token::{Right, TokenFault};
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

const DISCOVERY: &str = "https://login.example.com/.well-known/openid-configuration";

#[tokio::test]
async fn each_algorithm_with_its_kind_of_key() {
    let setup = Setup::with_issuer();
    let keys = [
        IssuerKey::rsa(RSA_A, "rsa"),
        IssuerKey::p256("p256"),
        IssuerKey::ed25519(ED25519_A, "ed"),
    ];
    setup
        .fetch
        .set(JWKS, &key_set(&keys.iter().collect::<Vec<_>>()));
    for key in &keys {
        let access = setup
            .verifier
            .verify(&key.sign(&issuer_claims()))
            .await
            .unwrap();
        assert_eq!(access.subject, "ada");
        assert_eq!(access.expires_at, (START + 3600) * 1000);
        assert!(access.may(Right::Write, &"user-ada".parse().unwrap()));
        assert!(!access.may(Right::Read, &"user-bob".parse().unwrap()));
        assert_eq!(access.author, None);
    }
    assert_eq!(setup.fetch.asked(), 1);
}

#[tokio::test]
async fn claims_of_an_issuer_are_checked() {
    let setup = Setup::with_issuer();
    let key = IssuerKey::rsa(RSA_A, "a");
    setup.fetch.set(JWKS, &key_set(&[&key]));
    let fault = async |change: Value| {
        setup
            .fault(&key.sign(&with(issuer_claims(), &change)))
            .await
    };
    assert_eq!(
        fault(json!({ "exp": START })).await,
        TokenFault::Expired { ago_ms: 0 }
    );
    assert!(matches!(
        fault(json!({ "nbf": START + 99 })).await,
        TokenFault::NotYetValid { .. }
    ));
    for aud in [json!("icecore"), json!(["other"]), json!(null)] {
        let fault = fault(json!({ "aud": aud })).await;
        assert!(
            matches!(fault, TokenFault::WrongAudience { .. }),
            "{fault:?}"
        );
    }
    assert!(matches!(
        fault(json!({ "sub": null })).await,
        TokenFault::Malformed { .. }
    ));
    assert!(matches!(
        fault(json!({ "exp": null })).await,
        TokenFault::Malformed { .. }
    ));
    // Letter for letter: another issuer may live at the same host.
    for iss in [
        "https://login.example.com",
        "https://LOGIN.example.com/",
        "https://login.example.com/b",
    ] {
        let fault = fault(json!({ "iss": iss })).await;
        assert!(
            matches!(fault, TokenFault::UnknownIssuer { .. }),
            "{fault:?}"
        );
    }
    let many = with(issuer_claims(), &json!({ "aud": ["x", "app"] }));
    setup.verifier.verify(&key.sign(&many)).await.unwrap();
}

#[tokio::test]
async fn the_same_id_at_two_issuers_is_two_tokens() {
    let other = "https://other.example.com";
    let setup =
        Setup::new(&json!({ "issuers": [issuer(), with(issuer(), &json!({ "issuer": other }))] }));
    let key = IssuerKey::rsa(RSA_A, "a");
    setup.fetch.set(JWKS, &key_set(&[&key]));
    let mut ids = Vec::new();
    for iss in [ISSUER, other] {
        let claims = with(issuer_claims(), &json!({ "iss": iss, "jti": "1" }));
        ids.push(
            setup
                .verifier
                .verify(&key.sign(&claims))
                .await
                .unwrap()
                .token_id,
        );
    }
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test]
async fn a_signature_by_another_key_is_refused() {
    let setup = Setup::with_issuer();
    setup
        .fetch
        .set(JWKS, &key_set(&[&IssuerKey::rsa(RSA_A, "a")]));
    let forged = IssuerKey::rsa(RSA_B, "a").sign(&issuer_claims());
    assert_eq!(setup.fault(&forged).await, TokenFault::BadSignature);
}

#[tokio::test]
async fn tokens_without_a_key_id_are_tried_with_each_key() {
    let setup = Setup::with_issuer();
    setup.fetch.set(
        JWKS,
        &key_set(&[&IssuerKey::rsa(RSA_A, "a"), &IssuerKey::rsa(RSA_B, "b")]),
    );
    let key = EncodingKey::from_rsa_pem(RSA_B.as_bytes()).unwrap();
    let token = signed(
        &json!({ "alg": "RS256" }),
        &issuer_claims(),
        &key,
        Algorithm::RS256,
    );
    setup.verifier.verify(&token).await.unwrap();
}

/// Keys for other uses, of other kinds, too short or broken neither count nor stop the others.
#[tokio::test]
async fn only_keys_that_are_meant_for_it_count() {
    let good = IssuerKey::rsa(RSA_A, "a");
    let ed = IssuerKey::ed25519(ED25519_A, "a");
    let p256 = IssuerKey::p256("a");
    let unfit = [
        with(good.published(), &json!({ "use": "enc" })),
        with(good.published(), &json!({ "key_ops": ["encrypt"] })),
        with(good.published(), &json!({ "alg": "RS512" })),
        with(good.published(), &json!({ "kty": "oct", "k": "c2VjcmV0" })),
        with(good.published(), &json!({ "n": "!" })),
        with(good.published(), &json!({ "n": null })),
        with(good.published(), &json!({ "e": "" })),
        IssuerKey::rsa(RSA_SHORT, "a").published(),
        with(ed.published(), &json!({ "x": "AAAA" })),
        with(ed.published(), &json!({ "crv": "Ed448" })),
        with(p256.published(), &json!({ "x": "AAAA" })),
        with(p256.published(), &json!({ "y": p256.published()["x"] })),
        with(p256.published(), &json!({ "crv": "P-384" })),
        json!("key"),
        json!(null),
        json!({}),
    ];
    for published in unfit {
        let setup = Setup::with_issuer();
        setup.fetch.set(JWKS, &json!({ "keys": [published] }));
        for key in [&good, &ed, &p256, &IssuerKey::rsa(RSA_SHORT, "a")] {
            let fault = setup.fault(&key.sign(&issuer_claims())).await;
            assert!(fault.needs_other_token(), "{published} {fault:?}");
        }
        let setup = Setup::with_issuer();
        setup
            .fetch
            .set(JWKS, &json!({ "keys": [published, good.published()] }));
        setup
            .verifier
            .verify(&good.sign(&issuer_claims()))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn an_algorithm_that_the_settings_leave_out_fetches_nothing() {
    let setup =
        Setup::new(&json!({ "issuers": [with(issuer(), &json!({ "algorithms": ["ES256"] }))] }));
    let key = IssuerKey::rsa(RSA_A, "a");
    setup.fetch.set(JWKS, &key_set(&[&key]));
    let fault = setup.fault(&key.sign(&issuer_claims())).await;
    assert!(matches!(fault, TokenFault::WrongAlgorithm { .. }));
    assert_eq!(setup.fetch.asked(), 0);
}

fn discovering(describe: impl FnOnce(&FakeFetch)) -> Setup {
    let plain = with(issuer(), &json!({ "jwks_url": null }));
    let setup = Setup::new(&json!({ "issuers": [plain] }));
    describe(&setup.fetch);
    setup
}

#[tokio::test]
async fn keys_are_found_where_the_issuer_says() {
    let key = IssuerKey::rsa(RSA_A, "a");
    let setup = discovering(|fetch| {
        fetch.set(
            DISCOVERY,
            &json!({ "issuer": ISSUER, "jwks_uri": JWKS, "scopes_supported": [] }),
        );
        fetch.set(JWKS, &key_set(&[&key]));
    });
    setup
        .verifier
        .verify(&key.sign(&issuer_claims()))
        .await
        .unwrap();
    assert_eq!(setup.fetch.asked(), 2);
}

#[tokio::test]
async fn a_description_that_is_wrong_gives_no_keys() {
    let key = IssuerKey::rsa(RSA_A, "a");
    for (description, problem) in [
        (
            json!({ "issuer": "https://login.example.com", "jwks_uri": JWKS }),
            "another issuer",
        ),
        (
            json!({ "issuer": ISSUER, "jwks_uri": "http://login.example.com/keys" }),
            "keys may come from",
        ),
        (json!({ "issuer": ISSUER }), "does not describe"),
        (json!([]), "does not describe"),
    ] {
        let setup = discovering(|fetch| {
            fetch.set(DISCOVERY, &description);
            fetch.set(JWKS, &key_set(&[&key]));
        });
        let TokenFault::IssuerUnavailable { issuer, cause } =
            setup.fault(&key.sign(&issuer_claims())).await
        else {
            panic!("{description}");
        };
        assert_eq!(issuer, ISSUER);
        assert!(cause.contains(problem), "{cause}");
    }
}

/// An ECDSA signature (r, s) is as good as (r, n - s): whoever has a token can write it in a second way,
/// and must not thereby get a second share of what one token may do.
#[tokio::test]
async fn the_two_ways_to_write_a_signature_are_one_token() {
    // The order n of P-256 (FIPS 186-4, D.1.2.3).
    const ORDER: &str = "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551";
    let setup = Setup::with_issuer();
    let key = IssuerKey::p256("a");
    setup.fetch.set(JWKS, &key_set(&[&key]));
    let token = key.sign(&issuer_claims());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let mut bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let mut borrow = 0;
    for at in (0..32).rev() {
        let n = i16::from_str_radix(&ORDER[2 * at..2 * at + 2], 16).unwrap();
        let difference = n - i16::from(bytes[32 + at]) - borrow;
        borrow = i16::from(difference < 0);
        bytes[32 + at] = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let other = format!("{signed}.{}", base64(bytes));
    assert_ne!(token, other);
    let first = setup.verifier.verify(&token).await.unwrap();
    let second = setup.verifier.verify(&other).await.unwrap();
    assert_eq!(first.token_id, second.token_id);
}
