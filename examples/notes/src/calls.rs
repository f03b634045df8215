//! Which calls a notebook contains: their ids, and of each a digest of what was called.
//!
//! The id alone is not enough. A device that was put back from a backup, or whose folder was copied, makes other calls under
//! ids that it has used already. Who goes by the ids would take such a call for one that is there, and it would be lost in
//! silence.

use crate::call::Call;
use icecore::{Author, Rejected, UpdateId};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The longest argument of a call, in bytes of its JSON. An update has room for a little more; what is left is needed for the
/// id under which the call is replayed elsewhere, also into a notebook that is encrypted, where a third comes on top.
pub const CALL_BYTES_MAX: usize = 767 * 1024;

/// What tells two calls apart that have one id: eight bytes of the SHA-256 of method and argument. That is enough against
/// mistakes, which it is for; whoever may write to a space needs no forgery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content(u64);

impl Content {
    /// That of a call.
    ///
    /// # Errors
    /// [`Rejected`] for a call that is too large to be replayed, or that has no JSON form.
    pub fn of(call: &Call) -> Result<Self, Rejected> {
        let argument = call.argument();
        let argument = argument.map_err(|error| Rejected::new(error.to_string()))?;
        let bytes = argument.get().len();
        if bytes > CALL_BYTES_MAX {
            return Err(Rejected::new(format!(
                "the argument of {} has {bytes} bytes, at most {CALL_BYTES_MAX} can be recorded and replayed",
                call.method()
            )));
        }
        let text = [call.method(), " ", argument.get()].concat();
        let digest = Sha256::digest(text.as_bytes());
        let first = digest.iter().take(8);
        Ok(Self(first.fold(0, |all, byte| all << 8 | u64::from(*byte))))
    }
}

/// In hexadecimal: JSON has no numbers of 64 bits that every program reads alike.
impl Serialize for Content {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&format_args!("{:016x}", self.0))
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_digest = text.len() == 16 && text.bytes().all(|b| b.is_ascii_hexdigit());
        let digest = u64::from_str_radix(&text, 16).ok().filter(|_| is_digest);
        let unreadable = || serde::de::Error::custom("this is no digest of a call");
        digest.map(Self).ok_or_else(unreadable)
    }
}

/// Calls by author, each author's in the order of their numbers: equal sets have equal JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Calls(BTreeMap<Author, Vec<(u64, Content)>>);

impl Calls {
    /// Whether a call is among them; one of the same id that is another call is an error.
    ///
    /// # Errors
    /// [`Rejected`] when another call has this id.
    pub fn contains(&self, id: UpdateId, content: Content) -> Result<bool, Rejected> {
        match self.get(id) {
            None => Ok(false),
            Some(known) if known == content => Ok(true),
            Some(_) => Err(Rejected::new(format!(
                "another call is known as {id}: its device was put back from a backup, or copied"
            ))),
        }
    }

    /// What is known under an id.
    pub fn get(&self, id: UpdateId) -> Option<Content> {
        let calls = self.0.get(&id.author)?;
        let at = calls.binary_search_by_key(&id.seq.get(), |(seq, _)| *seq);
        Some(calls[at.ok()?].1)
    }

    /// Adds a call, unless one of this id is there.
    pub fn insert(&mut self, id: UpdateId, content: Content) {
        let (calls, seq) = (self.0.entry(id.author).or_default(), id.seq.get());
        if let Err(at) = calls.binary_search_by_key(&seq, |(seq, _)| *seq) {
            calls.insert(at, (seq, content));
        }
    }

    /// The ids of all.
    pub fn ids(&self) -> impl Iterator<Item = UpdateId> + '_ {
        let each = self.0.iter();
        let each =
            each.flat_map(|(author, calls)| calls.iter().map(move |(seq, _)| (*author, seq)));
        each.filter_map(|(author, seq)| {
            let seq = icecore::Seq::new(*seq).ok()?;
            Some(UpdateId { author, seq })
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notebook::{Rename, Write};

    fn id(seq: u64) -> UpdateId {
        let id = format!("01a1f94a-adf5-7162-b238-06dc7b14e4b5:{seq}");
        id.parse().unwrap()
    }

    fn rename(title: &str) -> Call {
        let (id, title) = ("n1".to_owned(), title.to_owned());
        Call::Rename(Rename { id, title })
    }

    #[test]
    fn a_call_is_known_by_its_id_and_what_it_is() {
        let (go, sleep) = (rename("Go"), rename("Sleep"));
        let [go, sleep] = [go, sleep].map(|call| Content::of(&call).unwrap());
        let (mut calls, mut turned) = (Calls::default(), Calls::default());
        for (seq, content) in [(9, go), (10, sleep), (1, go)] {
            assert_eq!(calls.contains(id(seq), content), Ok(false));
            calls.insert(id(seq), content);
            assert_eq!(calls.contains(id(seq), content), Ok(true));
        }
        for (seq, content) in [(1, go), (10, sleep), (9, go), (9, sleep)] {
            turned.insert(id(seq), content);
        }
        assert_eq!(calls, turned, "in whichever order they came");
        let why = calls.contains(id(9), sleep).unwrap_err().to_string();
        assert!(
            why.contains(&format!("another call is known as {}", id(9))),
            "{why}"
        );
        assert_eq!(calls.ids().collect::<Vec<_>>(), [id(1), id(9), id(10)]);
        let json = serde_json::to_string(&calls).unwrap();
        assert_eq!(serde_json::from_str::<Calls>(&json).unwrap(), calls);
        for wrong in ["7", "\"7\"", "\"+000000000000007\"", "\"é00000000000000\""] {
            assert!(serde_json::from_str::<Content>(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_same_argument_of_another_method_is_another_call() {
        let remove = |id: &str| Content::of(&Call::Remove(id.to_owned())).unwrap();
        assert_ne!(remove("n1"), remove("n2"));
        let write = |text: String| {
            let id = "n1".to_owned();
            Content::of(&Call::Write(Write { id, text }))
        };
        assert_ne!(
            write("Go".into()).unwrap(),
            Content::of(&rename("Go")).unwrap()
        );
        let around = r#"{"$type":"Write","id":"n1","text":""}"#.len();
        assert!(write("x".repeat(CALL_BYTES_MAX - around)).is_ok());
        let why = write("x".repeat(CALL_BYTES_MAX - around + 1)).unwrap_err();
        assert!(why.to_string().contains("at most 785408"), "{why}");
    }
}
