//! What a token allows, once it is verified.

use icecore_core::{ErrorKind, SpaceName};
use icecore_gateway::token::{Access, Grant, Right, Rights, SpacePattern};

fn access(grants: &[(&[&str], &[Right])]) -> Access {
    let grant = |(spaces, rights): &(&[&str], &[Right])| Grant {
        spaces: spaces.iter().map(|space| space.parse().unwrap()).collect(),
        rights: rights.iter().copied().collect(),
    };
    Access {
        subject: "ada".to_owned(),
        grants: grants.iter().map(grant).collect(),
        author: None,
        must_be_bound: false,
        guest: false,
        expires_at: 0,
        token_id: "t1".to_owned(),
    }
}

fn space(name: &str) -> SpaceName {
    name.parse().unwrap()
}

#[test]
fn patterns_cover_what_they_say() {
    let cases = [
        ("*", "notes", true),
        ("notes", "notes", true),
        ("notes", "notes2", false),
        ("notes", "note", false),
        ("notes-*", "notes-2026", true),
        ("notes-*", "notes-", true),
        ("notes-*", "notes", false),
        ("notes-*", "my-notes-2026", false),
        ("notes*", "notes", true),
        ("a.b", "axb", false),
    ];
    for (pattern, name, covered) in cases {
        let parsed: SpacePattern = pattern.parse().unwrap();
        assert_eq!(parsed.matches(&space(name)), covered, "{pattern} {name}");
        assert_eq!(parsed.to_string(), pattern);
        let json = serde_json::to_string(&parsed).unwrap();
        assert_eq!(json, format!("{pattern:?}"));
        assert_eq!(serde_json::from_str::<SpacePattern>(&json).unwrap(), parsed);
        assert_eq!(parsed.is_all(), pattern == "*");
    }
}

#[test]
fn what_is_no_pattern_is_refused() {
    let long = "x".repeat(65);
    let long_prefix = format!("{long}*");
    let bad = [
        "",
        "**",
        "a**",
        "*a",
        "a*b",
        "a*b*",
        "..",
        "../notes",
        "a/b",
        "a/*",
        "%2f",
        "a%2fb*",
        "Notes",
        "N*",
        ".a",
        ".*",
        "..*",
        "a b",
        "a\0",
        "a\0*",
        "a\n",
        "?",
        "[a]",
        "a,b",
        "{}",
        "ü*",
        "a\\b",
        &long,
        &long_prefix,
    ];
    for text in bad {
        let error = text.parse::<SpacePattern>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{text:?}");
        assert!(error.hint().is_some());
        let json = serde_json::to_string(text).unwrap();
        assert!(
            serde_json::from_str::<SpacePattern>(&json).is_err(),
            "{text:?}"
        );
    }
}

#[test]
fn admin_implies_the_others_and_write_implies_nothing() {
    use Right::{Admin, Read, Write};
    for (given, allowed) in [
        (Read, &[Read][..]),
        (Write, &[Write]),
        (Admin, &[Read, Write, Admin]),
    ] {
        let access = access(&[(&["notes"], &[given])]);
        for right in [Read, Write, Admin] {
            let expected = allowed.contains(&right);
            assert_eq!(
                access.may(right, &space("notes")),
                expected,
                "{given} {right}"
            );
            assert_eq!(access.check(right, &space("notes")).is_ok(), expected);
            assert!(!access.may(right, &space("other")));
        }
    }
}

/// The rights of one grant are not those in the spaces of another.
#[test]
fn grants_do_not_mix() {
    let access = access(&[
        (&["user-ada"], &[Right::Admin]),
        (&["team-*"], &[Right::Read]),
    ]);
    assert!(access.may(Right::Admin, &space("user-ada")));
    assert!(access.may(Right::Read, &space("team-red")));
    assert!(!access.may(Right::Write, &space("team-red")));
    let patterns: Vec<_> = access
        .patterns(Right::Read)
        .map(ToString::to_string)
        .collect();
    assert_eq!(patterns, ["user-ada", "team-*"]);
    assert!(!access.may_all(Right::Read));
}

#[test]
fn only_a_star_is_for_all_spaces() {
    assert!(access(&[(&["*"], &[Right::Admin])]).may_all(Right::Read));
    assert!(!access(&[(&["*"], &[Right::Write])]).may_all(Right::Read));
    assert!(!access(&[(&["a*"], &[Right::Admin])]).may_all(Right::Read));
    assert!(!access(&[]).may_all(Right::Read));
}

#[test]
fn a_refusal_says_what_is_missing_and_how_to_get_it() {
    let access = access(&[(&["notes"], &[Right::Read])]);
    let error = access.check(Right::Write, &space("notes")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Denied);
    assert_eq!(error.object(), Some("notes"));
    assert_eq!(
        error.to_string(),
        "the token allows read in this space, not write (notes)"
    );
    let hint = error.hint().unwrap();
    assert!(hint.contains("`write`") && hint.contains("icecore token --space notes --right write"));

    let error = access.check(Right::Read, &space("other")).unwrap_err();
    assert_eq!(error.to_string(), "the token is not for this space (other)");
}

#[test]
fn rights_are_read_from_a_list() {
    let rights: Rights = serde_json::from_str(r#"["write","read"]"#).unwrap();
    assert_eq!(rights, Rights::read_write());
    assert_eq!(rights.to_string(), "read, write");
    assert_eq!(
        serde_json::to_string(&rights).unwrap(),
        r#"["read","write"]"#
    );
    for bad in [r#"["root"]"#, r#"["Read"]"#, r#"[""]"#, r#""read""#, "[1]"] {
        assert!(serde_json::from_str::<Rights>(bad).is_err(), "{bad}");
    }
    assert_eq!("admin".parse::<Right>().unwrap(), Right::Admin);
    assert!("all".parse::<Right>().unwrap_err().hint().is_some());
}
