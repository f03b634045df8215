//! The keys of issuers come and go, and issuers are not asked more often than that needs.

use crate::token::support::{
    IssuerKey, JWKS, RSA_A, RSA_B, START, Setup, issuer_claims, key_set, with,
};
use futures::future::join_all;
use icecore_gateway::token::{
    FETCH_INTERVAL_MIN, FETCH_RETRY_MIN, KEYS_FRESH_MAX, KEYS_USED_MAX, TokenFault,
};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

const MOMENT: Duration = Duration::from_millis(1);

fn claims() -> Value {
    with(issuer_claims(), &json!({ "exp": START + 10 * 86_400 }))
}

fn keys() -> (IssuerKey, IssuerKey) {
    (IssuerKey::rsa(RSA_A, "a"), IssuerKey::rsa(RSA_B, "b"))
}

#[tokio::test]
async fn a_new_key_is_fetched_when_it_first_appears_and_a_withdrawn_one_is_gone() {
    let (setup, (a, b)) = (Setup::with_issuer(), keys());
    setup.fetch.set(JWKS, &key_set(&[&a]));
    setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    assert_eq!(setup.fetch.asked(), 1);

    setup.fetch.set(JWKS, &key_set(&[&b]));
    setup.clock.advance(FETCH_INTERVAL_MIN);
    setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    assert_eq!(setup.fetch.asked(), 1);
    setup.verifier.verify(&b.sign(&claims())).await.unwrap();
    assert_eq!(setup.fetch.asked(), 2);
    let fault = setup.fault(&a.sign(&claims())).await;
    assert_eq!(
        fault.to_string(),
        "the token is signed with the key `a`, which is not known"
    );
    assert_eq!(setup.fetch.asked(), 2);
}

#[tokio::test]
async fn withdrawn_keys_are_noticed_within_the_hour() {
    let (setup, (a, b)) = (Setup::with_issuer(), keys());
    setup.fetch.set(JWKS, &key_set(&[&a]));
    setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    setup.fetch.set(JWKS, &key_set(&[&b]));
    setup.clock.advance(KEYS_FRESH_MAX.saturating_sub(MOMENT));
    setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    setup.clock.advance(MOMENT);
    let fault = setup.fault(&a.sign(&claims())).await;
    assert!(matches!(fault, TokenFault::UnknownKey { .. }), "{fault:?}");
    assert_eq!(setup.fetch.asked(), 2);
}

