//! The bytes of one object, good or hostile: what a reader makes of them.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use icecore_core::transient::TransientEvent;
use icecore_core::typed::TypedValue;
use icecore_core::{
    Covered, Error, Head, Joined, ObjectKey, Segment, Snapshot, SpaceInfo, StoreInfo, UpdateObject,
    canonical,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// An object and its bytes.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Read {
    what: What,
    /// Base64.
    body: String,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum What {
    Store,
    Space,
    Head,
    Joined,
    Transient,
    Update,
    Segment,
    Snapshot,
    Covered,
    Path,
    Json,
    Typed,
}

impl Read {
    /// `{"ok": …}`, in a form that both programs can print, or `{"error": kind}`.
    pub(crate) fn answer(self) -> Value {
        let Ok(body) = STANDARD.decode(&self.body) else {
            return super::fault("the body is not base64");
        };
        match self.what.read(&body) {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": error.kind().code(), "message": error.to_string() }),
        }
    }
}

fn text(bytes: &[u8]) -> Value {
    String::from_utf8_lossy(bytes).into_owned().into()
}

impl What {
    fn read(self, body: &[u8]) -> Result<Value, Error> {
        Ok(match self {
            Self::Store => text(&StoreInfo::from_json(body)?.to_json()),
            Self::Space => text(&SpaceInfo::from_json(body)?.to_json()),
            Self::Head => text(&Head::from_json(body)?.to_json()),
            Self::Joined => text(&Joined::from_json(body)?.to_json()),
            Self::Transient => text(&TransientEvent::from_json(body)?.to_json()),
            Self::Update => text(&UpdateObject::from_json(body)?.to_json()),
            Self::Segment => segment(body)?,
            Self::Snapshot => snapshot(body)?,
            Self::Covered => {
                let covered: Covered = serde_json::from_slice(body).map_err(malformed)?;
                json!(covered)
            }
            Self::Path => {
                let path = std::str::from_utf8(body).map_err(malformed)?;
                let key: ObjectKey = path.parse().map_err(malformed)?;
                json!(key.to_string())
            }
            Self::Json => {
                let value: Value = serde_json::from_slice(body).map_err(malformed)?;
                text(&canonical::to_vec(&value)?)
            }
            Self::Typed => {
                let value: Value = serde_json::from_slice(body).map_err(malformed)?;
                let typed = TypedValue::parse(&value)?;
                json!([typed.to_json(), typed.info()])
            }
        })
    }
}

fn segment(body: &[u8]) -> Result<Value, Error> {
    let segment = Segment::unpack(body)?;
    let entries: Vec<_> = segment
        .entries
        .iter()
        .map(|entry| {
            json!([
                entry.id.author,
                entry.id.seq,
                entry.key,
                entry.update.as_text()
            ])
        })
        .collect();
    Ok(json!({
        "digest": segment.digest,
        "generation": segment.header.segment,
        "through": segment.header.through,
        "covered": segment.header.covered,
        "entries": entries,
    }))
}

fn snapshot(body: &[u8]) -> Result<Value, Error> {
    let snapshot = Snapshot::unpack(body)?;
    // A reader needs them, and they are unpacked only here.
    snapshot.header.recent_keys()?;
    Ok(json!({
        "digest": snapshot.digest(),
        "generation": snapshot.header.snapshot,
        "covered": snapshot.header.covered,
        "state": String::from_utf8_lossy(snapshot.state_json()),
    }))
}

fn malformed(error: impl std::fmt::Display) -> Error {
    Error::corrupt(error.to_string())
}
