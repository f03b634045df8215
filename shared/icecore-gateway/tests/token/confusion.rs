//! Tokens that try to choose how they are checked.

use crate::token::support::{
    ED25519_A, ED25519_A_PUBLIC, IssuerKey, JWKS, P256, RSA_A, RSA_A_PUBLIC, SECRET, Setup, base64,
    issuer_claims, key_set, own_claims, signed, with,
};
use icecore_gateway::token::TokenFault;
use jsonwebtoken::{Algorithm, EncodingKey};
use serde_json::{Value, json};

fn unsigned(header: &Value, claims: &Value) -> String {
    let (header, claims) = (header.to_string(), claims.to_string());
    format!("{}.{}.", base64(header), base64(claims))
}

fn own() -> Setup {
    Setup::new(&json!({ "hs256_secrets": [SECRET], "eddsa_public_keys": [ED25519_A_PUBLIC] }))
}

#[tokio::test]
async fn no_signature_is_no_token() {
    let setup = own();
    for alg in ["none", "None", "NONE", "nOnE", ""] {
        let header = json!({ "alg": alg });
        let token = unsigned(&header, &own_claims());
        let fault = setup.fault(&token).await;
        assert!(
            matches!(fault, TokenFault::Malformed { .. }),
            "{alg} {fault:?}"
        );
        for signature in ["AA", "bm9uZQ"] {
            let fault = setup.fault(&format!("{token}{signature}")).await;
            assert!(
                matches!(fault, TokenFault::WrongAlgorithm { .. }),
                "{alg} {fault:?}"
            );
        }
    }
    for header in [json!({ "alg": "HS256" }), json!({ "alg": "EdDSA" })] {
        let token = unsigned(&header, &own_claims());
        let fault = setup.fault(&format!("{token}AA")).await;
        assert_eq!(fault, TokenFault::BadSignature);
    }
}

/// Everybody has the public key: were it taken as a secret, anybody could sign.
#[tokio::test]
async fn a_public_key_is_no_secret() {
    let ed25519_only = Setup::new(&json!({ "eddsa_public_keys": [ED25519_A_PUBLIC] }));
    let header = json!({ "alg": "HS256" });
    let body: Vec<_> = ED25519_A_PUBLIC.lines().collect();
    for bytes in [ED25519_A_PUBLIC, ED25519_A_PUBLIC.trim(), body[1]] {
        let key = EncodingKey::from_secret(bytes.as_bytes());
        let token = signed(&header, &own_claims(), &key, Algorithm::HS256);
        let fault = ed25519_only.fault(&token).await;
        assert!(
            matches!(fault, TokenFault::WrongAlgorithm { .. }),
            "{fault:?}"
        );
        assert_eq!(own().fault(&token).await, TokenFault::BadSignature);
        let header = json!({ "alg": "EdDSA" });
        let token = signed(&header, &own_claims(), &key, Algorithm::HS256);
        assert_eq!(own().fault(&token).await, TokenFault::BadSignature);
    }

    let setup = Setup::with_issuer();
    setup
        .fetch
        .set(JWKS, &key_set(&[&IssuerKey::rsa(RSA_A, "a")]));
    let key = EncodingKey::from_secret(RSA_A_PUBLIC.as_bytes());
    for (alg, refused) in [("HS256", true), ("RS256", false)] {
        let header = json!({ "alg": alg, "kid": "a" });
        let token = signed(&header, &issuer_claims(), &key, Algorithm::HS256);
        let fault = setup.fault(&token).await;
        assert_eq!(
            matches!(fault, TokenFault::WrongAlgorithm { .. }),
            refused,
            "{fault:?}"
        );
    }
}

#[tokio::test]
async fn other_algorithms_are_refused_whatever_signed() {
    let setup = own();
    let secret = EncodingKey::from_secret(SECRET.as_bytes());
    let rsa = EncodingKey::from_rsa_pem(RSA_A.as_bytes()).unwrap();
    let p256 = EncodingKey::from_ec_pem(P256.as_bytes()).unwrap();
    let ed25519 = EncodingKey::from_ed_pem(ED25519_A.as_bytes()).unwrap();
    for (key, algorithm) in [
        (&secret, Algorithm::HS384),
        (&secret, Algorithm::HS512),
        (&rsa, Algorithm::RS256),
        (&rsa, Algorithm::PS256),
        (&p256, Algorithm::ES256),
    ] {
        let token = signed(&json!({ "alg": algorithm }), &own_claims(), key, algorithm);
        let fault = setup.fault(&token).await;
        assert!(
            matches!(fault, TokenFault::WrongAlgorithm { .. }),
            "{fault:?}"
        );
        for pretended in ["EdDSA", "HS256"] {
            let header = json!({ "alg": pretended });
            let token = signed(&header, &own_claims(), key, algorithm);
            assert_eq!(setup.fault(&token).await, TokenFault::BadSignature);
        }
    }
    // The key is right, but the token says something else.
    for (key, algorithm, pretended) in [
        (&ed25519, Algorithm::EdDSA, "HS256"),
        (&secret, Algorithm::HS256, "EdDSA"),
    ] {
        let header = json!({ "alg": pretended });
        let token = signed(&header, &own_claims(), key, algorithm);
        assert_eq!(setup.fault(&token).await, TokenFault::BadSignature);
    }
    let header = json!({ "alg": "RS256" });
    let token = signed(&header, &own_claims(), &ed25519, Algorithm::EdDSA);
    let fault = setup.fault(&token).await;
    assert!(
        matches!(fault, TokenFault::WrongAlgorithm { .. }),
        "{fault:?}"
    );
}

