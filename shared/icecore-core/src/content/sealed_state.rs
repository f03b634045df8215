//! States of encrypted spaces, as snapshots and first segments hold them.

use super::{Content, Salt, Seal, locked};
use crate::error::{Error, Result};
use crate::fold::{Conflict, RejectedList};
use crate::ids::UpdateId;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use icecore_seal::{KeyNumber, Sealed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{Read, Write};

/// What is said of a state beside it; part of what is sealed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Summary {
    /// Updates that the model rejected.
    pub rejected: RejectedList,
    /// Rules that the state breaks.
    pub conflicts: Vec<Conflict>,
    /// Which update last set each path that a rule watches.
    pub touched: BTreeMap<String, UpdateId>,
}

/// A state and its [`Summary`], opened.
#[derive(Debug)]
pub struct SealedState {
    /// What is said of it.
    pub summary: Summary,
    /// The state's JSON.
    pub state: Vec<u8>,
}

impl Content {
    /// The key under which a state would be sealed; `None` where the space is not encrypted.
    pub(crate) fn state_key(&self) -> Option<KeyNumber> {
        match &self.seal {
            Seal::Open(seal) => Some(seal.keys.newest()),
            Seal::Clear | Seal::Locked => None,
        }
    }

    /// Seals a state with its summary, packed before, as a JSON text. `about` is what it is bound to: nothing opens it
    /// beside another header.
    pub(crate) fn seal_state(
        &self,
        about: &[u8],
        summary: &Summary,
        write_state: impl FnOnce(&mut dyn Write) -> Result<()>,
        salt: Salt,
    ) -> Result<String> {
        let Seal::Open(seal) = &self.seal else {
            return Err(locked());
        };
        let internal =
            |e: std::io::Error| Error::internal("BUG: writing to memory failed").with_source(e);
        let mut gzip = GzEncoder::new(Vec::new(), Compression::new(6));
        serde_json::to_writer(&mut gzip, summary)
            .map_err(|e| Error::internal("BUG: a summary has no JSON form").with_source(e))?;
        gzip.write_all(b"\n").map_err(internal)?;
        write_state(&mut gzip)?;
        let packed = gzip.finish().map_err(internal)?;
        let context = about_state(seal.context("state", ""), about);
        Ok(seal.keys.seal(&context, &packed, salt).sealed)
    }

    /// Opens what [`Content::seal_state`] made; no more than `bytes_max` unpacked.
    pub(crate) fn open_state(
        &self,
        about: &[u8],
        key: KeyNumber,
        sealed: &[u8],
        bytes_max: u64,
    ) -> Result<SealedState> {
        let Seal::Open(seal) = &self.seal else {
            return Err(locked());
        };
        let changed = || {
            Error::corrupt(
                "the sealed state cannot be decrypted: it was changed, moved, or not made with a key of this space",
            )
        };
        let sealed: String = serde_json::from_slice(sealed).map_err(|_| changed())?;
        let context = about_state(seal.context("state", ""), about);
        let opened = seal.keys.open(&context, &Sealed { key, sealed });
        let packed = opened.map_err(|_| changed())?;
        let mut plain = Vec::new();
        let mut unpacked = GzDecoder::new(packed.as_slice()).take(bytes_max.saturating_add(1));
        unpacked.read_to_end(&mut plain).map_err(|_| changed())?;
        if plain.len() as u64 > bytes_max {
            return Err(Error::invalid(format!(
                "the sealed state unpacks to more than {bytes_max} bytes"
            )));
        }
        let end = plain.iter().position(|&b| b == b'\n').ok_or_else(changed)?;
        let summary = serde_json::from_slice(&plain[..end]).map_err(|_| changed())?;
        plain.drain(..=end);
        Ok(SealedState {
            summary,
            state: plain,
        })
    }
}

fn about_state(mut context: Vec<u8>, about: &[u8]) -> Vec<u8> {
    context.push(b'\n');
    context.extend_from_slice(about);
    context
}
