//! Newtypes for every id and number of the protocol, each with its own text form and checked arithmetic.

use crate::error::{Error, Result};
use serde::de::{self, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::Uuid;

/// The greatest key that fits in 13 digits (the year 2286 as milliseconds since 1970).
pub const KEY_MAX: u64 = 9_999_999_999_999;
/// The greatest generation that fits in 10 digits.
pub const GENERATION_MAX: u64 = 9_999_999_999;
/// The greatest number of an epoch that fits in 4 digits.
pub const EPOCH_MAX: u32 = 9_999;
/// The longest space name, in bytes.
pub const SPACE_NAME_BYTES_MAX: usize = 64;

/// One writing replica (a device, a tab's worker, a process): a UUID, version 7 when made here, never
/// shared by two writers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Author(Uuid);

impl Author {
    /// A new author from a millisecond timestamp and 80 random bits, laid out as a `UUIDv7` (RFC 9562, 5.7).
    pub fn from_parts(millis: u64, random: u128) -> Self {
        let mut bytes = random.to_be_bytes();
        bytes[..6].copy_from_slice(&millis.to_be_bytes()[2..]);
        bytes[6] = 0x70 | (bytes[6] & 0x0f);
        bytes[8] = 0x80 | (bytes[8] & 0x3f);
        Self(Uuid::from_bytes(bytes))
    }

    /// The same with a timestamp after this one.
    #[must_use]
    pub fn later_than(self, millis: u64) -> Self {
        let random = u128::from_be_bytes(*self.0.as_bytes());
        Self::from_parts(millis.saturating_add(1), random)
    }

    /// The milliseconds of its timestamp: authors sort by them.
    pub fn millis(self) -> u64 {
        let mut millis = [0; 8];
        millis[2..].copy_from_slice(&self.0.as_bytes()[..6]);
        u64::from_be_bytes(millis)
    }
}

impl fmt::Display for Author {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for Author {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse_uuid(text, "author").map(Self)
    }
}

impl<'de> Deserialize<'de> for Author {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(UuidText("author")).map(Self)
    }
}

/// One spelling per id: path and JSON forms are compared byte for byte, also by programs that know no UUIDs.
fn parse_uuid(text: &str, word: &'static str) -> Result<Uuid> {
    let uuid = Uuid::try_parse(text)
        .map_err(|e| Error::invalid(format!("`{text}` is not a valid {word}")).with_source(e))?;
    if *uuid.hyphenated().encode_lower(&mut Uuid::encode_buffer()) == *text {
        Ok(uuid)
    } else {
        Err(Error::invalid(format!(
            "{word} `{text}` is not in lower-case hyphenated form"
        )))
    }
}

/// Reads the JSON form of an id as strictly as its path form.
struct UuidText(&'static str);

impl Visitor<'_> for UuidText {
    type Value = Uuid;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the UUID of a {}", self.0)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Uuid, E> {
        parse_uuid(text, self.0).map_err(E::custom)
    }
}

/// Identifies a store for ever; a replica refuses a bucket whose store id changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct StoreId(Uuid);

impl StoreId {
    /// A new store id; see [`Author::from_parts`].
    pub fn from_parts(millis: u64, random: u128) -> Self {
        Self(Author::from_parts(millis, random).0)
    }
}

impl fmt::Display for StoreId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for StoreId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        parse_uuid(text, "store id").map(Self)
    }
}

impl<'de> Deserialize<'de> for StoreId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(UuidText("store id")).map(Self)
    }
}

