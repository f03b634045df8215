//! When tokens count.

use crate::token::support::{START, Setup, hs256, own_claims, secret, with};
use icecore_gateway::token::{Claims, Rights, SigningKey, TokenFault, mint};
use serde_json::{Value, json};
use std::time::Duration;

fn token(times: &Value) -> String {
    hs256(&with(own_claims(), times))
}

#[tokio::test]
async fn a_token_ends_to_the_millisecond() {
    let setup = Setup::with_secret();
    let token = token(&json!({ "exp": START + 60 }));
    setup.clock.advance(Duration::from_millis(59_999));
    setup.verifier.verify(&token).await.unwrap();
    setup.clock.advance(Duration::from_millis(1));
    assert_eq!(setup.fault(&token).await, TokenFault::Expired { ago_ms: 0 });
    setup.clock.advance(Duration::from_millis(1));
    let fault = setup.fault(&token).await;
    assert_eq!(fault, TokenFault::Expired { ago_ms: 1 });
    assert_eq!(
        fault.to_string(),
        "the token expired less than a second ago"
    );
    setup.clock.advance(Duration::from_mins(5));
    let fault = setup.fault(&token).await;
    assert_eq!(fault.to_string(), "the token expired 5 minutes ago");
    assert_eq!(fault.hint(), "get a new token");
}

#[tokio::test]
async fn a_token_begins_with_some_leeway_for_clocks() {
    let setup = Setup::with_secret();
    for name in ["nbf", "iat"] {
        setup
            .verifier
            .verify(&token(&json!({ name: START + 30 })))
            .await
            .unwrap();
        let early = token(&json!({ name: START + 31 }));
        let fault = setup.fault(&early).await;
        assert_eq!(fault, TokenFault::NotYetValid { in_ms: 31_000 });
    }
    let far = token(&json!({ "nbf": START + 3 * 3600, "exp": START + 5 * 3600 }));
    assert_eq!(
        setup.fault(&far).await.to_string(),
        "the token is not valid yet: its time begins in 3 hours"
    );
    setup.clock.advance(Duration::from_hours(3));
    setup.verifier.verify(&far).await.unwrap();
}

#[tokio::test]
async fn times_have_one_form() {
    let setup = Setup::with_secret();
    let half = token(&json!({ "exp": 1_795_132_800.5_f64 }));
    assert_eq!(
        setup.verifier.verify(&half).await.unwrap().expires_at,
        START * 1000 + 500
    );
    for exp in [
        json!(START * 1000),
        json!(-1),
        json!(-0.5),
        json!(1e300),
        json!(u64::MAX),
        json!("1795132860"),
        json!([START]),
        json!(true),
    ] {
        let fault = setup.fault(&token(&json!({ "exp": exp }))).await;
        assert!(
            matches!(fault, TokenFault::Malformed { .. }),
            "{exp} {fault:?}"
        );
    }
    assert!(matches!(
        setup.fault(&token(&json!({ "exp": 0 }))).await,
        TokenFault::Expired { .. }
    ));
}

/// Nobody learns from a refusal what a token says that he cannot make.
#[tokio::test]
async fn the_signature_is_checked_before_the_time() {
    let setup = Setup::with_secret();
    let token = token(&json!({ "exp": START - 5, "aud": "other", "rights": ["root"] }));
    let cut = &token[..token.len() - 4];
    assert_eq!(
        setup.fault(&format!("{cut}AAAA")).await,
        TokenFault::BadSignature
    );
}

#[tokio::test]
async fn minted_times_are_cut_to_seconds_and_must_fit() {
    let setup = Setup::with_secret();
    let key = SigningKey::hs256(&secret());
    let claims = |expires_at| Claims::new("ada", vec![], Rights::default(), expires_at);
    let token = mint(&key, &claims(START * 1000 + 1999)).unwrap();
    let access = setup.verifier.verify(&token).await.unwrap();
    assert_eq!(access.expires_at, START * 1000 + 1000);
    for wrong in [-1, i64::MIN, i64::MAX, 253_402_300_800_000] {
        assert!(mint(&key, &claims(wrong)).is_err(), "{wrong}");
    }
}
