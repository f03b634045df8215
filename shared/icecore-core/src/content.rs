//! How the content of a space is read: by a model, and, where the space is encrypted, with its keys.
//!
//! In an encrypted space `at`, `kind` and `data` of each update are sealed, and so are the states of snapshots. Who holds
//! no key still sees authors, seqs, keys and counts: enough to roll up, to prune and to check the chain. The same holds for
//! a program that does not know a space's model: one roll-up serves the spaces of any app.

mod sealed_state;

pub use sealed_state::{SealedState, Summary};

use crate::digest::Digest;
use crate::error::{Error, Result};
use crate::ids::{Author, SpaceName, StoreId, UpdateId};
use crate::model::{AnyModel, Meta, Model, Rejected};
use crate::newer::Newer;
use crate::reason::Reason;
use crate::space::SpaceInfo;
use crate::update::{UPDATE_BYTES_MAX, Update};
use crate::weight::weight;
use icecore_seal::{KeyNumber, OpenError, Sealed, SpaceKeys};
use serde::Serialize;
use serde_json::value::RawValue;
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The random bytes that make two sealings of one text differ.
pub type Salt = [u8; 16];

/// What a sealing is bound to besides the space: nothing opens in another place.
pub(crate) fn context(what: &str, store: &StoreId, space: &SpaceName, rest: &str) -> Vec<u8> {
    format!("[\"icecore\",1,\"{what}\",\"{store}\",\"{space}\"{rest}]").into_bytes()
}

/// What a space's keyring is bound to.
pub fn keyring_context(store: &StoreId, space: &SpaceName) -> Vec<u8> {
    context("keyring", store, space, "")
}

/// The keys of one space.
#[derive(Clone)]
pub struct SpaceSeal {
    keys: SpaceKeys,
    store: StoreId,
    space: SpaceName,
    /// The version of the keyring that they come from.
    version: u64,
}

impl SpaceSeal {
    /// The keys that a space's keyring gave.
    pub fn new(info: &SpaceInfo, keys: SpaceKeys) -> Self {
        Self {
            keys,
            store: info.store,
            space: info.space.clone(),
            version: info
                .keyring
                .as_ref()
                .map_or(0, icecore_seal::Keyring::version),
        }
    }

    /// The keys.
    pub fn keys(&self) -> &SpaceKeys {
        &self.keys
    }

    pub(crate) fn context(&self, what: &str, rest: &str) -> Vec<u8> {
        context(what, &self.store, &self.space, rest)
    }

    /// What a transient event is bound to.
    pub fn transient_context(&self, author: Author) -> Vec<u8> {
        self.context("transient", &format!(",\"{author}\""))
    }

    /// The version of the model is readable, so that who holds no key hands it on, and part of what a sealing is bound
    /// to, so that nobody changes it.
    fn update_context(&self, id: UpdateId, model_version: u32) -> Vec<u8> {
        let mut rest = format!(",\"{}\",{}", id.author, id.seq);
        if model_version > 1 {
            rest.push(',');
            rest.push_str(&model_version.to_string());
        }
        self.context("update", &rest)
    }
}

impl fmt::Debug for SpaceSeal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpaceSeal({:?})", self.keys)
    }
}

/// Whether a space is encrypted, and whether this program can read it.
#[derive(Debug, Clone)]
pub enum Seal {
    /// It is not encrypted.
    Clear,
    /// It is, and no key is at hand: nothing can be folded.
    Locked,
    /// It is, and these are its keys.
    Open(Arc<SpaceSeal>),
}

/// Why a stored update cannot be read in its space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unopened {
    /// No key is at hand.
    Locked,
    /// It is not sealed, and its space is encrypted: whoever wrote it holds no key.
    NotSealed,
    /// It is sealed under a key that the space did not have when its keyring was read.
    UnknownKey(KeyNumber),
    /// It was changed, or moved from another space, author or seq.
    Refused,
}

