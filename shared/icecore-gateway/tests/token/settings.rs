//! Settings: what is read, what is refused, and what is never shown.

use crate::token::support::{ED25519_A, ED25519_A_PUBLIC, RSA_A_PUBLIC, SECRET, issuer, with};
use icecore_core::{Error, ErrorKind};
use icecore_gateway::token::{Algorithm, Secret, TokenSettings};
use serde_json::{Value, json};
use std::error::Error as _;

fn read(settings: &Value) -> Result<TokenSettings, Error> {
    TokenSettings::from_json(settings.to_string().as_bytes())
}

/// Everything that an error shows.
fn whole(error: &Error) -> String {
    let mut text = format!("{error} {error:?} {}", error.hint().unwrap_or_default());
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text} {cause} {cause:?}");
        source = cause.source();
    }
    text
}

#[test]
fn good_settings_and_their_defaults() {
    let settings = read(&json!({ "hs256_secrets": [SECRET] })).unwrap();
    assert_eq!(settings.audience.as_deref(), Some("icecore"));
    let mut plain = issuer();
    for name in ["algorithms", "jwks_url"] {
        plain.as_object_mut().unwrap().remove(name);
    }
    let settings = read(&json!({ "audience": null, "issuers": [plain] })).unwrap();
    assert_eq!(settings.audience, None);
    assert_eq!(settings.issuers[0].audience, ["app"]);
    assert_eq!(
        settings.issuers[0].algorithms,
        [Algorithm::Rs256, Algorithm::Es256]
    );
    let local = with(
        issuer(),
        &json!({ "issuer": "http://127.0.0.1:8080", "jwks_url": "http://[::1]:9/k" }),
    );
    read(&json!({ "issuers": [local] })).unwrap();
    let key = json!({ "pem": ED25519_A_PUBLIC, "kid": "a" });
    let settings = read(&json!({ "eddsa_public_keys": [ED25519_A_PUBLIC, key] })).unwrap();
    assert_eq!(settings.eddsa_public_keys[1].kid.as_deref(), Some("a"));
}

#[test]
fn settings_by_which_nobody_or_everybody_gets_in_are_refused() {
    let issuers = |change: Value| json!({ "issuers": [with(issuer(), &change)] });
    let cases = [
        (json!({}), "there are no keys"),
        (json!({ "hs256_secrets": [] }), "there are no keys"),
        (
            json!({ "hs256_secrets": [SECRET], "audience": "" }),
            "audience is empty",
        ),
        (json!({ "hs256_secrets": vec![SECRET; 17] }), "more than 16"),
        (json!({ "hs256_secret": SECRET }), "unknown field"),
        (json!({ "issuers": [issuer(), issuer()] }), "given twice"),
        (issuers(json!({ "audience": [] })), "no audience"),
        (issuers(json!({ "audience": "" })), "no audience"),
        (
            issuers(json!({ "audience": null })),
            "missing field `audience`",
        ),
        (issuers(json!({ "algorithms": [] })), "no algorithms"),
        (
            issuers(json!({ "algorithms": ["HS256"] })),
            "HS256 is not for issuers",
        ),
        (
            issuers(json!({ "algorithms": ["none"] })),
            "unknown variant",
        ),
        (issuers(json!({ "rules": [] })), "no rules"),
        (
            issuers(json!({ "issuer": "http://login.example.com" })),
            "keys may come from",
        ),
        (
            issuers(json!({ "issuer": "ftp://login.example.com" })),
            "keys may come from",
        ),
        (
            issuers(json!({ "issuer": "https://me:pw@login.example.com" })),
            "keys may come from",
        ),
        (
            issuers(json!({ "issuer": "login.example.com" })),
            "cannot be read",
        ),
        (
            issuers(json!({ "jwks_url": "http://localhost.example.com/" })),
            "keys may come from",
        ),
        (
            issuers(json!({ "jwks_url": "http://169.254.169.254/" })),
            "keys may come from",
        ),
        (
            issuers(json!({ "jwks_url": "file:///etc/passwd" })),
            "keys may come from",
        ),
        (issuers(json!({ "url": "x" })), "unknown field"),
    ];
    for (settings, problem) in cases {
        let error = read(&settings).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(
            whole(&error).contains(problem),
            "{settings}: {}",
            whole(&error)
        );
        assert!(!whole(&error).contains("pw@"));
    }
}

#[test]
fn secrets_are_long_enough_and_never_shown() {
    let short = "hunter2-hunter2-hunter2-hunter2";
    for settings in [
        json!({ "hs256_secrets": [short] }),
        json!({ "hs256_secrets": short }),
        json!({ "hs256_secrets": { "hunter2": short } }),
        json!({ "hs256_secrets": [[short]] }),
        json!({ "hs256_secrets": [format!("base64:{short}")] }),
        json!({ "eddsa_public_keys": short }),
        json!({ "eddsa_public_keys": [short] }),
        json!({ "eddsa_public_keys": [{ "key": short }] }),
    ] {
        let error = read(&settings).unwrap_err();
        assert!(!whole(&error).contains("hunter2"), "{}", whole(&error));
    }
    let error = read(&json!({ "hs256_secrets": [12_345_678] })).unwrap_err();
    assert!(!whole(&error).contains("12345678"));
    let error = read(&json!({ "hs256_secrets": [short] })).unwrap_err();
    assert!(whole(&error).contains("31 bytes, and needs 32"));

    let private = ED25519_A.lines().nth(1).unwrap();
    for key in [
        json!(ED25519_A),
        json!({ "pem": ED25519_A }),
        json!([ED25519_A]),
        json!(RSA_A_PUBLIC),
    ] {
        let error = read(&json!({ "eddsa_public_keys": [key] })).unwrap_err();
        assert!(!whole(&error).contains(private), "{}", whole(&error));
    }
    let settings = read(&json!({ "hs256_secrets": [SECRET] })).unwrap();
    assert!(!format!("{settings:?}").contains("a secret"));
}

#[test]
fn secrets_as_text_and_as_base64_are_the_same() {
    use icecore_gateway::token::{Claims, Rights, SigningKey, mint};
    let claims = Claims::new("ada", vec![], Rights::default(), 1000);
    let token = |secret: &Secret| mint(&SigningKey::hs256(secret), &claims).unwrap();
    let base64 = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    let expected = token(&Secret::new(*b"01234567890123456789012345678901").unwrap());
    assert_eq!(
        token(&"01234567890123456789012345678901".parse().unwrap()),
        expected
    );
    assert_eq!(
        token(&Secret::from_base64(&format!("{base64}\n")).unwrap()),
        expected
    );
    assert_eq!(
        token(&format!("base64:{base64}").parse().unwrap()),
        expected
    );
    assert!(Secret::from_base64("not base64!").is_err());
    assert!(Secret::new([0; 31]).is_err());
}
