//! Tokens that are signed with the gateway's own keys.

use crate::token::support::{
    ED25519_A, ED25519_A_PUBLIC, ED25519_B, ED25519_B_PUBLIC, SECRET, START, Setup, hs256,
    own_claims, secret, with,
};
use icecore_core::{Author, ErrorKind};
use icecore_gateway::token::{
    Claims, Right, Rights, Secret, SigningKey, TOKEN_BYTES_MAX, TokenFault, bearer_token, mint,
};
use serde_json::json;

fn claims() -> Claims {
    let spaces = vec!["notes-*".parse().unwrap(), "todo".parse().unwrap()];
    Claims::new("ada", spaces, Rights::read_write(), START * 1000 + 60_000)
}

#[tokio::test]
async fn a_minted_token_is_taken_as_it_was_meant() {
    let setup = Setup::with_secret();
    let author = Author::from_parts(1_700_000_000_000, 7);
    let claims = Claims {
        author: Some(author),
        token_id: Some("guest-1".to_owned()),
        issued_at: Some(START * 1000),
        not_before: Some(START * 1000),
        issuer: Some("the test".to_owned()),
        ..claims()
    };
    let token = mint(&SigningKey::hs256(&secret()), &claims).unwrap();
    let access = setup.verifier.verify(&token).await.unwrap();
    assert_eq!(access.subject, "ada");
    assert_eq!(access.author, Some(author));
    assert_eq!(access.expires_at, START * 1000 + 60_000);
    assert_eq!(access.token_id, "guest-1");
    assert!(access.may(Right::Write, &"notes-1".parse().unwrap()));
    assert!(!access.may(Right::Admin, &"notes-1".parse().unwrap()));
    assert!(!access.may(Right::Read, &"notes".parse().unwrap()));
    assert!(setup.fetch.asked() == 0);
}

/// Without a `jti` the token is known by its digest, and a `jti` that is fit for no log is too.
#[tokio::test]
async fn a_token_has_one_name_that_does_not_show_it() {
    let setup = Setup::with_secret();
    let token = hs256(&own_claims());
    let id = setup.verifier.verify(&token).await.unwrap().token_id;
    assert_eq!(id.len(), 64);
    assert_eq!(setup.verifier.verify(&token).await.unwrap().token_id, id);
    let other = hs256(&with(own_claims(), &json!({ "sub": "bob" })));
    assert_ne!(setup.verifier.verify(&other).await.unwrap().token_id, id);
    for jti in ["a\nb", "", &"x".repeat(65)] {
        let token = hs256(&with(own_claims(), &json!({ "jti": jti })));
        let id = setup.verifier.verify(&token).await.unwrap().token_id;
        assert_eq!(id.len(), 64, "{jti:?}");
    }
}

#[tokio::test]
async fn the_old_secret_counts_until_it_is_removed() {
    let new = "the next secret of the tests, longer";
    let old_token = hs256(&own_claims());
    let new_key = SigningKey::hs256(&new.parse().unwrap());
    let new_token = mint(&new_key, &claims()).unwrap();

    let both = Setup::new(&json!({ "hs256_secrets": [new, SECRET] }));
    both.verifier.verify(&old_token).await.unwrap();
    both.verifier.verify(&new_token).await.unwrap();
    let after = Setup::new(&json!({ "hs256_secrets": [new] }));
    assert_eq!(after.fault(&old_token).await, TokenFault::BadSignature);
    after.verifier.verify(&new_token).await.unwrap();
}

#[tokio::test]
async fn ed25519_with_one_key_and_with_several() {
    let (a, b) = (
        SigningKey::ed25519_pem(ED25519_A).unwrap(),
        SigningKey::ed25519_pem(ED25519_B).unwrap(),
    );
    assert_ne!(a.kid().unwrap(), b.kid().unwrap());
    let by_a = mint(&a, &claims()).unwrap();
    let by_b = mint(&b, &claims()).unwrap();

    let one = Setup::new(&json!({ "eddsa_public_keys": [ED25519_A_PUBLIC] }));
    one.verifier.verify(&by_a).await.unwrap();
    assert_eq!(one.fault(&by_b).await, TokenFault::BadSignature);

    let two = Setup::new(&json!({ "eddsa_public_keys": [ED25519_A_PUBLIC, ED25519_B_PUBLIC] }));
    two.verifier.verify(&by_a).await.unwrap();
    two.verifier.verify(&by_b).await.unwrap();

    // Under names of their own, the thumbprints of the tokens are no names of keys.
    let named = Setup::new(&json!({ "eddsa_public_keys": [
        { "pem": ED25519_A_PUBLIC, "kid": "old" }, { "pem": ED25519_B_PUBLIC, "kid": "new" }] }));
    let fault = named.fault(&by_a).await;
    assert!(matches!(fault, TokenFault::UnknownKey { .. }), "{fault:?}");
}

