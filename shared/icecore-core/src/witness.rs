//! Whether a model is pure, looked at now and then: what it makes of a segment is made twice, and once more when a replica
//! is opened again.

use crate::digest::Digest;
use crate::fold::Folded;
use crate::ids::Generation;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};

/// A state with a longer JSON is not looked at: it would be written twice, and copied.
const STATE_BYTES_MAX: usize = 1 << 20;

/// The state that a version of the model has made of a history up to a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Witness {
    /// The segment.
    pub generation: Generation,
    /// The version of the model.
    pub version: u32,
    /// Of the state's canonical JSON.
    pub state: Digest,
}

impl Witness {
    /// Of the state after this segment, where there is one that has a JSON form of at most 1 MiB.
    pub fn of(generation: Generation, folded: &Folded) -> Option<Self> {
        if folded.content().is_blind() {
            return None;
        }
        let mut json = Bounded::default();
        folded.write_state(&mut json).ok()?;
        Some(Self {
            generation,
            version: folded.model().version(),
            state: Digest::of(&json.0),
        })
    }

    /// Whether the other one is of the same history and the same version, and of another state: then the model looks at
    /// something else than the updates, or was changed without a new version.
    pub fn contradicts(&self, other: &Self) -> bool {
        (self.generation, self.version) == (other.generation, other.version)
            && self.state != other.state
    }
}

/// What is written, up to the limit; more is an error.
#[derive(Default)]
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > STATE_BYTES_MAX {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
