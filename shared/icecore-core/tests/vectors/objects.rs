//! `update.json`, `store.json`, `space.json`, `head.json`, `joined.json` and `transient.json`: the objects that are plain JSON.

use super::encoding::from_base64;
use super::files::check;
use icecore_core::transient::TransientEvent;
use icecore_core::{
    Author, Error, ErrorKind, Head, Joined, Key, Result, Seq, SpaceInfo, StoreInfo, UpdateObject,
};
use serde::{Deserialize, Serialize};

/// The bytes of an object.
#[derive(Debug, Serialize, Deserialize)]
#[serde(untagged)]
pub(crate) enum Body {
    Text(String),
    /// Too large for a vector, or `before`, `count` times `fill`, `after`.
    Filled {
        before: String,
        fill: String,
        count: usize,
        after: String,
    },
    /// Not UTF-8.
    Base64 {
        base64: String,
    },
}

impl Body {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        match self {
            Self::Text(text) => text.clone().into_bytes(),
            Self::Filled {
                before,
                fill,
                count,
                after,
            } => [before, fill.repeat(*count).as_str(), after]
                .concat()
                .into_bytes(),
            Self::Base64 { base64 } => from_base64(base64),
        }
    }
}

/// An object that every reader refuses.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Invalid {
    name: String,
    body: Body,
    #[serde(default)]
    error: String,
}

impl Invalid {
    fn computed<T>(mut self, read: impl FnOnce(&[u8]) -> Result<T>) -> Self {
        let result = read(&self.body.bytes());
        let error = result.err();
        let error = error.unwrap_or_else(|| panic!("`{}` is not refused", self.name));
        self.error = code(&error);
        self
    }
}

/// The word for what a reader does about it; a bug of the reader is none.
pub(crate) fn code(error: &Error) -> String {
    assert_ne!(error.kind(), ErrorKind::Internal, "{error:?}");
    error.kind().code().to_owned()
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Updates {
    valid: Vec<ValidUpdate>,
    invalid: Vec<Invalid>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidUpdate {
    name: String,
    body: Body,
    #[serde(default)]
    author: Option<Author>,
    #[serde(default)]
    seq: Option<Seq>,
    /// The seq after the last.
    #[serde(default)]
    end: Option<Seq>,
    /// How many updates; their texts and parts are in `updates`, unless the body is too large for a vector.
    #[serde(default)]
    count: usize,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    updates: Vec<UpdateText>,
    /// Whether a writer of these updates writes these bytes.
    #[serde(default)]
    exact: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UpdateText {
    text: String,
    /// Absent where the text is not `{"at", "kind", "data"}`: then it is rejected when it is folded.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Parts>,
    /// Of which version of the model it is; absent for 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    model_version: Option<u32>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Parts {
    at: String,
    kind: String,
    /// As text, exactly as it was written.
    data: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    resolves: Option<String>,
}

impl ValidUpdate {
    fn computed(self) -> Self {
        let bytes = self.body.bytes();
        let object = UpdateObject::from_json(&bytes)
            .unwrap_or_else(|e| panic!("`{}` is refused: {e:?}", self.name));
        let are_shown = !matches!(self.body, Body::Filled { .. });
        let shown = object.updates.iter().filter(|_| are_shown);
        let updates = shown.map(|update| UpdateText {
            text: update.as_text().to_owned(),
            parts: update.parts().map(|parts| Parts {
                at: parts.at.into_owned(),
                kind: parts.kind.into_owned(),
                data: parts.data.get().to_owned(),
                resolves: parts.resolves.map(Into::into),
            }),
            model_version: Some(update.model_version()).filter(|version| *version != 1),
        });
        Self {
            author: Some(object.author),
            seq: Some(object.seq),
            end: Some(object.end()),
            count: object.updates.len(),
            updates: updates.collect(),
            exact: object.to_json() == bytes,
            ..self
        }
    }
}

#[test]
fn update_objects() {
    check("update.json", |file: Updates| Updates {
        valid: file.valid.into_iter().map(ValidUpdate::computed).collect(),
        invalid: file
            .invalid
            .into_iter()
            .map(|case| case.computed(UpdateObject::from_json))
            .collect(),
    });
}

/// One of the small mutable objects.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Small {
    valid: Vec<ValidSmall>,
    invalid: Vec<Invalid>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidSmall {
    name: String,
    body: Body,
    /// What a writer makes of what was read: without unknown members and blanks.
    #[serde(default)]
    writes: String,
}

fn check_small<T>(
    name: &str,
    read: impl Fn(&[u8]) -> Result<T> + Copy,
    write: impl Fn(&T) -> Vec<u8>,
) {
    check(name, |mut file: Small| {
        for case in &mut file.valid {
            let value = read(&case.body.bytes())
                .unwrap_or_else(|e| panic!("`{}` is refused: {e:?}", case.name));
            case.writes = String::from_utf8(write(&value)).unwrap();
            let again = read(case.writes.as_bytes()).unwrap();
            assert_eq!(write(&again), case.writes.as_bytes());
        }
        let invalid = file.invalid.into_iter();
        let invalid = invalid.map(|case| case.computed(read)).collect();
        Small { invalid, ..file }
    });
}

#[test]
fn stores() {
    check_small("store.json", StoreInfo::from_json, StoreInfo::to_json);
}

#[test]
fn spaces() {
    check_small("space.json", SpaceInfo::from_json, SpaceInfo::to_json);
}

#[test]
fn transient_events() {
    let read = TransientEvent::from_json;
    check_small("transient.json", read, TransientEvent::to_json);
}

#[test]
fn joined_spaces() {
    check_small("joined.json", Joined::from_json, Joined::to_json);
}

#[test]
fn heads() {
    check_small("head.json", Head::from_json, Head::to_json);
    // A program that knows nothing yet has a head to write too.
    let first = Head::first("0001-9f3c1e7a2b4d5c60".parse().unwrap());
    assert_eq!(first.key, Key::MIN);
}