#[tokio::test]
async fn keys_that_a_token_brings_along_do_not_count() {
    let setup = own();
    let foreign = EncodingKey::from_secret(&[7; 32]);
    for header in [
        json!({ "alg": "HS256", "jwk": { "kty": "oct", "k": base64([7; 32]) } }),
        json!({ "alg": "HS256", "jku": "https://evil.example/keys", "x5u": "https://evil.example/" }),
        json!({ "alg": "HS256", "kid": "../../dev/null" }),
    ] {
        let token = signed(&header, &own_claims(), &foreign, Algorithm::HS256);
        assert_eq!(setup.fault(&token).await, TokenFault::BadSignature);
    }
    assert_eq!(setup.fetch.asked(), 0);
}

#[tokio::test]
async fn what_must_be_understood_and_is_not_is_refused() {
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let header = json!({ "alg": "HS256", "crit": ["b64"], "b64": false });
    let token = signed(&header, &own_claims(), &key, Algorithm::HS256);
    let fault = own().fault(&token).await;
    assert!(fault.to_string().contains("crit"), "{fault}");
}

/// The keys of an issuer are good for its own tokens only, and the gateway's not for those of an issuer.
#[tokio::test]
async fn no_key_is_good_for_the_tokens_of_others() {
    let setup = Setup::new(&json!({ "hs256_secrets": [SECRET], "issuers": [
        with(crate::token::support::issuer(), &json!({ "algorithms": ["RS256"] }))] }));
    let rsa = IssuerKey::rsa(RSA_A, "a");
    setup.fetch.set(JWKS, &key_set(&[&rsa]));
    setup
        .verifier
        .verify(&rsa.sign(&issuer_claims()))
        .await
        .unwrap();

    let fault = setup.fault(&rsa.sign(&own_claims())).await;
    assert!(
        matches!(fault, TokenFault::WrongAlgorithm { .. }),
        "{fault:?}"
    );
    let own = with(
        issuer_claims(),
        &json!({ "spaces": ["*"], "rights": ["admin"], "aud": ["app", "icecore"] }),
    );
    let fault = setup.fault(&crate::token::support::hs256(&own)).await;
    assert!(
        matches!(fault, TokenFault::WrongAlgorithm { .. }),
        "{fault:?}"
    );
    // Nor do the claims of an own token count in a token of the issuer.
    let access = setup.verifier.verify(&rsa.sign(&own)).await.unwrap();
    assert!(!access.may_all(icecore_gateway::token::Right::Read));
}

#[tokio::test]
async fn what_is_no_jwt_is_refused() {
    let setup = own();
    let good = crate::token::support::hs256(&own_claims());
    let parts: Vec<_> = good.split('.').collect();
    let (header, payload, signature) = (parts[0], parts[1], parts[2]);
    let twice = base64(r#"{"alg":"none","alg":"HS256"}"#);
    for text in [
        ".".to_owned(),
        "..".to_owned(),
        "a".to_owned(),
        format!("{header}.{payload}"),
        format!("{good}."),
        format!(".{good}"),
        format!("{header}..{signature}"),
        format!("{header}.{payload}.{signature}="),
        format!("{header}.{payload}.{signature}\n"),
        format!(" {good}"),
        format!("{header}.{payload}.{signature}.{signature}"),
        format!("{twice}.{payload}.{signature}"),
        format!("{}.{payload}.{signature}", base64("[]")),
        format!("{}.{payload}.{signature}", base64("{}")),
        format!("{header}.{}.{signature}", base64("[1]")),
        format!("{header}.{}.{signature}", base64("[".repeat(3000))),
        format!("{header}.{}.{signature}", base64(r#"{"iss":5}"#)),
    ] {
        let fault = setup.fault(&text).await;
        assert!(
            matches!(fault, TokenFault::Malformed { .. }),
            "{text:?} {fault:?}"
        );
    }
    assert_eq!(setup.fault("").await, TokenFault::Missing);
}
