//! The envelope of segments and snapshots: gzip around lines of JSON, the last of which is the SHA-256 of all
//! lines before it.
//!
//! ```text
//! {header}\n
//! {line}\n            a segment's entries, one a line; a snapshot's state
//! …
//! {"sha256":"…"}\n    of every byte before this line
//! ```
//!
//! The digest is taken of the unpacked bytes: a browser, or a store that unpacks on the way, sees no others.

use crate::digest::{Digest, Hashing};
use crate::error::{Error, Result};
use flate2::bufread::GzDecoder;
use flate2::write::GzEncoder;
use flate2::{Compression, Crc};
use serde::Serialize;
use std::io::{self, Read, Write};

/// The largest segment or snapshot that is unpacked: a bound on what hostile gzip can make of a small object.
pub const UNPACKED_BYTES_MAX: u64 = 1024 * 1024 * 1024;

/// The `Content-Encoding` of segments and snapshots.
pub const CONTENT_ENCODING: &str = "gzip";

/// More than the last line has.
const TRAILER_BYTES_MAX: u64 = 1_024;

const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

#[derive(Serialize)]
struct Trailer {
    sha256: Digest,
}

impl Trailer {
    /// Reads the one spelling that there is: no digest covers this line, so nothing in it may vary.
    fn parse(line: &[u8]) -> Option<Self> {
        let hex = line
            .strip_prefix(br#"{"sha256":""#)?
            .strip_suffix(br#""}"#)?;
        let sha256 = std::str::from_utf8(hex).ok()?.parse().ok()?;
        Some(Self { sha256 })
    }
}

/// Writes the lines of a segment or snapshot.
pub(crate) struct LayerWriter {
    out: Hashing<io::BufWriter<GzEncoder<Vec<u8>>>>,
}

/// A packed segment or snapshot, ready to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The gzip bytes.
    pub bytes: Vec<u8>,
    /// The digest in the last line, by which the next segment names this one.
    pub digest: Digest,
}

impl LayerWriter {
    pub(crate) fn new(header: &impl Serialize) -> Result<Self> {
        let gzip = GzEncoder::new(Vec::new(), Compression::new(6));
        let mut writer = Self {
            out: Hashing::new(io::BufWriter::with_capacity(64 * 1024, gzip)),
        };
        writer.line(header)?;
        Ok(writer)
    }

    /// One line of JSON.
    pub(crate) fn line(&mut self, value: &impl Serialize) -> Result<()> {
        let internal = |e| Error::internal("BUG: a line has no JSON form").with_source(e);
        serde_json::to_writer(&mut self.out, value).map_err(internal)?;
        self.end_line()
    }

    /// One line that `write` writes.
    pub(crate) fn line_with(
        &mut self,
        write: impl FnOnce(&mut dyn Write) -> Result<()>,
    ) -> Result<()> {
        write(&mut self.out)?;
        self.end_line()
    }

    fn end_line(&mut self) -> Result<()> {
        self.out.write_all(b"\n").map_err(in_memory)
    }

    pub(crate) fn finish(self) -> Result<Packed> {
        if self.out.count > UNPACKED_BYTES_MAX - TRAILER_BYTES_MAX {
            return Err(Error::invalid(format!(
                "a snapshot or segment of {} bytes: nobody could read it",
                self.out.count
            ))
            .with_hint(
                "split the space into several: its state must have less than 1 GiB of JSON",
            ));
        }
        let (mut out, digest) = self.out.finish();
        serde_json::to_writer(&mut out, &Trailer { sha256: digest })
            .map_err(|e| Error::internal("BUG: a digest has no JSON form").with_source(e))?;
        out.write_all(b"\n").map_err(in_memory)?;
        let gzip = out.into_inner().map_err(|e| in_memory(e.into_error()))?;
        Ok(Packed {
            bytes: gzip.finish().map_err(in_memory)?,
            digest,
        })
    }
}

fn in_memory(error: io::Error) -> Error {
    Error::internal("BUG: writing to memory failed").with_source(error)
}

/// The unpacked lines of a segment or snapshot whose digest was checked.
#[derive(Debug)]
pub(crate) struct LayerReader {
    bytes: Vec<u8>,
    body_end: usize,
    pub(crate) digest: Digest,
}

impl LayerReader {
    /// Unpacks (or takes as it is what a store has unpacked on the way) and checks the digest.
    pub(crate) fn open(stored: &[u8], unpacked_max: u64) -> Result<Self> {
        let bytes = if stored.starts_with(&GZIP_MAGIC) {
            unpack(stored, unpacked_max)?
        } else {
            stored.to_vec()
        };
        let truncated =
            || Error::corrupt("the object is cut short or was changed: its last line is no digest");
        let without_end = bytes.strip_suffix(b"\n").ok_or_else(truncated)?;
        let body_end = without_end
            .iter()
            .rposition(|&b| b == b'\n')
            .ok_or_else(truncated)?
            + 1;
        let trailer = Trailer::parse(&without_end[body_end..]).ok_or_else(truncated)?;
        if Digest::of(&bytes[..body_end]) != trailer.sha256 {
            return Err(Error::corrupt(
                "the object was changed: its bytes do not match its digest",
            ));
        }
        Ok(Self {
            bytes,
            body_end,
            digest: trailer.sha256,
        })
    }