impl Unopened {
    /// For the list of rejected updates: the same on all replicas that hold the keys.
    pub fn reason(self) -> Reason {
        match self {
            // It is shown, and never stored: who holds no key writes no list.
            Self::Locked => "the space is encrypted, and no key is at hand".into(),
            Self::NotSealed => Reason::built_in("not-sealed"),
            // Of a key that there will never be it is the same as of a wrong one.
            Self::UnknownKey(_) | Self::Refused => Reason::built_in("not-opened"),
        }
    }
}

/// How the content of a space is read.
#[derive(Clone)]
pub struct Content {
    model: Arc<dyn AnyModel>,
    seal: Seal,
    blind: Option<Blindness>,
    state_max: u64,
}

/// Why nothing can be folded.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Blindness {
    /// The space is encrypted, and no key is at hand.
    Locked,
    /// The program does not know the model of this name.
    UnknownModel(String),
    /// A newer version of the model was met.
    Newer(Box<Newer>),
    /// The state takes more memory than it may here.
    TooLarge,
}

impl Content {
    /// A model, and the keys of the space.
    pub fn new(model: Arc<dyn AnyModel>, seal: Seal) -> Self {
        Self {
            model,
            seal,
            blind: None,
            state_max: u64::MAX,
        }
    }

    /// Of an encrypted space whose keys are not at hand: its model need not be known.
    pub fn locked() -> Self {
        Self {
            model: Arc::new(Blind),
            seal: Seal::Locked,
            blind: Some(Blindness::Locked),
            state_max: u64::MAX,
        }
    }

    /// Of a space whose model the program does not know.
    pub fn unknown_model(name: &str, seal: Seal) -> Self {
        Self {
            model: Arc::new(Blind),
            seal,
            blind: Some(Blindness::UnknownModel(name.to_owned())),
            state_max: u64::MAX,
        }
    }

    /// The same for a program in which a state may take about so many bytes of memory, and no more: beyond that it folds
    /// nothing, and what needs no state goes on. While it is folded a state is there twice.
    #[must_use]
    pub fn with_state_at_most(mut self, bytes: u64) -> Self {
        self.state_max = bytes;
        self
    }

    /// About how much memory a state may take here, in bytes.
    pub fn state_max(&self) -> u64 {
        self.state_max
    }

    /// About how much memory what stands in a JSON text takes, where that matters here.
    pub(crate) fn weigh(&self, json: &[u8]) -> u64 {
        if self.state_max == u64::MAX {
            0
        } else {
            weight(json)
        }
    }

    /// Whether nothing is folded because the state is too large for this program.
    pub fn is_too_large(&self) -> bool {
        matches!(self.blind, Some(Blindness::TooLarge))
    }

    /// The same for a program that has met a state that is too large for it.
    #[must_use]
    pub(crate) fn too_large(&self) -> Self {
        self.blinded(Blindness::TooLarge)
    }

    fn blinded(&self, why: Blindness) -> Self {
        Self {
            model: Arc::new(Blind),
            seal: self.seal.clone(),
            blind: Some(why),
            state_max: self.state_max,
        }
    }

    /// The same for a program that has met what a newer version of the model wrote: it folds nothing, and what needs no
    /// state goes on.
    #[must_use]
    pub fn held(&self, newer: Newer) -> Self {
        self.blinded(Blindness::Newer(Box::new(newer)))
    }

    /// What a newer version of the model wrote, if that is why nothing is folded.
    pub fn newer(&self) -> Option<&Newer> {
        match &self.blind {
            Some(Blindness::Newer(newer)) => Some(newer),
            _ => None,
        }
    }

    /// Whether this program must hold at what this version of the model wrote.
    pub fn is_newer(&self, model_version: u32) -> Option<Newer> {
        let known = self.model.version();
        (model_version > known).then(|| Newer {
            model: self.model.name().to_owned(),
            needed: model_version,
            known,
        })
    }

    /// The model.
    pub fn model(&self) -> &Arc<dyn AnyModel> {
        &self.model
    }

