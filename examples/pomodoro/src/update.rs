//! What can happen: one variant per kind of line in Flowkeeper's history.

use crate::span::Span;
use serde::{Deserialize, Serialize};

/// One update of a pomodoro space. The variant's name is its kind, here and in Flowkeeper's files.
///
/// No variant depends on a value that was there before: `StartTimer` says how long, never how long is left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data")]
pub enum Update {
    /// Whose space it is; comes first.
    CreateUser {
        /// Stands in front of each later line of the file, e.g. `user@local.host`.
        identity: String,
        /// For people.
        name: String,
    },
    /// A new backlog, after the others.
    CreateBacklog {
        /// Chosen by the client, never used twice.
        id: String,
        /// For people.
        name: String,
    },
    /// Another name for a backlog.
    RenameBacklog {
        /// Which.
        id: String,
        /// The new one.
        name: String,
    },
    /// Another place for a backlog.
    ReorderBacklog {
        /// Which.
        id: String,
        /// Before the one that stands here now.
        index: usize,
    },
    /// Removes a backlog with its items; what runs in it is void.
    DeleteBacklog {
        /// Which.
        id: String,
    },
    /// A new item, at the end of its backlog.
    CreateWorkitem {
        /// Chosen by the client, never used twice.
        id: String,
        /// Where.
        backlog: String,
        /// For people.
        name: String,
    },
    /// Another name for an item.
    RenameWorkitem {
        /// Which.
        id: String,
        /// The new one.
        name: String,
    },
    /// To the end of another backlog.
    MoveWorkitem {
        /// Which.
        id: String,
        /// Where to.
        backlog: String,
    },
    /// Another place within the backlog.
    ReorderWorkitem {
        /// Which.
        id: String,
        /// Before the one that stands here now.
        index: usize,
    },
    /// The work is done: the item is sealed, and a pomodoro that runs on it is void.
    CompleteWorkitem {
        /// Which.
        id: String,
    },
    /// The work goes on: the item is no longer sealed.
    RestoreWorkitem {
        /// Which.
        id: String,
    },
    /// Removes an item; what runs on it is void.
    DeleteWorkitem {
        /// Which.
        id: String,
    },
    /// Puts the item into categories and takes it out of others.
    UpdateWorkitemCategories {
        /// Which item.
        id: String,
        /// Out of this one, where it is not empty.
        remove: String,
        /// Into this one, where it is not empty.
        add: String,
    },
    /// Plans pomodoros.
    AddPomodoro {
        /// For which item.
        item: String,
        /// How many.
        count: u32,
        /// Which sort.
        r#type: PomodoroType,
    },
    /// Takes back the last planned pomodoros, of those that did not start yet.
    RemovePomodoro {
        /// Of which item.
        item: String,
        /// How many.
        count: u32,
    },
    /// Starts the first new pomodoro of an item.
    StartTimer {
        /// Which item.
        item: String,
        /// How long to work; nothing for a tracker.
        work: Option<Span>,
        /// How long to rest after it; zero is a long break, which only `StopTimer` ends.
        rest: Option<Span>,
    },
    /// Stops what runs: work is void, a rest or a tracker is over.
    StopTimer,
    /// Somebody or something interrupted the work.
    AddInterruption {
        /// On which item.
        item: String,
        /// Why; may be empty.
        reason: String,
        /// How long it took, if somebody measured.
        duration: Option<Span>,
    },
    /// A new category, below another one.
    CreateCategory {
        /// Chosen by the client, never used twice.
        id: String,
        /// The one above; those that begin with `#` are built in.
        parent: String,
        /// For people.
        name: String,
    },
    /// Another name for a category.
    RenameCategory {
        /// Which.
        id: String,
        /// The new one.
        name: String,
    },
    /// Another place among those below the same one.
    ReorderCategory {
        /// Which.
        id: String,
        /// Before the one that stands here now.
        index: usize,
    },
    /// Removes a category with those below it.
    DeleteCategory {
        /// Which.
        id: String,
    },
}

/// The sorts of pomodoros.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PomodoroType {
    /// Runs for a time known before, and a rest follows.
    Normal,
    /// Runs until it is stopped.
    Tracker,
}

impl PomodoroType {
    /// Its word in the file and in the view.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Tracker => "tracker",
        }
    }
}
