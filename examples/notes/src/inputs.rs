//! The same notebook the other way: the calls are inputs that are kept as a sequence, and the notebook is a function of it.
//!
//! To the sequence anything may be added at any time, by any device, and late: it stands where it belongs by when it
//! happened. Nothing is decided when an input is added, so none is ever rejected; what the function cannot use is left out,
//! and is used as soon as an earlier input makes it possible.

use crate::model::State;
use crate::update::Update;
use icecore::{Recorded, Rejected, UpdateId};

/// What the function makes of the inputs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notes {
    /// The notebook, and which calls it contains.
    pub state: State,
    /// What it could not use, and why.
    pub left_out: Vec<(UpdateId, Rejected)>,
}

/// The notebook as a function of its inputs, in the order in which they happened. An input that is there twice counts once.
pub fn notes(inputs: Vec<Recorded<Update>>) -> Notes {
    let mut notes = Notes::default();
    for input in inputs {
        let played = input.update.and_then(|update| {
            let (id, call) = update.into_call(input.id);
            notes.state.play(id, call)
        });
        if let Err(rejected) = played {
            notes.left_out.push((input.id, rejected));
        }
    }
    notes
}
