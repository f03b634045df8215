//! `paths.json` and `canonical.json`: names and values that have one spelling.

use super::files::check;
use icecore_core::{Author, Epoch, Generation, Key, ObjectKey, SpaceName, canonical};
use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Paths {
    valid: Vec<PathCase>,
    invalid: Vec<String>,
    spaces_valid: Vec<String>,
    spaces_invalid: Vec<String>,
    authors_valid: Vec<String>,
    authors_invalid: Vec<String>,
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct PathCase {
    path: String,
    kind: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    space: Option<SpaceName>,
    #[serde(skip_serializing_if = "Option::is_none")]
    epoch: Option<Epoch>,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<Key>,
    #[serde(skip_serializing_if = "Option::is_none")]
    generation: Option<Generation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<Author>,
    /// The path below the epoch that a quarantined object had.
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
}

impl PathCase {
    fn computed(self) -> Self {
        let parsed: ObjectKey = self.path.parse().unwrap();
        assert_eq!(parsed.to_string(), self.path);
        let path = self.path;
        let named = |kind: &str| Self {
            path: path.clone(),
            kind: kind.to_owned(),
            ..Self::default()
        };
        let of = |kind: &str, space: SpaceName, epoch: Epoch| Self {
            space: Some(space),
            epoch: Some(epoch),
            ..named(kind)
        };
        match parsed {
            ObjectKey::Store => named("store"),
            ObjectKey::Head(space) => Self {
                space: Some(space),
                ..named("head")
            },
            ObjectKey::Space(space) => Self {
                space: Some(space),
                ..named("space")
            },
            ObjectKey::Joined(space, from) => Self {
                space: Some(space),
                name: Some(from.to_string()),
                ..named("joined")
            },
            ObjectKey::Update(space, epoch, key) => Self {
                key: Some(key),
                ..of("update", space, epoch)
            },
            ObjectKey::Segment(space, epoch, generation) => Self {
                generation: Some(generation),
                ..of("segment", space, epoch)
            },
            ObjectKey::Snapshot(space, epoch, generation) => Self {
                generation: Some(generation),
                ..of("snapshot", space, epoch)
            },
            ObjectKey::Transient(space, epoch, key, author) => Self {
                key: Some(key),
                author: Some(author),
                ..of("transient", space, epoch)
            },
            ObjectKey::Quarantine(space, epoch, name) => Self {
                name: Some(name),
                ..of("quarantine", space, epoch)
            },
            ObjectKey::Reserved(space, name) => Self {
                space: Some(space),
                name: Some(name),
                ..named("reserved")
            },
        }
    }
}

#[test]
fn paths() {
    check("paths.json", |file: Paths| {
        for path in &file.invalid {
            assert!(path.parse::<ObjectKey>().is_err(), "{path:?}");
        }
        for name in &file.spaces_valid {
            assert_eq!(name.parse::<SpaceName>().unwrap().as_str(), name);
        }
        for name in &file.spaces_invalid {
            assert!(name.parse::<SpaceName>().is_err(), "{name:?}");
        }
        for author in &file.authors_valid {
            assert_eq!(author.parse::<Author>().unwrap().to_string(), *author);
        }
        for author in &file.authors_invalid {
            assert!(author.parse::<Author>().is_err(), "{author:?}");
            let json = serde_json::to_string(author).unwrap();
            assert!(serde_json::from_str::<Author>(&json).is_err(), "{author:?}");
        }
        Paths {
            valid: file.valid.into_iter().map(PathCase::computed).collect(),
            ..file
        }
    });
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Canonical {
    values: Vec<CanonicalCase>,
    unreadable: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CanonicalCase {
    name: String,
    /// JSON as anybody may write it.
    text: String,
    #[serde(default)]
    canonical: String,
}

#[test]
fn canonical_json() {
    let written = |text: &str| {
        let mut value: Value = serde_json::from_str(text).unwrap();
        let plain = canonical::to_vec(&value).unwrap();
        // A value in memory prints the same before and after its numbers are normalised.
        canonical::normalise(&mut value);
        assert_eq!(canonical::to_vec(&value).unwrap(), plain, "{text}");
        String::from_utf8(plain).unwrap()
    };
    check("canonical.json", |mut file: Canonical| {
        for case in &mut file.values {
            case.canonical = written(&case.text);
            assert_eq!(written(&case.canonical), case.canonical, "{}", case.name);
        }
        for text in &file.unreadable {
            assert!(serde_json::from_str::<Value>(text).is_err(), "{text}");
        }
        file
    });
}
