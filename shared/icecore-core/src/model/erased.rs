//! [`Model`] without its types, so that one store can hold spaces of different models.

use super::{Meta, Model, Rejected, Violation};
use crate::canonical;
use crate::error::{Error, Result};
use crate::ids::Key;
use crate::newer::Newer;
use crate::reason::Reason;
use serde_json::Value;
use serde_json::value::RawValue;
use std::any::Any;
use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// Why an update was not applied on which the model panicked. Not what it panicked with: that may differ from one build
/// to the next, and the list of rejected updates must not.
pub(crate) const PANICKED: &str = "panicked";

/// The rule that a model breaks whose `check` panics.
const CHECK: &str = "check";

/// Why an update was not applied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NotApplied {
    /// The model does not allow it; the state is unchanged.
    Rejected(Rejected),
    /// The model panicked; the state may be half of what it makes of the update.
    Panicked,
}

impl From<Rejected> for NotApplied {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(rejected)
    }
}

/// Runs code of an app's own: whatever it does, a space must stay readable. `None` where it panicked; what it was given
/// to change is of no use then.
fn guarded<T>(code: impl FnOnce() -> T) -> Option<T> {
    // The hook has told of the panic, with its place.
    catch_unwind(AssertUnwindSafe(code)).ok()
}

/// Decodes an update; one on which the model panics is rejected.
///
/// # Errors
/// As [`Model::decode`].
pub fn decode<M: Model>(model: &M, kind: &str, data: &RawValue) -> Result<M::Update, Rejected> {
    guarded(|| model.decode(kind, data))
        .unwrap_or_else(|| Err(Rejected::new(Reason::built_in(PANICKED))))
}

/// A state of some model. Only the model that made it can read it.
///
/// Clones share one state until one of them is changed: that one gets a copy of its own then.
#[derive(Clone)]
pub struct AnyState(Arc<dyn CloneAny>);

impl AnyState {
    /// Wraps the state of a model.
    pub fn new<S: Clone + Send + Sync + 'static>(state: S) -> Self {
        Self(Arc::new(state))
    }

    /// The typed state, if it is one of `S`.
    pub fn downcast_ref<S: 'static>(&self) -> Option<&S> {
        // An `Arc` of a state would be a state itself.
        (*self.0).as_any().downcast_ref()
    }

    /// The typed state, if it is one of `S`, to keep: it never changes, and nothing is copied now.
    pub fn shared<S: Send + Sync + 'static>(&self) -> Option<Arc<S>> {
        Arc::clone(&self.0).into_any().downcast().ok()
    }

    /// Whether both are one state, not only equal ones. While both are kept, neither is changed.
    pub(crate) fn is_one_with(&self, other: &Self) -> bool {
        Arc::as_ptr(&self.0).cast::<()>() == Arc::as_ptr(&other.0).cast::<()>()
    }

    /// Makes a copy now, where there would have to be one before the next change.
    pub(crate) fn unshare(&mut self) {
        if Arc::get_mut(&mut self.0).is_none() {
            self.0 = (*self.0).copied();
        }
    }

    fn downcast_mut<S: 'static>(&mut self) -> Option<&mut S> {
        self.unshare();
        let own = Arc::get_mut(&mut self.0).expect("BUG: the copy is shared already");
        own.as_any_mut().downcast_mut()
    }
}

impl fmt::Debug for AnyState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AnyState")
    }
}

trait CloneAny: Send + Sync {
    fn copied(&self) -> Arc<dyn CloneAny>;
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync>;
    fn as_any(&self) -> &dyn Any;
    fn as_any_mut(&mut self) -> &mut dyn Any;
}