macro_rules! number {
    ($(#[$doc:meta])* $name:ident($repr:ty), digits $digits:literal, min $min:expr, max $max:expr, $word:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "u64", into = "u64")]
        pub struct $name($repr);

        impl $name {
            /// The least value.
            pub const MIN: Self = Self($min);
            /// The greatest value.
            pub const MAX: Self = Self($max);

            /// Checks the range.
            ///
            /// # Errors
            /// `Invalid` when the number is out of range.
            pub fn new(number: u64) -> Result<Self> {
                match <$repr>::try_from(number) {
                    Ok(n) if ($min..=$max).contains(&n) => Ok(Self(n)),
                    _ => Err(Error::invalid(format!(concat!("{} is out of range for ", $word), number))),
                }
            }

            /// The bare number.
            pub const fn get(self) -> $repr {
                self.0
            }

            /// The next one, or `None` at the end of the range.
            pub fn next(self) -> Option<Self> {
                (self.0 < $max).then(|| Self(self.0 + 1))
            }

            /// This plus `n`, or the greatest value.
            #[must_use]
            pub fn saturating_add(self, n: $repr) -> Self {
                Self(self.0.saturating_add(n).min($max))
            }

            /// This minus `n`, or the least value.
            #[must_use]
            pub fn saturating_sub(self, n: $repr) -> Self {
                Self(self.0.saturating_sub(n).max($min))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                if f.alternate() {
                    write!(f, concat!("{:0", $digits, "}"), self.0)
                } else {
                    write!(f, "{}", self.0)
                }
            }
        }

        impl TryFrom<u64> for $name {
            type Error = Error;
            fn try_from(number: u64) -> Result<Self> {
                Self::new(number)
            }
        }

        impl From<$name> for u64 {
            fn from(number: $name) -> Self {
                Self::from(number.0)
            }
        }

        impl FromStr for $name {
            type Err = Error;
            fn from_str(text: &str) -> Result<Self> {
                if text.is_empty() || !text.bytes().all(|b| b.is_ascii_digit()) {
                    return Err(Error::invalid(format!(concat!("`{}` is not ", $word), text)));
                }
                let number = text.parse().map_err(|e| {
                    Error::invalid(format!(concat!("`{}` is not ", $word), text)).with_source(e)
                })?;
                Self::new(number)
            }
        }
    };
}

number! {
    /// The name of an update object: milliseconds since 1970 UTC, or 1, 2, 3 … in a sequenced space.
    /// `{:#}` prints the 13 digits of the object's path.
    Key(u64), digits "13", min 0, max KEY_MAX, "a key"
}
number! {
    /// An author's own counter within a space: 1, 2, 3 …
    Seq(u64), digits "1", min 1, max 9_007_199_254_740_991, "a seq"
}
number! {
    /// The number of a segment or snapshot: 1, 2, 3 …; 0 stands for "before the first segment".
    /// `{:#}` prints the 10 digits of the object's path.
    Generation(u64), digits "10", min 0, max GENERATION_MAX, "a generation"
}
/// Which history of a space: its number 1, 2, 3 …, and 64 random bits, so that no two attempts at an epoch ever share a
/// folder: what is deleted, or lands, late for the one never touches the other. Its one text form is
/// `0001-9f3c1e7a2b4d5c60`, in paths and in JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Epoch {
    number: u32,
    id: u64,
}

impl Epoch {
    /// The least value: a first epoch, for tests and vectors.
    pub const MIN: Self = Self { number: 1, id: 0 };

    /// Checks the range of the number.
    ///
    /// # Errors
    /// `Invalid` when the number is out of range.
    pub fn new(number: u32, id: u64) -> Result<Self> {
        if (1..=EPOCH_MAX).contains(&number) {
            Ok(Self { number, id })
        } else {
            Err(Error::invalid(format!(
                "{number} is out of range for the number of an epoch"
            )))
        }
    }

    /// A space's first epoch, with these random bits.
    pub const fn first(id: u64) -> Self {
        Self { number: 1, id }
    }

    /// The number, as people say it.
    pub const fn number(self) -> u32 {
        self.number
    }

    /// The next one, with these random bits, or `None` at the end of the range.
    pub fn next(self, id: u64) -> Option<Self> {
        let number = self.number + 1;
        (number <= EPOCH_MAX).then_some(Self { number, id })
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:016x}", self.number, self.id)
    }
}

impl FromStr for Epoch {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parse = || {
            let (number, id) = text.split_once('-')?;
            let epoch = Self::new(number.parse().ok()?, u64::from_str_radix(id, 16).ok()?).ok()?;
            // One spelling per epoch.
            (epoch.to_string() == text).then_some(epoch)
        };
        parse().ok_or_else(|| {
            Error::invalid(format!("`{text}` is not an epoch")).with_hint(
                "an epoch is its number and 16 hexadecimal digits, as in 0001-9f3c1e7a2b4d5c60",
            )
        })
    }
}

impl TryFrom<String> for Epoch {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<Epoch> for String {
    fn from(epoch: Epoch) -> Self {
        epoch.to_string()
    }
}

impl Generation {
    /// "Before the first segment".
    pub const ZERO: Self = Self(0);
}

impl Default for Generation {
    fn default() -> Self {
        Self::ZERO
    }
}

impl Default for Key {
    fn default() -> Self {
        Self::MIN
    }
}

impl Seq {
    /// The first seq of an author.
    pub const FIRST: Self = Self(1);
}

/// `(author, seq)`: identifies an update for ever; the idempotency key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct UpdateId {
    /// Who wrote the update.
    pub author: Author,
    /// The author's own counter.
    pub seq: Seq,
}

impl fmt::Display for UpdateId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.author, self.seq)
    }
}

impl FromStr for UpdateId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let (author, seq) = text.split_once(':').ok_or_else(|| {
            Error::invalid(format!("`{text}` is not an update id"))
                .with_hint("an update id is AUTHOR:SEQ, as `icecore log` prints it")
        })?;
        Ok(Self {
            author: author.parse()?,
            seq: seq.parse()?,
        })
    }
}

/// Whether Windows takes a file of this name, with any extension, for a device: a store on a folder may lie on any system.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default();
    let numbered = |prefix: &str| {
        let number = stem.strip_prefix(prefix);
        number.is_some_and(|n| n.len() == 1 && n.bytes().all(|b| b.is_ascii_digit()))
    };
    matches!(stem, "con" | "prn" | "aux" | "nul") || numbered("com") || numbered("lpt")
}