    /// What was unpacked from `stored` before, and kept as it is: `None` where it is not that, by the length and the checksum
    /// at the end of every gzip stream. They tell what a disk does to bytes; the digest was checked when it was unpacked.
    pub(crate) fn reopen(bytes: Vec<u8>, stored: &[u8]) -> Option<Self> {
        let mut sum = Crc::new();
        sum.update(&bytes);
        let end = [sum.sum().to_le_bytes(), sum.amount().to_le_bytes()].concat();
        if !stored.starts_with(&GZIP_MAGIC) || !stored.ends_with(&end) {
            return None;
        }
        let without_end = bytes.strip_suffix(b"\n")?;
        let body_end = without_end.iter().rposition(|&b| b == b'\n')? + 1;
        let digest = Trailer::parse(&without_end[body_end..])?.sha256;
        Some(Self {
            bytes,
            body_end,
            digest,
        })
    }

    /// All that was unpacked.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The lines, without their ends.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        self.bytes[..self.body_end - 1].split(|&b| b == b'\n')
    }

    /// The first line and the rest of the body.
    pub(crate) fn header_and_body(&self) -> (&[u8], &[u8]) {
        let body = &self.bytes[..self.body_end];
        let end = body.iter().position(|&b| b == b'\n').unwrap_or(body.len());
        (&body[..end], body.get(end + 1..).unwrap_or(&[]))
    }
}

/// A segment or a snapshot has more bytes, unpacked, than this program may use for one: it is the source of that error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnpacksToMore;

impl UnpacksToMore {
    /// Whether an error is about this.
    pub fn is(error: &Error) -> bool {
        std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<Self>)
    }
}

impl std::fmt::Display for UnpacksToMore {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "it unpacks to more than may be used for it here")
    }
}

impl std::error::Error for UnpacksToMore {}