    /// The keys.
    pub fn seal(&self) -> &Seal {
        &self.seal
    }

    /// Whether the space is encrypted and no key is at hand.
    pub fn is_locked(&self) -> bool {
        matches!(self.seal, Seal::Locked)
    }

    /// Whether nothing can be folded: the space is locked, or its model is unknown.
    pub fn is_blind(&self) -> bool {
        self.blind.is_some()
    }

    /// Whether the space can be folded.
    ///
    /// # Errors
    /// `Denied` in an encrypted space whose keys are not at hand; `Invalid` where the program does not know the model.
    pub fn check_readable(&self) -> Result<()> {
        match &self.blind {
            None => Ok(()),
            Some(Blindness::Locked) => Err(locked()),
            Some(Blindness::UnknownModel(name)) => Err(unknown_model(name)),
            Some(Blindness::Newer(newer)) => Err(newer.error("the history")),
            Some(Blindness::TooLarge) => Err(too_large(self.state_max)),
        }
    }

    /// Whether another one reads a space by the same model and the same keys.
    pub(crate) fn reads_as(&self, other: &Self) -> bool {
        let same_keys = match (&self.seal, &other.seal) {
            (Seal::Clear, Seal::Clear) | (Seal::Locked, Seal::Locked) => true,
            (Seal::Open(own), Seal::Open(others)) => Arc::ptr_eq(own, others),
            _ => false,
        };
        let same_model = Arc::as_ptr(&self.model).cast::<()>() == Arc::as_ptr(&other.model).cast();
        same_keys && same_model && self.blind == other.blind
    }

    /// Whether this is how the space is read now: its keyring may have changed since.
    pub fn fits(&self, info: &SpaceInfo) -> bool {
        match (&self.seal, &info.keyring) {
            (Seal::Clear, None) | (Seal::Locked, Some(_)) => true,
            (Seal::Open(seal), Some(keyring)) => seal.version == keyring.version(),
            _ => false,
        }
    }

    /// A stored update as its author wrote it.
    ///
    /// # Errors
    /// [`Unopened`] in an encrypted space; in one that is not, every update is returned as it is.
    pub fn open<'a>(&self, id: UpdateId, stored: &'a Update) -> Result<Cow<'a, Update>, Unopened> {
        let seal = match &self.seal {
            Seal::Clear => return Ok(Cow::Borrowed(stored)),
            Seal::Locked => return Err(Unopened::Locked),
            Seal::Open(seal) => seal,
        };
        let sealed = sealed_form(stored).ok_or(Unopened::NotSealed)?;
        let version = stored.model_version();
        let opened = seal.keys.open(&seal.update_context(id, version), &sealed);
        let opened = opened.map_err(|error| match error {
            OpenError::UnknownKey(key) if key > seal.keys.newest() => Unopened::UnknownKey(key),
            _ => Unopened::Refused,
        })?;
        let text = std::str::from_utf8(&opened).map_err(|_| Unopened::Refused)?;
        let update = Update::from_stored(text.to_owned()).map_err(|_| Unopened::Refused)?;
        // Who holds no key must have been told the same.
        if update.model_version() == version {
            Ok(Cow::Owned(update))
        } else {
            Err(Unopened::Refused)
        }
    }

    /// 32 bytes that follow from an update and its id. In an encrypted space only who holds its keys can make them, so that
    /// nobody else can try what the update says; `None` where they are not at hand.
    pub fn token(&self, id: UpdateId, update: &Update) -> Option<[u8; 32]> {
        let text = format!("{id} {}", update.as_text());
        match &self.seal {
            Seal::Clear => Some(*Digest::of(text.as_bytes()).as_bytes()),
            Seal::Locked => None,
            Seal::Open(seal) => Some(seal.keys.token(text.as_bytes())),
        }
    }

    /// An update as it is to be stored: sealed in an encrypted space.
    ///
    /// # Errors
    /// `Denied` when the space is encrypted and no key is at hand; `Invalid` when the sealed update is too large.
    pub fn seal_update(&self, id: UpdateId, update: &Update, salt: Salt) -> Result<Option<Update>> {
        let seal = match &self.seal {
            Seal::Clear => return Ok(None),
            Seal::Locked => return Err(locked()),
            Seal::Open(seal) => seal,
        };
        let text = update.as_text().as_bytes();
        let version = update.model_version();
        let sealed = seal
            .keys
            .seal(&seal.update_context(id, version), text, salt);
        let sealed = SealedUpdate {
            sealed,
            model_version: (version > 1).then_some(version),
        };
        let text = serde_json::to_string(&sealed)
            .map_err(|e| Error::internal("BUG: a sealed update has no JSON form").with_source(e))?;
        check_sealed_size(update)?;
        Update::from_stored(text).map(Some)
    }
}

