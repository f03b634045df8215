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
//! # The simple mode
//! One user who is always online needs no more than this: what is there is loaded at the start, and saved after each change.
//!
//! ```
//! use icecore::{Order, Place, Replica};
//! use icecore_example_notes::notebook::{Add, Note, Status};
//! use icecore_example_notes::{Call, NotesModel};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! # let folder = tempfile::tempdir().unwrap();
//! # let place = Place::new(folder.path().join("store").display().to_string()).with_replica(folder.path().join("laptop"));
//! # let note = Note { title: "Pack".to_owned(), text: String::new(), due: None, status: Status::Open };
//! # let call = Call::Add(Add { id: "n1".to_owned(), note });
//! let notes = Replica::create(NotesModel, &place, "notes", Order::Timestamp).await?; // made where it is missing, and loaded
//! assert_eq!(notes.state().notebook.notes.len(), 0); // shown
//! notes.update(call.into()).await?; // changed: part of the state, and on this machine's disk
//! notes.sync().await?; // saved
//! assert_eq!(notes.state().notebook.notes["n1"].title, "Pack"); // shown again
//! # let again = Replica::create(NotesModel, &place.with_replica(folder.path().join("anew")), "notes", Order::Timestamp).await?;
//! # assert_eq!(again.state(), notes.state());
//! # Ok::<(), icecore::Error>(())
//! # }).unwrap();
//! ```
//!
//! # Layout
//! - [`notebook`]: the class and its methods
//! - [`call`]: methods as updates
//! - [`calls`]: which calls a notebook contains
//! - [`update`]: calls that were made here, and calls that are replayed
//! - [`model`]: the fold, and the rule
//! - [`record`]: calls from one running instance to another
//! - [`inputs`]: the other way: the calls as a sequence of inputs, and the notebook as a function of it
//! - [`command`]: a command to play with it

pub mod call;
pub mod calls;
pub mod command;
pub mod inputs;
pub mod model;
pub mod notebook;
pub mod record;
pub mod update;

pub use call::Call;
pub use model::{NotesModel, State};
pub use notebook::{Note, NoteId, Notebook, Status};
pub use record::{RecordedCall, Recorder, Replayed, replay};
pub use update::{Replay, Update};
