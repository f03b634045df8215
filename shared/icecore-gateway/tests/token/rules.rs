//! From the claims of an issuer to spaces, and never to those of somebody else.

use crate::token::support::{IssuerKey, JWKS, RSA_A, Setup, issuer, issuer_claims, key_set, with};
use icecore_gateway::token::{Access, Right, TokenSettings};
use serde_json::{Value, json};

async fn access(rules: &Value, claims: &Value) -> Access {
    let setup = Setup::new(&json!({ "issuers": [with(issuer(), &json!({ "rules": rules }))] }));
    let key = IssuerKey::rsa(RSA_A, "a");
    setup.fetch.set(JWKS, &key_set(&[&key]));
    let token = key.sign(&with(issuer_claims(), claims));
    setup.verifier.verify(&token).await.unwrap()
}

async fn spaces(rules: &Value, claims: &Value) -> Vec<String> {
    let access = access(rules, claims).await;
    access
        .patterns(Right::Read)
        .map(ToString::to_string)
        .collect()
}

fn rule(claim: &str, spaces: &[&str]) -> Value {
    json!({ "claim": claim, "spaces": spaces, "rights": ["read"] })
}

#[tokio::test]
async fn each_rule_gives_its_rights_in_its_spaces() {
    let rules = json!([
        { "claim": "sub", "spaces": ["user-{}", "user-{}.*"], "rights": ["read", "write", "admin"] },
        { "claim": "groups", "spaces": ["team-{}"], "rights": ["read"] },
        { "claim": "/app/roles", "values": ["staff"], "spaces": ["*"], "rights": ["read"] },
        { "claim": "email", "spaces": ["lobby"], "rights": ["write"] },
    ]);
    let claims = json!({ "groups": ["red", "blue", "red"], "email": "Ada@x.example",
        "app": { "roles": ["editor"] } });
    let access = access(&rules, &claims).await;
    let may = |right, space: &str| access.may(right, &space.parse().unwrap());
    assert!(may(Right::Admin, "user-ada") && may(Right::Admin, "user-ada.photos"));
    assert!(may(Right::Read, "team-red") && may(Right::Read, "team-blue"));
    assert!(!may(Right::Write, "team-red") && !may(Right::Read, "team-green"));
    assert!(may(Right::Write, "lobby") && !may(Right::Read, "lobby"));
    assert!(!access.may_all(Right::Read));
    assert_eq!(access.grants[1].spaces.len(), 2);

    let staff = json!({ "app": { "roles": ["editor", "staff"] } });
    assert!(self::access(&rules, &staff).await.may_all(Right::Read));
}

#[tokio::test]
async fn values_that_are_no_names_give_nothing_and_never_a_pattern() {
    let rules = json!([rule("groups", &["team-{}"])]);
    let bad = [
        "*", "a*", "", "A", "a b", "a/b", "../x", "%2f", "auth0|x", "a\0", "ü", "{}", "a,b", "a\n",
    ];
    for value in bad {
        let claims = json!({ "groups": value });
        assert_eq!(
            spaces(&rules, &claims).await,
            Vec::<String>::new(),
            "{value:?}"
        );
    }
    let long = "x".repeat(60);
    let all: Vec<_> = bad.into_iter().chain([long.as_str()]).collect();
    assert!(spaces(&rules, &json!({ "groups": all })).await.is_empty());
    for value in [
        json!(5),
        json!({ "red": true }),
        json!([["red"]]),
        json!(true),
    ] {
        assert!(spaces(&rules, &json!({ "groups": value })).await.is_empty());
    }
    // One bad value among good ones takes nothing from them.
    let claims = json!({ "groups": ["*", "red", 5] });
    assert_eq!(spaces(&rules, &claims).await, ["team-red"]);
    assert_eq!(
        spaces(
            &json!([rule("groups", &["{}"])]),
            &json!({ "groups": ".red" })
        )
        .await
        .len(),
        0
    );
}

#[tokio::test]
async fn any_value_can_be_hashed() {
    let hashed = json!([{ "claim": "sub", "spaces": ["user-{}", "user-{}-*"], "rights": ["read"],
        "encode": "hash" }]);
    // printf %s 'auth0|abc' | sha256sum | cut -c1-26
    let name = "user-c5d09a77163332e87cd67f4fde";
    let found = spaces(&hashed, &json!({ "sub": "auth0|abc" })).await;
    assert_eq!(found, [format!("{name}-*"), name.to_owned()]);
    assert_eq!(spaces(&hashed, &json!({ "sub": "*" })).await.len(), 2);
    assert_eq!(spaces(&hashed, &json!({ "sub": "" })).await.len(), 0);
}

/// With `user-{}.*`, the user `a` would cover the spaces of the user `a.b`; and with `user-{}` and
/// `user-{}-notes`, the user `a-notes` would have a space of the user `a`. Such values give nothing.
#[tokio::test]
async fn no_value_gives_what_another_is_given() {
    let starred = json!([rule("sub", &["user-{}", "user-{}.*"])]);
    assert_eq!(spaces(&starred, &json!({ "sub": "a" })).await.len(), 2);
    assert_eq!(spaces(&starred, &json!({ "sub": "a.b" })).await.len(), 0);
    let two = json!([rule("sub", &["user-{}"]), rule("sub", &["user-{}-notes"])]);
    assert_eq!(spaces(&two, &json!({ "sub": "a" })).await.len(), 2);
    assert_eq!(spaces(&two, &json!({ "sub": "a-notes" })).await.len(), 0);
    // Where there is one template without a star, nothing can be mistaken.
    let one = json!([rule("sub", &["user-{}-notes"])]);
    assert_eq!(
        spaces(&one, &json!({ "sub": "a-b" })).await,
        ["user-a-b-notes"]
    );
}

#[test]
fn rules_that_give_too_much_or_nothing_are_refused() {
    let bad = [
        json!([rule("sub", &["user-{}*"])]),
        json!([rule("sub", &["{}"]), rule("groups", &["team-{}"])]),
        json!([rule("sub", &["u-{}"]), rule("groups", &["u-{}"])]),
        json!([rule("sub", &["u-{}", "u-team-{}"])]),
        json!([rule("", &["u-{}"])]),
        json!([rule("sub", &[])]),
        json!([rule("sub", &["u-{}-{}"])]),
        json!([rule("sub", &["u-*-{}"])]),
        json!([rule("sub", &["U-{}"])]),
        json!([rule("sub", &[".{}"])]),
        json!([rule("sub", &["u/{}"])]),
        json!([rule("sub", &[""])]),
        json!([{ "claim": "sub", "spaces": ["u-{}"], "rights": [] }]),
        json!([{ "claim": "sub", "spaces": ["u-{}"], "rights": ["root"] }]),
        json!([{ "claim": "sub", "spaces": ["u-{}"], "rights": ["read"], "encode": "rot13" }]),
        json!([{ "claim": "sub", "spaces": ["u-{}"], "rights": ["read"], "space": "x" }]),
        json!([{ "claim": "sub", "spaces": ["u-{}"] }]),
    ];
    for rules in bad {
        let settings = json!({ "issuers": [with(issuer(), &json!({ "rules": rules }))] });
        let error = TokenSettings::from_json(settings.to_string().as_bytes()).unwrap_err();
        assert!(error.hint().is_some(), "{rules}");
    }
}
