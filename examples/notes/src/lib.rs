//! Notes: an app whose state is a class with methods.
//!
//! [`Notebook`] is an ordinary struct, with notes, dates and enums in it. Each of its methods that changes it takes one
//! argument, and a call is one update: `{"kind": "rename", "data": {"$type": "Rename", …}}` is
//! `notebook.rename(Rename { … })`, both ways ([`Call`]). State and arguments are typed JSON, so that what comes back is
//! a `Note` with a `Date` and a `Status`, and no bag of strings.
//!
//! No two notes may have one title. Each device keeps to that; two devices together can break it. Then nothing is lost:
//! the conflict names both notes, and a person renames one.
//!
//! - [`notebook`]: the class and its methods
//! - [`call`]: methods as updates
//! - [`model`]: the fold, and the rule
//! - [`command`]: a command to play with it

pub mod call;
pub mod command;
pub mod model;
pub mod notebook;

pub use call::Call;
pub use model::NotesModel;
pub use notebook::{Note, NoteId, Notebook, Status};