/// The name of a space: 1–64 of `a-z 0-9 - _ .`, no dot at its ends, and no name of a device on Windows: `con`, `prn`,
/// `aux`, `nul`, `com0` to `com9`, `lpt0` to `lpt9`, alone or before a dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpaceName(String);

impl SpaceName {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SpaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SpaceName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let problem = if text.is_empty() {
            "is empty"
        } else if text.len() > SPACE_NAME_BYTES_MAX {
            "is longer than 64 bytes"
        } else if text.starts_with('.') {
            "starts with a dot"
        } else if !text
            .bytes()
            .all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.'))
        {
            "has a character other than a-z 0-9 - _ ."
        } else if text.ends_with('.') {
            "ends with a dot, which Windows leaves out"
        } else if is_device(text) {
            "is that of a device on Windows"
        } else {
            return Ok(Self(text.to_owned()));
        };
        Err(Error::invalid(format!("space name {text:?} {problem}"))
            .with_hint("a space name is 1 to 64 of a-z 0-9 - _ . with no dot at its ends, and no name of a device such as con or lpt1"))
    }
}

impl TryFrom<String> for SpaceName {
    type Error = Error;
    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<SpaceName> for String {
    fn from(name: SpaceName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_have_the_right_article() {
        let said = Epoch::new(0, 0).unwrap_err().to_string();
        assert_eq!(said, "0 is out of range for the number of an epoch");
        let said = "x".parse::<Key>().unwrap_err().to_string();
        assert_eq!(said, "`x` is not a key");
        let said = "x".parse::<Author>().unwrap_err().to_string();
        assert!(!said.contains("a author"), "{said}");
    }

    #[test]
    fn space_names_are_checked() {
        for good in [
            "a",
            "my-notes",
            "v1.2",
            "a_b",
            "console",
            "com",
            "lpt12",
            "my.con",
            &"x".repeat(64),
        ] {
            assert_eq!(good.parse::<SpaceName>().unwrap().as_str(), good);
        }
        for bad in [
            "",
            ".",
            "..",
            ".a",
            "a/b",
            "A",
            "a b",
            "a\nb",
            "ü",
            "a\0",
            "a\\b",
            "a.",
            "con",
            "nul.notes",
            "com1",
            "lpt0.a.b",
            &"x".repeat(65),
        ] {
            assert!(bad.parse::<SpaceName>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn numbers_print_at_fixed_width_and_refuse_what_does_not_fit() {
        assert_eq!(format!("{:#}", Key::new(42).unwrap()), "0000000000042");
        assert_eq!(format!("{:#}", Generation::new(7).unwrap()), "0000000007");
        assert!(Key::new(KEY_MAX + 1).is_err());
        assert!(Seq::new(0).is_err());
        assert!("+1".parse::<Key>().is_err());
        assert!("99999999999999999999".parse::<Key>().is_err());
        assert_eq!(Key::MAX.next(), None);
    }

    #[test]
    fn epochs_have_one_spelling_and_sort_by_number() {
        let epoch: Epoch = "0001-9f3c1e7a2b4d5c60".parse().unwrap();
        assert_eq!(
            (epoch.number(), epoch.to_string().as_str()),
            (1, "0001-9f3c1e7a2b4d5c60")
        );
        assert_eq!(
            serde_json::to_string(&epoch).unwrap(),
            "\"0001-9f3c1e7a2b4d5c60\""
        );
        assert!(epoch < epoch.next(0).unwrap() && Epoch::MIN < epoch);
        assert_eq!(Epoch::new(EPOCH_MAX, 7).unwrap().next(8), None);
        for bad in [
            "0001",
            "1",
            "0001-",
            "0000-9f3c1e7a2b4d5c60",
            "1-9f3c1e7a2b4d5c60",
            "10000-9f3c1e7a2b4d5c60",
            "0001-9F3C1E7A2B4D5C60",
            "0001-9f3c1e7a2b4d5c6",
            "0001-9f3c1e7a2b4d5c600",
            "0001-+f3c1e7a2b4d5c60",
            "+001-9f3c1e7a2b4d5c60",
            "0001_9f3c1e7a2b4d5c60",
        ] {
            assert!(bad.parse::<Epoch>().is_err(), "{bad}");
        }
        assert!(serde_json::from_str::<Epoch>("1").is_err());
    }

    #[test]
    fn authors_are_uuid_v7_with_one_spelling() {
        let author = Author::from_parts(1_700_000_000_000, u128::MAX);
        assert_eq!(author.to_string(), "018bcfe5-6800-7fff-bfff-ffffffffffff");
        assert_eq!(author.to_string().parse::<Author>().unwrap(), author);
        let upper = author.to_string().to_uppercase();
        assert!(upper.parse::<Author>().is_err() && upper.parse::<StoreId>().is_err());
        assert!(serde_json::from_str::<Author>(&format!("\"{upper}\"")).is_err());
        assert!(serde_json::from_str::<StoreId>(&format!("\"{{{author}}}\"")).is_err());
        let id: UpdateId = format!("{author}:3").parse().unwrap();
        assert_eq!(id.to_string(), format!("{author}:3"));
    }
}