impl<S: Clone + Send + Sync + 'static> CloneAny for S {
    fn copied(&self) -> Arc<dyn CloneAny> {
        Arc::new(self.clone())
    }
    fn into_any(self: Arc<Self>) -> Arc<dyn Any + Send + Sync> {
        self
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

/// A [`Model`] behind one object-safe face; every `Model` is one.
pub trait AnyModel: Send + Sync {
    /// See [`Model::name`].
    fn name(&self) -> &'static str;
    /// See [`Model::version`].
    fn version(&self) -> u32;
    /// See [`Model::reads_key`].
    fn reads_key(&self) -> bool;
    /// See [`Model::initial`].
    fn initial(&self) -> AnyState;
    /// Decodes and applies one update; see [`Model::apply`].
    ///
    /// # Errors
    /// [`NotApplied`]: the state is unchanged, unless the model panicked.
    fn apply(
        &self,
        state: &mut AnyState,
        update: &UpdateText<'_>,
        meta: &Meta<'_>,
    ) -> Result<(), NotApplied>;
    /// See [`Model::check`]. Where that panics, it is the only rule that is said to be broken.
    fn check(&self, state: &AnyState) -> Vec<Violation>;
    /// See [`Model::touches`].
    fn touches(&self, update: &UpdateText<'_>) -> Vec<String>;
    /// Writes the state as canonical JSON.
    ///
    /// # Errors
    /// `Internal` when the state has no JSON form, or what `out` reports.
    fn write(&self, state: &AnyState, out: &mut dyn Write) -> Result<()>;
    /// Reads a state that version `version` wrote; `None` when it must be rebuilt from the segments.
    ///
    /// # Errors
    /// `Corrupt` when the JSON does not fit; `Invalid` when the version is newer than this model.
    fn read(&self, version: u32, json: &[u8]) -> Result<Option<AnyState>>;
}

/// `kind` and `data` of an update as they were written.
#[derive(Debug, Clone, Copy)]
pub struct UpdateText<'a> {
    /// Which instruction.
    pub kind: &'a str,
    /// Its argument, as JSON text.
    pub data: &'a RawValue,
}

impl<M: Model> AnyModel for M {
    fn name(&self) -> &'static str {
        Model::name(self)
    }

    fn version(&self) -> u32 {
        Model::version(self)
    }

    fn reads_key(&self) -> bool {
        Model::reads_key(self)
    }

    fn initial(&self) -> AnyState {
        AnyState::new(Model::initial(self))
    }

    fn apply(
        &self,
        state: &mut AnyState,
        update: &UpdateText<'_>,
        meta: &Meta<'_>,
    ) -> Result<(), NotApplied> {
        let decoded = decode(self, update.kind, update.data)?;
        let state = state
            .downcast_mut::<M::State>()
            .expect("BUG: state of another model");
        let mut meta = *meta;
        if !Model::reads_key(self) {
            // What is always the same cannot make two states differ.
            meta.key = Key::MIN;
        }
        let applied = guarded(|| Model::apply(self, state, decoded, &meta));
        Ok(applied.ok_or(NotApplied::Panicked)??)
    }

    fn check(&self, state: &AnyState) -> Vec<Violation> {
        let state = state.downcast_ref().expect("BUG: state of another model");
        guarded(|| Model::check(self, state)).unwrap_or_else(|| {
            vec![Violation {
                rule: CHECK.to_owned(),
                paths: Vec::new(),
                reason: Reason::built_in("check-panicked"),
            }]
        })
    }

    fn touches(&self, update: &UpdateText<'_>) -> Vec<String> {
        guarded(|| Model::touches(self, update.kind, update.data)).unwrap_or_default()
    }

    fn write(&self, state: &AnyState, out: &mut dyn Write) -> Result<()> {
        let state = state
            .downcast_ref::<M::State>()
            .expect("BUG: state of another model");
        guarded(|| canonical::write(state, out)).unwrap_or_else(|| {
            Err(Error::internal(
                "the model panicked when its state was to be written",
            ))
        })
    }

    fn read(&self, version: u32, json: &[u8]) -> Result<Option<AnyState>> {
        let corrupt = |e: serde_json::Error| {
            Error::corrupt(format!(
                "the state does not fit the model `{}`",
                Model::name(self)
            ))
            .with_source(e)
        };
        let panicked = || {
            Error::corrupt(format!(
                "the model `{}` panicked on a stored state",
                Model::name(self)
            ))
        };
        if version == Model::version(self) {
            return guarded(|| serde_json::from_slice::<M::State>(json))
                .ok_or_else(panicked)?
                .map(|s| Some(AnyState::new(s)))
                .map_err(corrupt);
        }
        if version > Model::version(self) {
            let newer = Newer {
                model: Model::name(self).to_owned(),
                needed: version,
                known: Model::version(self),
            };
            return Err(newer.error("the state"));
        }
        let old: Value = serde_json::from_slice(json).map_err(corrupt)?;
        // One that panics is as good as none.
        match guarded(|| Model::upgrade(self, version, old)).flatten() {
            None => Ok(None),
            Some(new) => guarded(|| serde_json::from_value::<M::State>(new))
                .ok_or_else(panicked)?
                .map(|s| Some(AnyState::new(s)))
                .map_err(corrupt),
        }
    }
}