#[tokio::test]
async fn audiences() {
    let setup = Setup::with_secret();
    for aud in [json!("icecore"), json!(["other", "icecore"])] {
        let token = hs256(&with(own_claims(), &json!({ "aud": aud })));
        setup.verifier.verify(&token).await.unwrap();
    }
    for aud in [
        json!("other"),
        json!(["a", "b"]),
        json!([]),
        json!(null),
        json!("icecore2"),
    ] {
        let token = hs256(&with(own_claims(), &json!({ "aud": aud })));
        let fault = setup.fault(&token).await;
        assert_eq!(fault.to_string(), "the token is not made for icecore");
    }
    let any = Setup::new(&json!({ "audience": null, "hs256_secrets": [SECRET] }));
    let token = hs256(&with(own_claims(), &json!({ "aud": null })));
    any.verifier.verify(&token).await.unwrap();
}

#[tokio::test]
async fn claims_of_the_wrong_form_are_refused_and_unknown_ones_ignored() {
    let setup = Setup::with_secret();
    let token = hs256(&with(own_claims(), &json!({ "color": "red", "nonce": 5 })));
    setup.verifier.verify(&token).await.unwrap();
    for change in [
        json!({ "sub": null }),
        json!({ "exp": null }),
        json!({ "exp": "tomorrow" }),
        json!({ "spaces": null }),
        json!({ "spaces": "notes" }),
        json!({ "spaces": ["../notes"] }),
        json!({ "spaces": ["no*tes"] }),
        json!({ "rights": null }),
        json!({ "rights": ["root"] }),
        json!({ "rights": ["read", "ADMIN"] }),
        json!({ "author": "me" }),
        json!({ "aud": 5 }),
        json!({ "sub": ["ada"] }),
    ] {
        let fault = setup.fault(&hs256(&with(own_claims(), &change))).await;
        assert!(
            matches!(fault, TokenFault::Malformed { .. }),
            "{change} {fault:?}"
        );
    }
}

#[tokio::test]
async fn an_issuer_that_is_not_known_is_named_but_only_when_the_signature_is_not_ours() {
    let setup = Setup::with_secret();
    let claims = with(own_claims(), &json!({ "iss": "https://evil.example/\n" }));
    setup.verifier.verify(&hs256(&claims)).await.unwrap();
    let other = SigningKey::hs256(&Secret::new([7; 32]).unwrap());
    let foreign = Claims {
        issuer: Some("https://evil.example/\n".to_owned()),
        ..self::claims()
    };
    let fault = setup.fault(&mint(&other, &foreign).unwrap()).await;
    assert_eq!(
        fault.to_string(),
        r"the token comes from `https://evil.example/\n`, which is not an issuer that counts here"
    );
}

#[tokio::test]
async fn a_long_token_is_refused_unread() {
    let setup = Setup::with_secret();
    let fault = setup.fault(&"x".repeat(TOKEN_BYTES_MAX + 1)).await;
    assert_eq!(fault, TokenFault::TooLong);
    let fault = setup.fault(&"x".repeat(TOKEN_BYTES_MAX)).await;
    assert!(matches!(fault, TokenFault::Malformed { .. }));
    let spaces = (0..500).map(|n| format!("some-long-name-{n}").parse().unwrap());
    let claims = Claims::new("ada", spaces.collect(), Rights::read_write(), START * 1000);
    let error = mint(&SigningKey::hs256(&secret()), &claims).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn keys_that_are_none_are_refused_and_none_is_shown() {
    for pem in [
        "",
        "secret stuff",
        ED25519_A_PUBLIC,
        crate::token::support::RSA_A,
    ] {
        let error = SigningKey::ed25519_pem(pem).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.hint().unwrap().contains("openssl"));
    }
    let private = SigningKey::ed25519_pem(ED25519_A).unwrap();
    let secret = SigningKey::hs256(&secret());
    let shown = format!("{private:?} {secret:?} {:?}", Setup::with_secret().verifier);
    let hidden = ED25519_A.lines().nth(1).unwrap();
    assert!(!shown.contains(hidden) && !shown.contains("a secret of"));
    assert!(
        !shown.contains("97, 32, 115"),
        "the bytes of the secret: {shown}"
    );
}

#[test]
fn the_token_of_a_header() {
    assert_eq!(bearer_token(Some("Bearer a.b.c")), Ok("a.b.c"));
    assert_eq!(bearer_token(Some("bearer  a.b.c ")), Ok("a.b.c"));
    for header in [
        None,
        Some(""),
        Some("Bearer"),
        Some("Bearer "),
        Some("Basic eA=="),
        Some("a.b.c"),
    ] {
        assert_eq!(bearer_token(header), Err(TokenFault::Missing), "{header:?}");
    }
}

#[test]
fn faults_become_errors_with_hints() {
    let unavailable = TokenFault::IssuerUnavailable {
        issuer: "https://a.example".to_owned(),
        cause: "no answer".to_owned(),
    };
    assert!(!unavailable.needs_other_token());
    let error = icecore_core::Error::from(unavailable);
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    for fault in [
        TokenFault::Missing,
        TokenFault::BadSignature,
        TokenFault::TooLong,
    ] {
        assert!(fault.needs_other_token());
        assert!(fault.challenge().starts_with("Bearer"));
        let (text, error) = (fault.to_string(), icecore_core::Error::from(fault));
        assert_eq!(error.kind(), ErrorKind::Denied);
        assert_eq!(error.to_string(), text);
        assert!(error.hint().is_some());
    }
}
