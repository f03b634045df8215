//! The state of a document, and what needs the inside of one; the effects of updates are in
//! `tests/vectors/document.json`.

use super::*;
use crate::canonical;
use crate::ids::{Author, Key, Seq};
use serde_json::json;

fn apply(state: &mut State, kind: &str, data: &str) -> Result<(), Rejected> {
    let document = Document::default();
    let data = RawValue::from_string(data.to_owned()).unwrap();
    let meta = Meta {
        author: Author::from_parts(0, 0),
        seq: Seq::FIRST,
        key: Key::MIN,
        at: "",
    };
    document.apply(state, document.decode(kind, &data)?, &meta)
}

#[test]
fn a_state_is_a_normalised_object_with_sorted_keys() {
    let state: State = serde_json::from_str(r#"{"b":1.0,"a":{"d":[2.0],"c":-0.0}}"#).unwrap();
    assert_eq!(
        serde_json::to_string(&state).unwrap(),
        r#"{"a":{"c":0,"d":[2]},"b":1}"#
    );
    for other in ["[]", "null", "1"] {
        assert!(serde_json::from_str::<State>(other).is_err(), "{other}");
    }
}

#[test]
fn a_state_is_read_by_pointer() {
    let state: State = serde_json::from_value(json!({"a/b": {"": [1, {"x~": 2}]}})).unwrap();
    assert_eq!(state.get("/a~1b//0"), Some(json!(1)));
    assert_eq!(state.get("/a~1b//1/x~0"), Some(json!(2)));
    for missing in ["", "a", "/a", "/a~1b//2", "/a~1b/x"] {
        assert_eq!(state.get(missing), None, "{missing}");
    }
    assert_eq!(Map::from(&state).len(), 1);
    assert_eq!(Value::from(&state)["a/b"][""][0], json!(1));
}

#[test]
fn a_rejection_leaves_no_object_on_the_way() {
    let mut state = State::default();
    apply(&mut state, "merge", r#"{"a":{"b":"text"}}"#).unwrap();
    let before = state.clone();
    for (kind, data) in [
        ("increment", r#"{"/a/b/c":1}"#),
        ("increment", r#"{"/a/b":1,"/new/x":1}"#),
        ("add", r#"{"/0/x":[1],"/a/b":[1]}"#),
        ("append", r#"{"/0/x":[1],"/a/b/c":[1]}"#),
        ("remove", r#"{"/a/b/c":[1]}"#),
        ("delete", r#"["/a","/a/b/c"]"#),
    ] {
        assert!(apply(&mut state, kind, data).is_err(), "{kind} {data}");
        assert_eq!(state, before, "{kind} {data}");
    }
}

#[test]
fn ten_thousand_levels_are_a_rejection() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let deep = format!("{}1{}", open.repeat(10_000), close.repeat(10_000));
        for kind in KINDS {
            let reason = apply(&mut State::default(), kind, &deep)
                .unwrap_err()
                .to_string();
            assert_eq!(
                reason,
                format!("{kind}: the data is nested more than 64 levels deep")
            );
        }
    }
}

#[test]
fn the_deepest_state_can_be_read_back() {
    let mut state = State::default();
    let list = format!("{}{}", "[".repeat(DEPTH_MAX - 2), "]".repeat(DEPTH_MAX - 2));
    apply(&mut state, "append", &format!(r#"{{"/a":[{list}]}}"#)).unwrap();
    let json = canonical::to_vec(&state).unwrap();
    assert_eq!(serde_json::from_slice::<State>(&json).unwrap(), state);
}
