//! What a keyring must look like before anything in it is believed.

use super::{HolderKind, Keyring};
use crate::error::KeyringError;
use crate::keys::KeyNumber;
use std::collections::BTreeSet;

/// So many space keys a keyring can have: a new one each day for almost three years. Each takes 48 characters for each
/// holder.
pub const KEYS_MAX: usize = 1000;

/// So many holders a keyring can have: opening it and wrapping for all stays below a second.
pub const HOLDERS_MAX: usize = 1000;

/// So many holders can have a passphrase: all may have to be tried.
pub const PASSPHRASES_MAX: usize = 16;

/// So many characters the name of a holder can have.
pub const NAME_CHARS_MAX: usize = 64;

/// The greatest number that every reader of JSON takes.
const VERSION_MAX: u64 = (1 << 53) - 1;

/// Times are only shown: this is the length of the longest that anybody writes.
const TIME_CHARS_MAX: usize = 40;

impl Keyring {
    /// Whether limits are kept, keys are numbered without a gap, and no two holders are alike.
    pub(super) fn check_form(&self) -> Result<(), KeyringError> {
        let wrong = |what| Err(KeyringError::Changed(what));
        if self.version < 1 || self.version > VERSION_MAX {
            return wrong("its version");
        }
        if self.keys.is_empty() || self.keys.len() > KEYS_MAX {
            return wrong("the number of keys");
        }
        let numbers = (0..self.keys.len()).map(KeyNumber::of_index);
        if !self.keys.iter().map(|key| key.number).eq(numbers) {
            return wrong("the numbers of its keys");
        }
        if self.holders.is_empty() || self.holders.len() > HOLDERS_MAX {
            return wrong("the number of holders");
        }
        let (mut names, mut publics) = (BTreeSet::new(), BTreeSet::new());
        for holder in &self.holders {
            if !names.insert(&holder.name) || check_name(&holder.name).is_err() {
                return wrong("the names of its holders");
            }
            if !publics.insert(holder.public) {
                return wrong("two holders with one public key");
            }
        }
        Ok(())
    }

    /// Whether a holder of this name and kind can come to those there are.
    pub(super) fn check_room(&self, name: &str, has_passphrase: bool) -> Result<(), KeyringError> {
        check_name(name)?;
        if self.holder(name).is_some() {
            return Err(KeyringError::NameTaken(name.to_owned()));
        }
        if self.holders.len() >= HOLDERS_MAX {
            return Err(KeyringError::Invalid("the keyring has 1,000 holders"));
        }
        let others = self.holders.iter().filter(|h| h.kind != HolderKind::Member);
        if has_passphrase && others.count() >= PASSPHRASES_MAX {
            return Err(KeyringError::Invalid("the keyring has 16 passphrases"));
        }
        Ok(())
    }

    pub(super) fn next_version(&self) -> Result<u64, KeyringError> {
        let next = self.version + 1;
        if next > VERSION_MAX {
            return Err(KeyringError::Invalid("the keyring has no more versions"));
        }
        Ok(next)
    }
}

/// A name is shown to people who decide by it whom to trust: nothing in it is invisible.
fn check_name(name: &str) -> Result<(), KeyringError> {
    let invalid = |what| Err(KeyringError::Invalid(what));
    if name.is_empty() || name.chars().count() > NAME_CHARS_MAX {
        return invalid("the name of a holder has 1 to 64 characters");
    }
    if name.trim() != name {
        return invalid("the name of a holder has no blank at its ends");
    }
    if name.chars().any(is_invisible) {
        return invalid("the name of a holder has a character that does not show");
    }
    Ok(())
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || (c.is_whitespace() && c != ' ')
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// RFC 3339 is the caller's matter; what cannot be shown is not taken.
pub(super) fn check_time(at: &str) -> Result<(), KeyringError> {
    let is_shown = at.bytes().all(|byte| byte.is_ascii_graphic());
    if at.is_empty() || at.len() > TIME_CHARS_MAX || !is_shown {
        return Err(KeyringError::Invalid("this is not a time of RFC 3339"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_short_and_can_be_seen() {
        let longest = "ü".repeat(64);
        for name in [
            "a",
            "Ada Lovelace",
            "ada@example.org",
            "名前",
            "\"",
            &longest,
        ] {
            assert_eq!(check_name(name), Ok(()), "{name}");
        }
        let too_long = "a".repeat(65);
        for name in [
            "",
            " ",
            "a ",
            "\ta",
            "a\nb",
            "a\u{a0}b",
            "a\u{200b}",
            "a\u{202e}b",
            "\0",
            &too_long,
        ] {
            assert!(check_name(name).is_err(), "{name:?}");
        }
    }

    #[test]
    fn times_can_be_shown() {
        for at in [
            "2026-11-21T12:00:00Z",
            "2026-11-21T12:00:00.123456789+01:00",
        ] {
            assert_eq!(check_time(at), Ok(()));
        }
        for at in ["", "2026-11-21 12:00", "2026\n", &"0".repeat(41)] {
            assert!(check_time(at).is_err());
        }
    }
}
