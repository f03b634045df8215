//! The examples and the limits in `docs/format.md` are those of the vectors and of the code.

use super::files::{is_blessing, one_at_a_time, read, top};
use super::{history, rules};
use icecore_core::base::{RECENT_KEYS_MAX, RECENT_WINDOW_MILLIS};
use icecore_core::fold::REJECTED_LIST_MAX;
use icecore_core::ids::{EPOCH_MAX, GENERATION_MAX, KEY_MAX, SPACE_NAME_BYTES_MAX};
use icecore_core::layers::UNPACKED_BYTES_MAX;
use icecore_core::model::document::{DEPTH_MAX, KINDS};
use icecore_core::space::FORMAT_VERSION;
use icecore_core::update::{OBJECT_BYTES_MAX, OBJECT_UPDATES_MAX, UPDATE_BYTES_MAX};
use icecore_core::{
    Covered, Error, Head, ObjectKey, Segment, Seq, Snapshot, SpaceInfo, StoreInfo, UpdateObject,
};
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;

const FENCE: &str = "```";
const KINDS_SHOWN: [&str; 8] = [
    "compressed",
    "covered",
    "head",
    "segment",
    "snapshot",
    "space",
    "store",
    "update",
];

/// The `n`th object of a kind in the stories, as text.
fn example(kind: &str, n: usize) -> String {
    let histories: Value = read("history.json");
    let (first, compressed) = (&histories["stories"][0], &histories["stories"][1]);
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let lines = |value: &Value| {
        let lines = value.as_array().unwrap().iter();
        lines
            .map(|line| line.as_str().unwrap())
            .collect::<Vec<_>>()
            .join("\n")
    };
    match kind {
        "store" => text(&read::<Value>("store.json")["valid"][n - 1]["body"]),
        "space" => text(&first["space"]),
        "head" => text(&first["head"]),
        "update" => text(&first["updates"][n - 1]["text"]),
        "segment" => lines(&first["rollups"][n - 1]["segment"]),
        "compressed" => lines(&compressed["rollups"][n - 1]["segment"]),
        "snapshot" => lines(&first["rollups"][n - 1]["snapshot"]),
        "covered" => text(&read::<Value>("covered.json")["sets"][7]["text"]),
        other => panic!("docs/format.md shows a `{other}`"),
    }
}

fn decodes(kind: &str, text: &str) {
    let bytes = text.as_bytes();
    let layer = format!("{text}\n").into_bytes();
    let decoded: Result<(), Error> = match kind {
        "store" => StoreInfo::from_json(bytes).map(drop),
        "space" => SpaceInfo::from_json(bytes).map(drop),
        "head" => Head::from_json(bytes).map(drop),
        "update" => UpdateObject::from_json(bytes).map(drop),
        "segment" | "compressed" => Segment::unpack(&layer).map(drop),
        "snapshot" => Snapshot::unpack(&layer).map(drop),
        _ => serde_json::from_str::<Covered>(text)
            .map(drop)
            .map_err(|e| Error::corrupt(e.to_string())),
    };
    decoded.unwrap();
}

/// The page with the examples that it should have, and the kinds of these.
fn with_examples(page: &str) -> (String, BTreeSet<String>) {
    let (mut out, mut kinds) = (String::new(), BTreeSet::new());
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        out.push_str(line);
        out.push('\n');
        let Some(title) = line.strip_prefix("```json") else {
            continue;
        };
        let (kind, n) = title.trim().split_once(' ').unwrap();
        let text = example(kind, n.parse().unwrap());
        decodes(kind, &text);
        kinds.insert(kind.to_owned());
        out.push_str(&text);
        out.push_str("\n```\n");
        assert!(lines.any(|line| line == FENCE), "the example has an end");
    }
    (out, kinds)
}

#[test]
fn the_examples_are_those_of_the_vectors() {
    // What they are taken from is up to date first.
    history::check_histories();
    rules::check_covered_sets();
    let _alone = one_at_a_time();
    let path = top().join("docs/format.md");
    let page = fs::read_to_string(&path).unwrap();
    let (expected, kinds) = with_examples(&page);
    if is_blessing() {
        fs::write(path, expected).unwrap();
        return;
    }
    assert!(
        page == expected,
        "an example in docs/format.md is not the one of the vectors; run with ICECORE_BLESS=1"
    );
    assert!(kinds.iter().eq(KINDS_SHOWN.iter()), "{kinds:?}");
}

/// A number with a comma after each three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn the_limits_are_those_of_the_code() {
    let _alone = one_at_a_time();
    let page = fs::read_to_string(top().join("docs/format.md")).unwrap();
    let limits = [
        KEY_MAX,
        GENERATION_MAX,
        u64::from(EPOCH_MAX),
        Seq::MAX.get(),
        u64::from(u32::MAX),
        UNPACKED_BYTES_MAX,
        OBJECT_BYTES_MAX as u64,
        UPDATE_BYTES_MAX as u64,
        RECENT_WINDOW_MILLIS,
        RECENT_KEYS_MAX as u64,
        REJECTED_LIST_MAX as u64,
    ];
    let sentences = [
        format!("This is format version {FORMAT_VERSION}."),
        format!("1 to {OBJECT_UPDATES_MAX} updates"),
        format!("1 to {SPACE_NAME_BYTES_MAX} of"),
        format!("more than {DEPTH_MAX} levels deep"),
    ];
    for text in limits.map(grouped).iter().chain(&sentences) {
        assert!(page.contains(text), "docs/format.md does not say `{text}`");
    }
    for kind in KINDS {
        assert!(page.contains(&format!("`{kind}`")), "{kind}");
    }
}

/// What the page says of a last line and of the name of a conflict can be checked on its examples.
#[test]
fn the_rules_fit_the_examples() {
    let _alone = one_at_a_time();
    let last = example("segment", 1);
    assert_eq!(last.lines().last().unwrap().len(), 78 - 1);
    let snapshot = example("snapshot", 1);
    let header: Value = serde_json::from_str(snapshot.lines().next().unwrap()).unwrap();
    let conflict = &header["conflicts"][0];
    let name = format!("[{},{}]", conflict["rule"], conflict["paths"]);
    let digest = icecore_core::Digest::of(name.as_bytes()).to_string();
    assert_eq!(conflict["id"], digest[..12]);
    let previous: Value =
        serde_json::from_str(example("segment", 2).lines().next().unwrap()).unwrap();
    let trailer: Value = serde_json::from_str(last.lines().last().unwrap()).unwrap();
    assert_eq!(previous["previous"], trailer["sha256"]);
    assert_eq!(header["segment"], trailer["sha256"]);
}

#[test]
fn the_paths_in_the_table_are_paths() {
    let _alone = one_at_a_time();
    let page = fs::read_to_string(top().join("docs/format.md")).unwrap();
    let rows = page
        .lines()
        .filter(|line| line.starts_with("| `s") || line.starts_with("| `heads/"));
    let paths = rows.map(|row| row.split('`').nth(1).unwrap());
    let paths: Vec<&str> = paths
        .filter(|path| path.contains('/') || *path == "store.json")
        .collect();
    assert_eq!(paths.len(), 9, "{paths:?}");
    for path in paths {
        let filled = path
            .replace("{space}", "notes")
            .replace("{from}", "guest-17")
            .replace("{epoch}", "0001-9f3c1e7a2b4d5c60")
            .replace("{key}", "1763640000000")
            .replace("{generation}", "0000000001")
            .replace("{author}", "019aa122-be00-7000-8000-00000000000a")
            .replace("{path}", "updates/1763640000000");
        filled.parse::<ObjectKey>().unwrap();
    }
}