fn too_large(most: u64) -> Error {
    Error::invalid(format!(
        "the state of this space takes more than the {most} bytes of memory that it may take here"
    ))
    .with_hint("give the program, or the function, more memory; nothing is lost, and whoever has more memory reads the space")
}

impl From<Arc<dyn AnyModel>> for Content {
    fn from(model: Arc<dyn AnyModel>) -> Self {
        Self::new(model, Seal::Clear)
    }
}

impl<M: Model> From<Arc<M>> for Content {
    fn from(model: Arc<M>) -> Self {
        Self::new(model, Seal::Clear)
    }
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Content")
            .field("model", &self.model.name())
            .field("seal", &self.seal)
            .finish_non_exhaustive()
    }
}

/// Whether an update still fits in an object when it is sealed: then it has a third more bytes, and a few.
///
/// # Errors
/// `Invalid` when it does not.
pub fn check_sealed_size(update: &Update) -> Result<()> {
    /// Salt, tag, the number of the key and the members' names.
    const MORE: usize = 128;
    let bytes = (update.as_text().len() + MORE).div_ceil(3) * 4;
    if bytes <= UPDATE_BYTES_MAX {
        return Ok(());
    }
    Err(Error::invalid(format!(
        "the update has {bytes} bytes when it is sealed, at most {UPDATE_BYTES_MAX} fit"
    ))
    .with_hint("split it into several updates, or keep large content elsewhere and refer to it"))
}

/// What stands in place of an update in an encrypted space.
#[derive(Serialize)]
struct SealedUpdate {
    #[serde(flatten)]
    sealed: Sealed,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_version: Option<u32>,
}

/// What `{"key", "sealed"}` says; `None` for anything else.
pub(crate) fn sealed_form(update: &Update) -> Option<Sealed> {
    let text = update.as_text();
    // serde would take a list too.
    text.starts_with('{')
        .then(|| serde_json::from_str(text).ok())?
}

/// The error of whoever needs the content of an encrypted space without its keys.
pub fn locked() -> Error {
    Error::denied("the space is encrypted, and no secret was given that opens it")
        .with_hint("give its passphrase (ICECORE_PASSPHRASE, --passphrase-fd) or an --identity; without one you can still sync, roll up, prune and verify it")
}

/// The error of whoever needs the state of a space whose model the program does not know.
fn unknown_model(name: &str) -> Error {
    Error::invalid(format!("this program does not know the model `{name}`"))
        .with_hint("use the program that the space was made with; this one can sync, roll up, prune and verify it")
}

/// Folds nothing.
#[derive(Debug)]
struct Blind;

impl Model for Blind {
    type State = ();
    type Update = ();

    fn name(&self) -> &'static str {
        "unknown"
    }

    /// It takes any segment.
    fn version(&self) -> u32 {
        u32::MAX
    }

    fn initial(&self) {}

    fn decode(&self, _kind: &str, _data: &RawValue) -> Result<(), Rejected> {
        Ok(())
    }

    fn apply(&self, _state: &mut (), _update: (), _meta: &Meta<'_>) -> Result<(), Rejected> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
