//! Tokens that are bound to an author, by an issuer's claim or because the gateway asks for it.

use crate::token::support::{
    IssuerKey, JWKS, RSA_A, SECRET, Setup, issuer, issuer_claims, key_set, with,
};
use icecore_core::ErrorKind;
use icecore_gateway::token::{Access, Right, Rights, TokenFault};
use serde_json::{Value, json};

const AUTHOR: &str = "018bcfe5-6800-7fff-bfff-ffffffffffff";
const OTHER: &str = "018bcfe5-6800-7fff-bfff-fffffffffffe";

fn setup(claim: &str, bound: bool) -> (Setup, IssuerKey) {
    let issuer = with(issuer(), &json!({ "author_claim": claim }));
    let settings =
        json!({ "hs256_secrets": [SECRET], "issuers": [issuer], "bound_authors": bound });
    let (setup, key) = (Setup::new(&settings), IssuerKey::rsa(RSA_A, "a"));
    setup.fetch.set(JWKS, &key_set(&[&key]));
    (setup, key)
}

async fn access(setup: &Setup, key: &IssuerKey, change: &Value) -> Result<Access, TokenFault> {
    let token = key.sign(&with(issuer_claims(), change));
    setup.verifier.verify(&token).await
}

#[tokio::test]
async fn a_claim_of_an_issuer_names_the_author() {
    for (claim, device) in [
        ("device", json!({ "device": AUTHOR })),
        ("/app/device", json!({ "app": { "device": AUTHOR } })),
    ] {
        let (setup, key) = setup(claim, false);
        let bound = access(&setup, &key, &device).await.unwrap();
        assert_eq!(bound.author, Some(AUTHOR.parse().unwrap()));
        let space = "user-ada".parse().unwrap();
        bound.check_author(AUTHOR.parse().unwrap(), &space).unwrap();
        let other = OTHER.parse().unwrap();
        assert_eq!(
            bound.check_author(other, &space).unwrap_err().kind(),
            ErrorKind::Denied
        );
        let none = access(&setup, &key, &json!({})).await.unwrap();
        assert_eq!(none.author, None);
        none.check_author(other, &space).unwrap();
    }
}

#[tokio::test]
async fn a_claim_that_names_no_author_frees_nobody() {
    let (setup, key) = setup("device", false);
    for device in [
        json!("phone"),
        json!(""),
        json!(7),
        json!([AUTHOR]),
        json!(null),
    ] {
        let fault = access(&setup, &key, &json!({ "device": device })).await;
        let removed = device.is_null();
        match fault {
            // The helper takes a claim of null out.
            Ok(access) => assert!(removed && access.author.is_none(), "{device}"),
            Err(fault) => assert!(matches!(fault, TokenFault::Malformed { .. }), "{device}"),
        }
    }
}

#[tokio::test]
async fn where_tokens_must_be_bound_only_administrators_write_without() {
    let (setup, key) = setup("device", true);
    let (author, space) = (AUTHOR.parse().unwrap(), "user-ada".parse().unwrap());
    let free = access(&setup, &key, &json!({})).await.unwrap();
    assert!(free.may(Right::Write, &space));
    let error = free.check_author(author, &space).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert!(error.hint().unwrap().contains("--author"));
    let bound = access(&setup, &key, &json!({ "device": AUTHOR }))
        .await
        .unwrap();
    bound.check_author(author, &space).unwrap();
    let mut admin = free;
    admin.grants[0].rights = [Right::Admin].into_iter().collect::<Rights>();
    admin.check_author(author, &space).unwrap();
}
