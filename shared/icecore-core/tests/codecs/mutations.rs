//! What disks, networks and strangers do to bytes.

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use icecore_core::Digest;
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;
use std::io::{Read, Write};

/// One change of some bytes.
#[derive(Debug, Clone)]
pub(crate) enum Mutation {
    /// One bit is another.
    Flip(Index, u8),
    /// One byte is another.
    Set(Index, u8),
    /// The end is missing.
    Cut(Index),
    /// A part is missing.
    Remove(Index, Index),
    /// A part is there twice.
    Repeat(Index, Index),
    /// Foreign bytes are in between.
    Insert(Index, Vec<u8>),
    /// Bytes follow the end.
    Append(Vec<u8>),
}

pub(crate) fn mutation() -> impl Strategy<Value = Mutation> {
    let at = any::<Index>;
    let json = "[\\[\\]{}\",:0-9a-z\\\\\n ]{1,4}".prop_map(String::into_bytes);
    let bytes = prop_oneof![vec(any::<u8>(), 1..5), json].boxed();
    prop_oneof![
        3 => (at(), 0_u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        2 => (at(), any::<u8>()).prop_map(|(at, byte)| Mutation::Set(at, byte)),
        1 => at().prop_map(Mutation::Cut),
        1 => (at(), at()).prop_map(|(a, b)| Mutation::Remove(a, b)),
        1 => (at(), at()).prop_map(|(a, b)| Mutation::Repeat(a, b)),
        2 => (at(), bytes.clone()).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        1 => bytes.prop_map(Mutation::Append),
    ]
}

impl Mutation {
    pub(crate) fn apply(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let part = |a: &Index, b: &Index| {
            let (a, b) = (a.index(bytes.len()), b.index(bytes.len()));
            a.min(b)..a.max(b) + 1
        };
        match self {
            Self::Flip(at, bit) => {
                let at = at.index(bytes.len());
                bytes[at] ^= 1 << bit;
            }
            Self::Set(at, byte) => {
                let at = at.index(bytes.len());
                bytes[at] = *byte;
            }
            Self::Cut(at) => bytes.truncate(at.index(bytes.len())),
            Self::Remove(a, b) => drop(bytes.drain(part(a, b))),
            Self::Repeat(a, b) => {
                let part = part(a, b);
                let again = bytes[part.clone()].to_vec();
                bytes.splice(part.end..part.end, again);
            }
            Self::Insert(at, more) => {
                let at = at.index(bytes.len());
                bytes.splice(at..at, more.iter().copied());
            }
            Self::Append(more) => bytes.extend(more),
        }
    }
}

pub(crate) fn mutated(mut bytes: Vec<u8>, mutations: &[Mutation]) -> Vec<u8> {
    for mutation in mutations {
        mutation.apply(&mut bytes);
    }
    bytes
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(bytes).unwrap();
    gzip.finish().unwrap()
}

pub(crate) fn gunzip(bytes: &[u8]) -> Vec<u8> {
    let mut plain = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut plain).unwrap();
    plain
}

/// The text of a segment or snapshot without its last line.
pub(crate) fn body(plain: &[u8]) -> &[u8] {
    let without_end = &plain[..plain.len() - 1];
    let end = without_end.iter().rposition(|&b| b == b'\n').unwrap();
    &plain[..=end]
}

/// Any bytes with the digest that they should have: what a wrong program writes, not a bad disk.
pub(crate) fn sealed(body: &[u8]) -> Vec<u8> {
    let trailer = format!("{{\"sha256\":\"{}\"}}\n", Digest::of(body));
    [body, trailer.as_bytes()].concat()
}
