use super::*;
use serde_json::json;

fn time(value: Value) -> Option<i64> {
    serde_json::from_value::<Time>(value).ok().map(Time::millis)
}

#[test]
fn a_time_is_a_whole_number_in_its_range() {
    for (value, millis) in [
        (json!(0), 0),
        (json!(1_678_886_401_000_i64), 1_678_886_401_000),
        (json!(1_678_886_401_000.0), 1_678_886_401_000),
        (json!(253_402_300_799_999_i64), 253_402_300_799_999),
    ] {
        assert_eq!(time(value), Some(millis));
    }
    for value in [
        json!(-1),
        json!(0.5),
        json!(253_402_300_800_000_i64),
        json!(u64::MAX),
        json!(1e300),
        json!(-1e300),
        json!("1678886401000"),
        json!("2026-01-01T00:00:00Z"),
        json!(true),
        json!(null),
        json!([1]),
        json!({}),
    ] {
        assert_eq!(time(value.clone()), None, "{value}");
    }
    // Each that there is has a form for people, and comes back from it.
    for time in [Time::MIN, Time::MAX, Time(1_678_886_401_007)] {
        assert_eq!(time.to_string().parse::<Time>().unwrap(), time);
    }
    assert!("+10000-01-01T00:00:00Z".parse::<Time>().is_err());
    assert!("1969-12-31T23:59:59Z".parse::<Time>().is_err());
    assert_eq!(Time::nearest(i64::MIN), Time::MIN);
    assert_eq!(Time::nearest(i64::MAX), Time::MAX);
}

#[test]
fn an_id_is_any_text_within_its_length() {
    for text in [
        "evt_local_123",
        " ",
        "a/b",
        "\u{0}",
        "ü\n",
        &"x".repeat(200),
    ] {
        assert_eq!(text.parse::<EventId>().unwrap().as_str(), text);
    }
    for text in ["", &"x".repeat(201), &"ü".repeat(101)] {
        let error = text.parse::<AttemptId>().unwrap_err();
        assert_eq!(error.to_string(), "attemptId: not 1 to 200 bytes");
    }
    assert_eq!("".parse::<EventType>().unwrap().as_str(), "");
    assert!("x".repeat(101).parse::<Source>().is_err());
}

fn members(value: Value) -> Result<Members, serde_json::Error> {
    serde_json::from_value(value)
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |value, _| json!([value]))
}

#[test]
fn own_members_are_kept_within_their_limits() {
    let given = json!({ "points": 5, "lap": { "of": [1.5, null, true, "ü"] }, "": "" });
    assert_eq!(json!(members(given.clone()).unwrap()), given);
    // One number, one spelling: what was written and read is the same.
    let spelled = json!({ "points": 5.0, "deep": [{ "x": -0.0 }], "big": 1e17, "far": 1e300 });
    let kept = members(spelled).unwrap();
    assert_eq!(
        serde_json::to_string(&kept).unwrap(),
        r#"{"big":100000000000000000,"deep":[{"x":0}],"far":1e+300,"points":5}"#
    );
    assert_eq!(members(json!(kept)).unwrap(), kept);
    // What every event says, or the server of it, is no member of its own.
    let taken = json!({ "id": 1, "type": 2, "serverTime": 3, "occurredAt": 4, "lap": 5 });
    assert_eq!(json!(members(taken).unwrap()), json!({ "lap": 5 }));

    assert!(members(json!({ "x": nested(MEMBERS_DEPTH_MAX) })).is_ok());
    let deep = members(json!({ "x": nested(MEMBERS_DEPTH_MAX + 1) })).unwrap_err();
    assert!(deep.to_string().contains("x: nested"), "{deep}");
    let most = "y".repeat(MEMBERS_BYTES_MAX - r#"{"x":""}"#.len());
    assert!(members(json!({ "x": most })).is_ok());
    assert!(members(json!({ "x": format!("{most}y") })).is_err());
}

#[test]
fn members_are_read_as_what_they_are() {
    let members = members(json!({ "title": "Park", "points": 5.0, "half": 0.5 })).unwrap();
    assert_eq!(
        (members.text("title"), members.whole("points")),
        (Some("Park"), Some(5))
    );
    for name in ["title", "half", "none"] {
        assert_eq!(members.whole(name), None, "{name}");
    }
    assert_eq!((members.text("points"), members.text("none")), (None, None));
}
