//! What is stored of a reason, and what is shown.

use super::*;
use crate::model::document::{DEPTH_MAX, KINDS};
use serde_json::json;

#[test]
fn a_reason_comes_back_as_it_was_written_whoever_wrote_it() {
    for text in [
        r#"{"code":"not-a-number","found":"array","kind":"increment","path":"/a"}"#,
        r#"{"code":"app","message":"no"}"#,
        r#"{"code":"of-tomorrow","a":[1,{"b":null}],"z":true}"#,
        r#"{"code":""}"#,
    ] {
        let reason: Reason = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&reason).unwrap(), text);
    }
    for bad in [
        r"{}",
        r#"{"code":1}"#,
        r#"{"code":"a","code":"a"}"#,
        "[]",
        "\"a\"",
    ] {
        assert!(serde_json::from_str::<Reason>(bad).is_err(), "{bad}");
    }
}

#[test]
fn known_codes_are_worded_and_others_shown_as_they_are() {
    for (stored, at, shown) in [
        (
            json!({"code": "not-a-list", "kind": "add", "path": "/a", "found": "string"}),
            None,
            "add: the field `/a` is text, not a list",
        ),
        (
            json!({"code": "max", "value": "11", "limit": "10"}),
            Some("/seats"),
            "`/seats` is 11, more than 10",
        ),
        // A parameter that is missing, or of another type than it should have.
        (
            json!({"code": "not-a-list", "path": ["/a"]}),
            None,
            "?: the field `[\"/a\"]` is ?, not a list",
        ),
        (
            json!({"code": "frozen"}),
            None,
            "`frozen`, a reason that this program does not know",
        ),
        (
            json!({"code": "frozen", "until": 7, "by": "ada"}),
            None,
            "`frozen`, a reason that this program does not know (by: ada, until: 7)",
        ),
        (json!({"code": "app:late"}), None, "late"),
        (json!({"code": "app:late", "n": 1}), None, "late (n: 1)"),
        (
            json!({"code": "app:late", "n": 1, "message": "it is over"}),
            None,
            "it is over",
        ),
    ] {
        let reason: Reason = serde_json::from_value(stored).unwrap();
        assert_eq!(reason.worded(at), shown);
    }
}

#[test]
fn an_app_gives_a_text_or_a_code_of_its_own() {
    let text = Reason::from("no such task");
    assert_eq!((text.code(), text.app_code()), ("app", None));
    let coded = Reason::app("late")
        .with("key", 1)
        .with("share", 0.5)
        .with("list", json!([1, "a"]));
    assert_eq!(coded.app_code(), Some("late"));
    assert_eq!(
        serde_json::to_string(&coded).unwrap(),
        r#"{"code":"app:late","key_":1,"list":"[1,\"a\"]","share":"0.5"}"#
    );
    // An app cannot give a code of this library, nor pass for one.
    assert_eq!(Reason::app("max").worded(Some("/a")), "max");
}

#[test]
fn what_a_person_typed_is_cut_between_characters() {
    let long = "ü".repeat(2_000);
    let reason = Reason::built_in("unknown-kind").text("kind", &long);
    assert_eq!(
        reason.parameter("kind"),
        Some(&json!(format!("{}…", "ü".repeat(100))))
    );
    let reason = Reason::from(long);
    assert_eq!(reason.to_string(), format!("{}…", "ü".repeat(1_000)));
}

#[test]
fn the_wording_is_that_of_the_code() {
    let wording = |name| CODES.iter().find(|code| code.name == name).unwrap().wording;
    assert!(wording("unknown-kind").ends_with(&KINDS.join(", ")));
    for code in ["too-deep", "path-too-deep"] {
        assert!(wording(code).contains(&format!("more than {DEPTH_MAX} levels")));
    }
    let mut names: Vec<_> = CODES.iter().map(|code| code.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), CODES.len());
    assert!(names.iter().all(|name| !name.contains(':')));
}
