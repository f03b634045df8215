//! No stored byte has what was written, and no message has a secret.

use super::{WORDS, diary_with, joined};
use crate::support::command::{Place, id_of};
use flate2::read::GzDecoder;
use std::fs;
use std::io::Read;

/// Every object of the store, as it is stored and as it unpacks.
fn all_bytes(place: &Place) -> Vec<(String, Vec<u8>)> {
    let keys = place.objects("");
    assert!(keys.len() > 3, "{keys:?}");
    keys.into_iter()
        .map(|key| {
            let mut bytes = fs::read(place.object(&key)).unwrap();
            if bytes.starts_with(&[0x1f, 0x8b]) {
                let mut plain = Vec::new();
                GzDecoder::new(bytes.as_slice())
                    .read_to_end(&mut plain)
                    .unwrap();
                bytes.extend(plain);
            }
            (key, bytes)
        })
        .collect()
}

fn nothing_is_readable(place: &Place, when: &str) {
    // Of values, kinds, reasons and messages, rules that are broken, and the time when it happened.
    let told = [
        WORDS,
        "increment",
        "merge",
        "values are",
        "only numbers",
        "2026-01-01",
        "resolves",
    ];
    for (key, bytes) in all_bytes(place) {
        for words in told {
            let found = bytes.windows(words.len()).any(|w| w == words.as_bytes());
            assert!(!found, "{words:?} stands in {key}, {when}");
        }
    }
}

#[test]
fn no_stored_byte_has_what_was_written() {
    let (place, a) = diary_with(&["--rule", "unique:/tasks/*/slot"]);
    let b = joined(&place, &a, "b");
    let dated = format!(
        r#"{{"kind":"merge","data":{{"said":"{WORDS}"}},"at":"2026-01-01T00:00:00.000Z"}}"#
    );
    a.ok(&["update", "diary", &dated]);
    let secret = a.merge("diary", &format!(r#"{{"gone":"{WORDS}"}}"#));
    a.merge(
        "diary",
        &format!(r#"{{"tasks":{{"{WORDS}":{{"slot":"{WORDS}"}}}}}}"#),
    );
    b.merge(
        "diary",
        &format!(r#"{{"tasks":{{"b":{{"slot":"{WORDS}"}}}}}}"#),
    );
    let increment = r#"{"kind":"increment","data":{"/said":1}}"#;
    let id = id_of(&b.json(&["update", "diary", increment])[0]);
    assert_eq!(a.json(&["conflicts", "diary"]).len(), 2);
    nothing_is_readable(&place, "as updates");
    place.replica("nobody").ok(&["rollup", "--now"]);
    nothing_is_readable(&place, "rolled up without a secret");
    b.ok(&["sync", "diary"]);
    assert_eq!(place.objects("spaces/diary/0001/snapshots").len(), 1);
    nothing_is_readable(&place, "with a snapshot");
    a.ok(&["resolve", "diary", &id, r#"{"kind":"merge","data":{}}"#]);
    a.ok(&["rollup", "diary", "--now"]);
    a.ok(&["compress", "diary", "--yes"]);
    nothing_is_readable(&place, "compressed");
    a.merge("diary", &format!(r#"{{"more":"{WORDS}"}}"#));
    let last = a.merge("diary", &format!(r#"{{"last":"{WORDS}"}}"#));
    assert_ne!(secret, last);
    a.ok(&["redact", "diary", "--update", &last, "--yes"]);
    nothing_is_readable(&place, "redacted");
    assert!(!b.ok(&["state", "diary"]).contains("last"));
    b.ok(&["verify", "diary"]);
    assert_eq!(b.json(&["conflicts", "diary"])[0]["type"], "conflict");
}

#[test]
fn no_message_has_a_secret() {
    let (place, a) = diary_with(&[]);
    let identity = fs::read_to_string(place.folder().join("a.identity")).unwrap();
    let identity = identity.trim();
    let given = a
        .clone()
        .with("ICECORE_PASSPHRASE", "correct-horse")
        .with("ICECORE_NEW_PASSPHRASE", "battery-staple")
        .with("ICECORE_LOG", "trace");
    let member = format!("ada={identity}");
    let commands: [&[&str]; 9] = [
        &["keyring", "add", "diary", "us", "--passphrase"],
        &["update", "diary", r#"{"kind":"merge","data":{"n":1}}"#],
        &["state", "diary"],
        &["keyring", "show", "diary"],
        &["status", "diary"],
        &["verify", "diary", "--json"],
        &["identity", "show", "a.identity"],
        &["keyring", "add", "diary", "ada", identity],
        &[
            "space",
            "create",
            "other",
            "--encrypted",
            "--member",
            &member,
        ],
    ];
    let mut codes = Vec::new();
    for command in commands {
        let ran = given.run(&[command, &["--verbose", "--stats"]].concat());
        let said = format!("{}{}", ran.stdout, ran.stderr);
        for secret in [
            "correct-horse",
            "battery-staple",
            "icecore-secret-",
            &identity[16..],
        ] {
            assert!(!said.contains(secret), "{command:?}: {said}");
        }
        codes.push(ran.code);
    }
    assert_eq!(codes, [0, 0, 0, 0, 0, 0, 0, 2, 2].map(Some));
    let hint = a.fails(2, &["keyring", "add", "diary", "ada", identity]);
    assert!(hint.contains("make another identity"), "{hint}");
    // The arguments are seen by everybody on the machine: no option takes a secret itself.
    let help = a.ok(&["help"]);
    assert!(
        help.contains("--passphrase-fd") && !help.contains("--passphrase <"),
        "{help}"
    );
}
