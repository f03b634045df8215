//! Programs of two versions of one model, side by side.

use super::World;
use icecore_core::model::log::{Line, Log, State};
use icecore_core::{Error, Meta, Model, Newer, Registry, Rejected, Update};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::Store;
use serde_json::Value;
use serde_json::value::RawValue;

/// The kind that version 2 writes and version 1 does not know.
const NEW_KIND: &str = "note-2";

/// A log, of which version 2 has a kind more.
#[derive(Debug, Clone, Copy)]
struct Versioned(u32);

impl Model for Versioned {
    type State = State;
    type Update = Line;

    fn name(&self) -> &'static str {
        "log"
    }

    fn version(&self) -> u32 {
        self.0
    }

    fn initial(&self) -> State {
        Log.initial()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Line, Rejected> {
        if kind == NEW_KIND && self.0 < 2 {
            return Err(Rejected::new("unknown kind"));
        }
        Log.decode(kind, data)
    }

    fn apply(&self, state: &mut State, update: Line, meta: &Meta<'_>) -> Result<(), Rejected> {
        Log.apply(state, update, meta)
    }

    /// It takes over whatever an old program left, as an app may.
    fn upgrade(&self, _from: u32, state: Value) -> Option<Value> {
        Some(state)
    }
}

/// What a program of this version knows; of none, nothing: it rolls up blind.
fn registry(version: u32) -> Registry {
    match version {
        0 => Registry::default(),
        version => Registry::default().with(Versioned(version)),
    }
}

impl World {
    /// A store for a program that was just started, of one version or the other.
    pub(crate) fn of_some_version(&self, store: Store) -> Store {
        if !self.plan.versions {
            return store;
        }
        let version = *self.random.pick(&[1, 2]);
        store.with_registry(registry(version))
    }

    /// The same for one that only rolls up and prunes: it need not know the model.
    pub(crate) fn of_some_version_or_none(&self, store: Store) -> Store {
        if !self.plan.versions {
            return store;
        }
        let version = *self.random.pick(&[0, 1, 2]);
        store.with_registry(registry(version))
    }

    /// A store for a program of the newest version.
    pub(crate) fn of_newest_version(&self, store: Store) -> Store {
        if self.plan.versions {
            store.with_registry(registry(2))
        } else {
            store
        }
    }

    /// An update as the program of this replica writes it.
    pub(super) fn update(&self, replica: &Replica, at: i64, data: &RawValue) -> Update {
        let version = if self.plan.versions {
            let registry = &replica.store().registry;
            let model = icecore_core::ModelRef::named("log");
            registry.open(&model).expect("a version").version()
        } else {
            1
        };
        let kind = if version == 1 { "note" } else { NEW_KIND };
        Update::of_version(version, at, (kind, data), None).expect("a small update")
    }

    /// Whether an error is that of an old program, as it must be. It is counted.
    pub(super) fn is_held(&self, error: &Error) -> bool {
        let held = self.plan.versions && Newer::of(error).is_some();
        if held {
            self.log().held += 1;
        }
        held
    }

    /// An old program must show no state that lacks what it has read.
    pub(super) fn check_version(&self, session: &mut SpaceReplica) -> Result<(), String> {
        let ordered = !self.plan.restores;
        if !self.plan.versions {
            return crate::checker::check_view(session, ordered);
        }
        let folded = match session.state() {
            Err(error) if self.is_held(&error) => return Ok(()),
            Err(error) => return Err(error.to_string()),
            Ok(folded) => folded,
        };
        if folded.rejected.count > 0 {
            return Err(format!(
                "a program shows a state without {:?}",
                folded.rejected
            ));
        }
        crate::checker::check_view(session, ordered)
    }
}
