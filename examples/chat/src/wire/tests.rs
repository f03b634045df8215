use super::*;
use serde_json::{Value, json};

fn again(text: &str) -> String {
    let event: Event = serde_json::from_str(text).unwrap();
    serde_json::to_string(&event).unwrap()
}

#[test]
fn each_message_comes_back_as_it_was() {
    for text in [
        r#"{"uuid":"E1","profilePictureChanged":{"userUuid":"U1","pngImage":"iVBORw0K+/8="}}"#,
        r#"{"uuid":"E1","displayNameChanged":{"userUuid":"U1","newName":"Ada"}}"#,
        r#"{"uuid":"E1","conversationNameChanged":{"conversationUuid":"C1","newName":"Trip","authorUuid":"U1","occuredAt":"2026-11-20T12:00:00Z"}}"#,
        r#"{"uuid":"E1","conversationJoined":{"conversationUuid":"C1","userUuid":"U1"}}"#,
        r#"{"uuid":"E1","conversationLeft":{"conversationUuid":"C1","userUuid":"U1"}}"#,
        r#"{"uuid":"E1","sendingNewMessage":{"coredataLocalUuid":"T1","message":{"conversationUuid":"C1","text":"hi","authorUuid":"U1","occuredAt":"2026-11-20T12:00:00.120Z"}}}"#,
        r#"{"uuid":"E1","sentNewMessage":{"uuid":"F1"}}"#,
        r#"{"uuid":"E1","readNewMessage":{"uuid":"F1","userUuid":"U1"}}"#,
        r#"{"uuid":"E1","newMessage":{"coreDataTemporaryUuid":"T1","uuid":"F1"}}"#,
        r#"{"newMessage":{}}"#,
    ] {
        assert_eq!(again(text), text);
    }
}

#[test]
fn what_the_form_leaves_open_is_as_protobuf_has_it() {
    let null = r#"{"uuid":null,"newMessage":null,"readNewMessage":{"uuid":null,"userUuid":"U1"}}"#;
    assert_eq!(again(null), r#"{"readNewMessage":{"userUuid":"U1"}}"#);
    let picture = |png: &str| {
        let text = format!(r#"{{"profilePictureChanged":{{"pngImage":"{png}"}}}}"#);
        let event: Event = serde_json::from_str(&text).unwrap();
        let Content::ProfilePictureChanged(changed) = event.content else {
            panic!()
        };
        changed.png_image.0
    };
    for text in ["+/8=", "+/8", "-_8", "-_8="] {
        assert_eq!(picture(text), [0xfb, 0xff], "{text}");
    }
    let time = |text: &str| {
        let event = json!({"conversationNameChanged": {"occuredAt": text}}).to_string();
        let back: Value = serde_json::from_str(&again(&event)).unwrap();
        back["conversationNameChanged"]["occuredAt"].clone()
    };
    assert_eq!(time("2026-11-20T13:00:00+01:00"), "2026-11-20T12:00:00Z");
    assert_eq!(
        time("2026-11-20T12:00:00.123456789Z"),
        "2026-11-20T12:00:00.123Z"
    );
}

#[test]
fn what_is_not_known_is_refused() {
    for (text, reason) in [
        ("{}", "one member"),
        (r#"{"uuid":"E1"}"#, "one member"),
        (r#"{"readNewMessage":{},"sentNewMessage":{}}"#, "one member"),
        (r#"{"userIsTyping":{}}"#, "unknown field `userIsTyping`"),
        (
            r#"{"conversationNameChanged":{"occurredAt":"2026-11-20T12:00:00Z"}}"#,
            "unknown field `occurredAt`",
        ),
        (r#"{"readNewMessage":{"uuid":7}}"#, "invalid type"),
        (
            r#"{"uuid":"a","uuid":"b","newMessage":{}}"#,
            "duplicate field",
        ),
        (
            r#"{"profilePictureChanged":{"pngImage":"%"}}"#,
            "not base64",
        ),
        (
            r#"{"conversationNameChanged":{"occuredAt":"noon"}}"#,
            "no time",
        ),
        ("7", "invalid type"),
    ] {
        let error = serde_json::from_str::<Event>(text).unwrap_err();
        assert!(error.to_string().contains(reason), "{text}: {error}");
    }
}
