//! Encrypted spaces: their keyrings and how they change, what an update becomes under them, snapshots that others sealed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use icecore_core::content::{Content, Seal, SpaceSeal, keyring_context};
use icecore_core::{
    Base, Error, Registry, Snapshot, SpaceInfo, SpaceName, StoreId, Update, UpdateId,
};
use icecore_seal::{Identity, Keyring, KeyringError, NewHolder, Secret, SpaceKeys};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// When a keyring of the tests is made.
const AT: &str = "2026-11-21T12:00:00.000Z";

/// How a space is read, of whoever has this X25519 secret (base64).
pub(crate) fn content_of(info: &SpaceInfo, secret: Option<&str>) -> Result<Content, String> {
    let model = Registry::built_in().open(&info.model).map_err(worded)?;
    let Some(secret) = secret else {
        return Ok(Content::new(model, Seal::Clear));
    };
    let keys = open(info, secret)?.map_err(|error| error.to_string())?;
    let seal = SpaceSeal::new(info, keys);
    Ok(Content::new(model, Seal::Open(Arc::new(seal))))
}

fn open(info: &SpaceInfo, secret: &str) -> Result<Result<SpaceKeys, KeyringError>, String> {
    let bytes = STANDARD.decode(secret).map_err(|error| error.to_string())?;
    let bytes: [u8; 32] = bytes.try_into().map_err(|_| "a secret has 32 bytes")?;
    let secret = Secret::Identity(Identity::generate(&mut || bytes));
    let keyring = info.keyring.as_ref().ok_or("a secret without a keyring")?;
    Ok(keyring.open(&keyring_context(&info.store, &info.space), &secret))
}

fn worded(error: impl Into<Error>) -> String {
    error.into().to_string()
}

/// A keyring, its changes, and updates that are sealed on the way. The n-th 32 random bytes are all n.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sealing {
    store: StoreId,
    space: SpaceName,
    /// The bytes of the first holders' secrets: all 32 of one are the same.
    holders: Vec<u8>,
    changes: Vec<Change>,
    updates: Vec<Plain>,
}

/// A change of a keyring; holders by the bytes of their secrets.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Change {
    Add(u8),
    Remove(u8),
    Rotate,
}

/// An update that is to be sealed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Plain {
    id: UpdateId,
    /// After so many changes.
    after: usize,
    text: String,
    /// All bytes of the salt.
    salt: u8,
}

fn secret_of(byte: u8) -> Identity {
    Identity::generate(&mut || [byte; 32])
}

fn holder_of(byte: u8) -> NewHolder {
    NewHolder::Member {
        name: format!("holder {byte}"),
        public: secret_of(byte).public(),
    }
}

impl Sealing {
    /// The text of each version of the keyring with its fingerprint, and of each update as it is stored; `null` for a text
    /// that is no JSON.
    pub(crate) fn answer(&self) -> Value {
        self.sealed()
            .unwrap_or_else(|why| super::fault(&format!("cannot be sealed: {why}")))
    }

    fn sealed(&self) -> Result<Value, String> {
        let made = self.keyrings().map_err(|error| error.to_string())?;
        let mut told = Vec::new();
        for (keyring, keys) in &made {
            let text = serde_json::to_string(keyring).map_err(|error| error.to_string())?;
            told.push(json!([text, keys.fingerprint()]));
        }
        let updates: Result<Vec<_>, _> = self
            .updates
            .iter()
            .map(|plain| self.seal(&made, plain))
            .collect();
        Ok(json!({ "keyrings": told, "updates": updates? }))
    }

    fn keyrings(&self) -> Result<Vec<(Keyring, SpaceKeys)>, KeyringError> {
        let context = keyring_context(&self.store, &self.space);
        let mut drawn = 0_u8;
        let mut random = || {
            drawn = drawn.wrapping_add(1);
            [drawn; 32]
        };
        let holders = self.holders.iter().copied().map(holder_of).collect();
        let mut made = vec![Keyring::create(&context, holders, AT, &mut random)?];
        for change in &self.changes {
            let Some((keyring, keys)) = made.last() else {
                break;
            };
            let begun = keyring.change(&context, keys, AT, &mut random)?;
            let next = match *change {
                Change::Add(byte) => (begun.add_holder(holder_of(byte))?, keys.clone()),
                Change::Remove(byte) => begun.remove_holder(&format!("holder {byte}"))?,
                Change::Rotate => begun.rotate()?,
            };
            made.push(next);
        }
        Ok(made)
    }

    fn seal(&self, made: &[(Keyring, SpaceKeys)], plain: &Plain) -> Result<Value, String> {
        let Ok(update) = Update::from_stored(plain.text.clone()) else {
            return Ok(Value::Null);
        };
        let (keyring, keys) = made.get(plain.after).ok_or("no such keyring")?;
        let info = json!({
            "v": 1, "store": self.store, "space": self.space, "epoch": "0001-9f3c1e7a2b4d5c60",
            "model": { "name": "log" }, "order": "timestamp", "created_at": AT, "keyring": keyring,
        });
        let info = SpaceInfo::from_json(info.to_string().as_bytes()).map_err(worded)?;
        let model = Registry::built_in().open(&info.model).map_err(worded)?;
        let seal = Seal::Open(Arc::new(SpaceSeal::new(&info, keys.clone())));
        let sealed = Content::new(model, seal).seal_update(plain.id, &update, [plain.salt; 16]);
        let sealed = sealed.map_err(worded)?;
        Ok(json!(sealed.map(|update| update.as_text().to_owned())))
    }
}

/// A keyring that somebody may have broken.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Opening {
    /// `space.json`.
    space: String,
    /// Base64.
    secret: String,
}

impl Opening {
    /// Its fingerprint, or `{"error": …}` of what reading `space.json` or opening the keyring said.
    pub(crate) fn answer(&self) -> Value {
        let info = match SpaceInfo::from_json(self.space.as_bytes()) {
            Ok(info) => info,
            Err(error) => return json!({ "error": error.kind().code() }),
        };
        match open(&info, &self.secret) {
            Ok(Ok(keys)) => json!({ "ok": keys.fingerprint() }),
            Ok(Err(KeyringError::NotAHolder)) => json!({ "error": "denied" }),
            Ok(Err(_)) => json!({ "error": "corrupt" }),
            Err(why) => super::fault(&why),
        }
    }
}

/// A snapshot of an encrypted space that another program wrote.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Restoring {
    /// `space.json`.
    space: String,
    /// Base64.
    secret: String,
    /// Base64.
    snapshot: String,
}

impl Restoring {
    /// What it opens to.
    pub(crate) fn answer(&self) -> Value {
        self.restored()
            .unwrap_or_else(|why| json!({ "error": why }))
    }

    fn restored(&self) -> Result<Value, String> {
        let info = SpaceInfo::from_json(self.space.as_bytes()).map_err(worded)?;
        let content = content_of(&info, Some(&self.secret))?;
        let stored = STANDARD.decode(&self.snapshot).map_err(|e| e.to_string())?;
        let snapshot = Snapshot::unpack(&stored).map_err(worded)?;
        let base = Base::from_snapshot(&snapshot, &info, content).map_err(worded)?;
        let Some(base) = base else {
            return Ok(json!({ "ok": null }));
        };
        let state = base.folded.state_json().map_err(worded)?;
        Ok(json!({ "ok": {
            "state": String::from_utf8(state).map_err(|error| error.to_string())?,
            "rejected": base.folded.rejected,
            "conflicts": base.folded.conflicts(),
            "touched": base.folded.touched,
        }}))
    }
}