/// Anybody can make up key ids. However many arrive, the issuer is asked once in 30 s, and nobody with a
/// good token has to wait.
#[tokio::test]
async fn made_up_key_ids_do_not_hammer_the_issuer() {
    let (setup, (a, _)) = (Setup::with_issuer(), keys());
    setup.fetch.set(JWKS, &key_set(&[&a]));
    setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    let rubbish = IssuerKey::rsa(RSA_B, "made-up").sign(&claims());
    for second in 0..300_usize {
        for _ in 0..10 {
            setup.fault(&rubbish).await;
        }
        setup.verifier.verify(&a.sign(&claims())).await.unwrap();
        assert!(setup.fetch.asked() <= 1 + second / 30, "at {second} s");
        setup.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(setup.fetch.asked(), 10);
}

#[tokio::test]
async fn without_an_answer_the_old_keys_serve_for_a_day() {
    let (setup, (a, _)) = (Setup::with_issuer(), keys());
    setup.fetch.set(JWKS, &key_set(&[&a]));
    setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    setup.fetch.go_down();
    setup.clock.advance(KEYS_FRESH_MAX);
    for _ in 0..5 {
        setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    }
    assert_eq!(setup.fetch.asked(), 2);
    setup
        .clock
        .advance(KEYS_USED_MAX.saturating_sub(KEYS_FRESH_MAX + MOMENT));
    setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    assert_eq!(setup.fetch.asked(), 3);
    setup.clock.advance(FETCH_RETRY_MIN);
    let fault = setup.fault(&a.sign(&claims())).await;
    assert!(!fault.needs_other_token(), "{fault:?}");

    setup.fetch.set(JWKS, &key_set(&[&a]));
    setup.clock.advance(FETCH_RETRY_MIN);
    setup.verifier.verify(&a.sign(&claims())).await.unwrap();
}

#[tokio::test]
async fn an_issuer_that_never_answered_is_asked_again_soon_but_not_each_time() {
    let (setup, (a, _)) = (Setup::with_issuer(), keys());
    for _ in 0..5 {
        let fault = setup.fault(&a.sign(&claims())).await;
        let TokenFault::IssuerUnavailable { cause, .. } = fault else {
            panic!("{fault:?}");
        };
        assert!(cause.contains("nobody answers"), "{cause}");
    }
    assert_eq!(setup.fetch.asked(), 1);
    setup.fetch.set(JWKS, &key_set(&[&a]));
    setup.clock.advance(FETCH_RETRY_MIN);
    setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    assert_eq!(setup.fetch.asked(), 2);
}

/// An answer that is no set of keys is none; an empty set is one.
#[tokio::test]
async fn a_broken_answer_changes_nothing_and_an_empty_one_withdraws_all() {
    let (setup, (a, _)) = (Setup::with_issuer(), keys());
    setup.fetch.set(JWKS, &key_set(&[&a]));
    setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    for broken in [
        json!({}),
        json!([]),
        json!({ "keys": {} }),
        json!("maintenance"),
    ] {
        setup.fetch.set(JWKS, &broken);
        setup.clock.advance(KEYS_FRESH_MAX);
        setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    }
    setup.fetch.set(JWKS, &json!({ "keys": [] }));
    setup.clock.advance(KEYS_FRESH_MAX);
    let fault = setup.fault(&a.sign(&claims())).await;
    assert!(
        matches!(fault, TokenFault::WrongAlgorithm { .. }),
        "{fault:?}"
    );
}

#[tokio::test]
async fn all_who_wait_share_one_fetch() {
    let (setup, (a, _)) = (Setup::with_issuer(), keys());
    setup.fetch.set(JWKS, &key_set(&[&a]));
    let token = a.sign(&claims());
    let gate = setup.fetch.gate.lock().await;
    let waiting = (0..50).map(|_| {
        let (verifier, token) = (Arc::clone(&setup.verifier), token.clone());
        tokio::spawn(async move { verifier.verify(&token).await.is_ok() })
    });
    let waiting: Vec<_> = waiting.collect();
    while setup.fetch.asked() == 0 {
        tokio::task::yield_now().await;
    }
    drop(gate);
    let taken = join_all(waiting).await;
    assert!(taken.into_iter().all(|taken| taken.unwrap()));
    assert_eq!(setup.fetch.asked(), 1);
}

/// While one request waits for new keys, others with a key that is known are served: whether the old keys
/// are fresh or have to be asked for again.
#[tokio::test]
async fn who_has_a_key_does_not_wait_for_who_has_none() {
    for age in [FETCH_INTERVAL_MIN, KEYS_FRESH_MAX] {
        let (setup, (a, b)) = (Setup::with_issuer(), keys());
        setup.fetch.set(JWKS, &key_set(&[&a]));
        setup.verifier.verify(&a.sign(&claims())).await.unwrap();
        setup.fetch.set(JWKS, &key_set(&[&a, &b]));
        setup.clock.advance(age);
        let gate = setup.fetch.gate.lock().await;
        let (verifier, token) = (Arc::clone(&setup.verifier), b.sign(&claims()));
        let waiting = tokio::spawn(async move { verifier.verify(&token).await.is_ok() });
        while setup.fetch.asked() == 1 {
            tokio::task::yield_now().await;
        }
        setup.verifier.verify(&a.sign(&claims())).await.unwrap();
        assert!(!waiting.is_finished());
        drop(gate);
        assert!(waiting.await.unwrap());
        assert_eq!(setup.fetch.asked(), 2);
    }
}

/// A client that goes away while the keys are fetched must not make the next one fetch them again.
#[tokio::test]
async fn a_request_that_is_given_up_leaves_its_fetch_to_the_others() {
    let (setup, (a, _)) = (Setup::with_issuer(), keys());
    setup.fetch.set(JWKS, &key_set(&[&a]));
    let gate = setup.fetch.gate.lock().await;
    for _ in 0..10 {
        let (verifier, token) = (Arc::clone(&setup.verifier), a.sign(&claims()));
        let given_up = tokio::spawn(async move { verifier.verify(&token).await.is_ok() });
        for _ in 0..10 {
            tokio::task::yield_now().await;
        }
        given_up.abort();
    }
    drop(gate);
    setup.verifier.verify(&a.sign(&claims())).await.unwrap();
    assert_eq!(setup.fetch.asked(), 1);
}