fn unpack(stored: &[u8], bytes_max: u64) -> Result<Vec<u8>> {
    // The last four bytes of gzip are the size modulo 2^32 (RFC 1952): a hint for one allocation, not trusted
    // beyond what such an object can plausibly hold.
    let hint = stored
        .last_chunk::<4>()
        .map_or(0, |size| u32::from_le_bytes(*size) as usize);
    let mut bytes = Vec::with_capacity(hint.min(stored.len().saturating_mul(64)));
    let mut gzip = GzDecoder::new(stored);
    let mut limited = Read::by_ref(&mut gzip).take(bytes_max + 1);
    limited.read_to_end(&mut bytes).map_err(|e| {
        Error::corrupt("the object does not unpack: it is cut short or was changed").with_source(e)
    })?;
    if bytes.len() as u64 > bytes_max && bytes_max < UNPACKED_BYTES_MAX {
        // Others may be able to read it: it is not broken.
        return Err(Error::invalid(format!(
            "the object unpacks to more than the {bytes_max} bytes that this program may use for it"
        ))
        .with_hint("give the program, or the function, more memory")
        .with_source(UnpacksToMore));
    }
    if bytes.len() as u64 > bytes_max {
        return Err(Error::corrupt(format!(
            "the object unpacks to more than {bytes_max} bytes"
        )));
    }
    // A browser fails on what follows the first member of a gzip file, so nothing may.
    if !gzip.into_inner().is_empty() {
        return Err(Error::corrupt(
            "the object was changed: bytes follow the end of its gzip stream",
        ));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn packed() -> Packed {
        let mut writer = LayerWriter::new(&"header").unwrap();
        writer.line(&1).unwrap();
        writer.line(&2).unwrap();
        writer.finish().unwrap()
    }

    fn unpacked(packed: &[u8]) -> Vec<u8> {
        unpack(packed, UNPACKED_BYTES_MAX).unwrap()
    }

    #[test]
    fn lines_go_both_ways_packed_or_not() {
        let packed = packed();
        for stored in [packed.bytes.clone(), unpacked(&packed.bytes)] {
            let reader = LayerReader::open(&stored, UNPACKED_BYTES_MAX).unwrap();
            assert_eq!(
                reader.lines().collect::<Vec<_>>(),
                [&b"\"header\""[..], b"1", b"2"]
            );
            assert_eq!(reader.header_and_body().1, b"1\n2\n");
            assert_eq!(reader.digest, packed.digest);
        }
    }

    #[test]
    fn any_cut_and_any_flipped_byte_is_noticed() {
        let packed = packed().bytes;
        let plain = unpacked(&packed);
        for stored in [packed, plain.clone()] {
            for cut in 0..stored.len() {
                assert!(
                    LayerReader::open(&stored[..cut], UNPACKED_BYTES_MAX)
                        .unwrap_err()
                        .is_corrupt(),
                    "cut at {cut}"
                );
            }
        }
        for i in 0..plain.len() {
            let mut changed = plain.clone();
            changed[i] ^= 1;
            assert!(
                LayerReader::open(&changed, UNPACKED_BYTES_MAX).is_err(),
                "byte {i}"
            );
        }
    }

    #[test]
    fn unpacking_stops_at_the_limit_whatever_the_size_field_says() {
        let mut bomb = GzEncoder::new(Vec::new(), Compression::best());
        bomb.write_all(&vec![b' '; 1_000_000]).unwrap();
        let mut bomb = bomb.finish().unwrap();
        assert!(bomb.len() < 2_000);
        assert_eq!(unpack(&bomb, 1_000_000).unwrap().len(), 1_000_000);
        // What others could read is not broken.
        let kind = |bytes_max| unpack(&bomb, bytes_max).unwrap_err().kind();
        assert_eq!(kind(999_999), ErrorKind::Invalid);
        let size = bomb.len() - 4;
        bomb[size..].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(
            unpack(&bomb, 999_999).unwrap_err().kind(),
            ErrorKind::Invalid
        );
    }

    #[test]
    fn what_was_unpacked_before_is_taken_for_the_same_object_only() {
        let packed = packed();
        let plain = unpacked(&packed.bytes);
        let again = LayerReader::reopen(plain.clone(), &packed.bytes).unwrap();
        assert_eq!(again.digest, packed.digest);
        assert_eq!(again.header_and_body().1, b"1\n2\n");
        for i in 0..plain.len() {
            let mut changed = plain.clone();
            changed[i] ^= 1;
            assert!(
                LayerReader::reopen(changed, &packed.bytes).is_none(),
                "byte {i}"
            );
            assert!(LayerReader::reopen(plain[..i].to_vec(), &packed.bytes).is_none());
        }
        assert!(LayerReader::reopen(plain.clone(), &plain).is_none());
    }

    #[test]
    fn what_follows_the_gzip_stream_is_noticed() {
        for more in [vec![0], packed().bytes] {
            let stored = [packed().bytes, more].concat();
            assert!(
                LayerReader::open(&stored, UNPACKED_BYTES_MAX)
                    .unwrap_err()
                    .is_corrupt()
            );
        }
    }

    #[test]
    fn the_last_line_has_one_spelling() {
        let plain = String::from_utf8(unpacked(&packed().bytes)).unwrap();
        let (body, hex) = plain.split_once(r#"{"sha256":""#).unwrap();
        let hex = hex.strip_suffix("\"}\n").unwrap();
        for line in [
            format!(r#"{{"sha256": "{hex}"}}"#),
            format!(r#"{{"sha256":"{hex}","more":1}}"#),
            format!(r#"["{hex}"]"#),
            format!(r#"{{"sha256":"{}"}}"#, hex.to_uppercase()),
        ] {
            let stored = format!("{body}{line}\n");
            assert!(
                LayerReader::open(stored.as_bytes(), UNPACKED_BYTES_MAX).is_err(),
                "{line}"
            );
        }
    }
}
