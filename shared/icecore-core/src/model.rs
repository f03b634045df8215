//! How updates change a state: the [`Model`] trait, the [`Registry`] that opens one by name, and the two
//! built-in models, [`document`] and [`log`].

pub mod document;
pub mod erased;
pub mod log;
pub mod message;
pub mod registry;

pub use erased::{AnyModel, AnyState, decode};
pub use registry::Registry;

use crate::ids::{Author, Key, Seq};
use crate::reason::Reason;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;
use std::fmt;

/// Why a model did not apply an update. The update stays in the history and is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rejected {
    /// The code with its parameters; stored with the snapshot, so it must be the same on every replica.
    pub reason: Reason,
    /// Nothing after this update means anything: reading stops here, and a person decides what to do.
    pub inconsistent: bool,
}

impl Rejected {
    /// A rejection with its reason: one sentence for a person, naming the field at fault, or a [`Reason`] with a code of
    /// the app's own, which the app can word in the language of whoever reads it.
    ///
    /// ```
    /// use icecore_core::{Reason, Rejected};
    /// let rejected = Rejected::new(Reason::app("full").with("seats", 12));
    /// assert_eq!(rejected.reason.app_code(), Some("full"));
    /// assert_eq!(Rejected::new("no seat is left").to_string(), "no seat is left");
    /// ```
    pub fn new(reason: impl Into<Reason>) -> Self {
        Self {
            reason: reason.into(),
            inconsistent: false,
        }
    }

    /// An update that cannot be part of any history of this model: what follows it would be built on something that did
    /// not happen. Reading the space stops at it with an error that names it; nothing is repaired.
    ///
    /// For models of sequenced spaces, where each writer saw the state that its update was made for.
    pub fn inconsistent(reason: impl Into<Reason>) -> Self {
        Self {
            reason: reason.into(),
            inconsistent: true,
        }
    }
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

/// What is known of an update besides its content.
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    /// Who wrote it.
    pub author: Author,
    /// The author's counter.
    pub seq: Seq,
    /// The key of the object that carries it; [`Key::MAX`] before there is one. A model that says that it does not read it
    /// ([`Model::reads_key`]) gets [`Key::MIN`].
    pub key: Key,
    /// When it happened by its author's clock: RFC 3339 with milliseconds.
    pub at: &'a str,
}

/// A rule that the state breaks, as [`Model::check`] finds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The rule's name, e.g. `unique:/notes/*/title`.
    pub rule: String,
    /// The JSON pointers (RFC 6901) of the values that break it together, sorted.
    pub paths: Vec<String>,
    /// How they break it; a text becomes one by `into`.
    pub reason: Reason,
}

impl Violation {
    /// One sentence for a person.
    pub fn message(&self) -> String {
        self.reason.worded(self.paths.first().map(String::as_str))
    }
}

/// The fold of a space: which state it starts from, and how an update changes it.
///
/// `apply` is pure: no clock, no I/O, no randomness; the same updates in the same order give the same state
/// on every machine. What depends on the present is computed from the state when it is shown. Some segments are folded twice,
/// and that the two states differ is told.
///
/// An update on which the model panics is rejected, and the state stays as it was before it. No model should count on
/// that: what panics in one build, as a sum that overflows, goes on with another state in the next.
pub trait Model: Send + Sync + 'static {
    /// The folded state. Its JSON must be deterministic: maps sorted (`BTreeMap`, not `HashMap`).
    type State: Clone + Send + Sync + Serialize + DeserializeOwned + 'static;
    /// A decoded update.
    type Update;

    /// The name that `space.json` gives.
    fn name(&self) -> &'static str;

    /// The version of the state's form; counts up when `State` or the effect of an update changes.
    fn version(&self) -> u32;

    /// Whether [`Model::apply`] reads [`Meta::key`].
    ///
    /// An update that is made on this device has no key before it is stored; it is shown with [`Key::MAX`], and applied
    /// again in its place once it has one. That needs a copy of the state from before it. A model that says `false` here is
    /// given [`Key::MIN`] for every update, and what is shown need not be folded again when it is acknowledged.
    fn reads_key(&self) -> bool {
        true
    }

    /// The state before the first update.
    fn initial(&self) -> Self::State;

    /// Decodes one update from its `kind` and its `data`.
    ///
    /// # Errors
    /// [`Rejected`] for anything this model does not understand; bytes from outside never panic.
    fn decode(&self, kind: &str, data: &RawValue) -> Result<Self::Update, Rejected>;

    /// Applies one update as a whole, or leaves the state as it was.
    ///
    /// # Errors
    /// [`Rejected`] when the state does not allow the update; `state` is unchanged then.
    fn apply(
        &self,
        state: &mut Self::State,
        update: Self::Update,
        meta: &Meta<'_>,
    ) -> Result<(), Rejected>;

    /// The rules that the state breaks.
    fn check(&self, state: &Self::State) -> Vec<Violation> {
        let _ = state;
        Vec::new()
    }

    /// The JSON pointers that an update sets, of those that a rule watches: so that a conflict can name the
    /// updates involved. Called after a successful [`Model::apply`] with the update's text.
    fn touches(&self, kind: &str, data: &RawValue) -> Vec<String> {
        let _ = (kind, data);
        Vec::new()
    }

    /// Brings the JSON of a state of an older version to this one; `None` where that is impossible: then the
    /// state is rebuilt from the segments.
    fn upgrade(&self, from_version: u32, state: Value) -> Option<Value> {
        let _ = (from_version, state);
        None
    }
}
