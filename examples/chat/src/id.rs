//! What users, conversations and events are called.

use crate::digest::digest;
use icecore::{Author, Error, Result, UpdateId};
use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use uuid::{Builder, Uuid};

/// The longest id that somebody else makes: a UUID has 36 characters.
pub const ID_BYTES_MAX: usize = 64;

/// An id that clients make: a UUID, or any other short text. It is kept to the letter, because one client writes UUIDs
/// with capital letters, another does not, and each wants to find its own again.
macro_rules! text_id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self> {
                if is_id(text) {
                    return Ok(Self(text.to_owned()));
                }
                let begin: String = text.chars().take(ID_BYTES_MAX).collect();
                Err(Error::invalid(format!("{begin:?} is no id of {}", $what))
                    .with_hint("an id is a UUID, or 1 to 64 other characters of a-z A-Z 0-9 - _ . :"))
            }
        }

        impl TryFrom<String> for $name {
            type Error = Error;

            fn try_from(text: String) -> Result<Self> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

text_id! {
    /// Who: a person, on whichever device. A device that is told no user is one of its own: its author.
    UserId, "a user"
}
text_id! {
    /// Where something is said.
    ConversationId, "a conversation"
}
text_id! {
    /// What a client calls an event before it is stored: of a message, the sender's temporary id. An event that is sent
    /// again is known by it.
    TemporaryId, "an event"
}

fn is_id(text: &str) -> bool {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:".contains(&byte);
    (1..=ID_BYTES_MAX).contains(&text.len()) && text.bytes().all(is_fine)
}

impl From<Author> for UserId {
    fn from(author: Author) -> Self {
        Self(author.to_string())
    }
}

impl UserId {
    /// What to call somebody without a name: an id begins with the time and ends with what tells two apart.
    pub fn nameless(&self) -> String {
        self.0.rsplit('-').next().unwrap_or_default().to_owned()
    }
}

impl Default for ConversationId {
    /// The conversation that every chat begins with.
    fn default() -> Self {
        Self(Uuid::nil().to_string())
    }
}

impl ConversationId {
    /// Whether it is the one that every chat begins with.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// An id for a new one. Whoever makes two at the same time and calls them the same makes one.
    pub fn new(author: Author, now: i64, name: &str) -> Self {
        let parts = ["conversation", &author.to_string(), &now.to_string(), name];
        Self(uuid_of(&parts).to_string())
    }
}

/// The id of a stored event, of a message its final one.
///
/// It follows from the event itself, so every device and every server makes the same of it, and an event that was stored
/// twice, by two servers of which one did not answer, is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EventId(Uuid);

impl EventId {
    /// Of an update that no client called anything: its own id is final from the start.
    pub fn of_update(id: UpdateId) -> Self {
        Self(uuid_of(&["update", &id.to_string()]))
    }

    /// Of a message that its sender called so. Two senders may use the same text.
    pub fn of_message(user: &UserId, temporary: &TemporaryId) -> Self {
        Self(uuid_of(&["message", &user.0, &temporary.0]))
    }

    /// Of anything else that a client called so.
    pub fn of_event(user: &UserId, temporary: &TemporaryId) -> Self {
        Self(uuid_of(&["event", &user.0, &temporary.0]))
    }

    /// Of a person's reading a message: that happens once, whoever tells it.
    pub fn of_reading(user: &UserId, message: Self) -> Self {
        Self(uuid_of(&["read", &user.0, &message.to_string()]))
    }
}

impl fmt::Display for EventId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for EventId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let begin = || text.chars().take(ID_BYTES_MAX).collect::<String>();
        Uuid::try_parse(text).map(Self).map_err(|e| {
            Error::invalid(format!("{:?} is not the uuid of a stored event", begin()))
                .with_hint("send the uuid that the server gave it, e.g. 5f0c6f2e-8d0b-8c0e-9a57-0d3f1c1b2a49")
                .with_source(e)
        })
    }
}

/// A UUID of version 8 (RFC 9562, 5.8) from some texts, none of which holds a line feed.
fn uuid_of(parts: &[&str]) -> Uuid {
    let digest = digest(parts.join("\n").as_bytes());
    let (first, _) = digest
        .split_first_chunk::<16>()
        .expect("BUG: a SHA-256 has 32 bytes");
    Builder::from_custom_bytes(*first).into_uuid()
}

#[cfg(test)]
mod tests {
    use super::*;
    use icecore::Seq;

    #[test]
    fn an_id_is_kept_to_the_letter() {
        for text in ["7F0C-a.b_c:d", "0", &"x".repeat(64)] {
            assert_eq!(text.parse::<UserId>().unwrap().to_string(), text);
        }
        for text in ["", "a b", "a\nb", "é", "../x", &"x".repeat(65)] {
            let error = text.parse::<TemporaryId>().unwrap_err();
            assert!(error.hint().is_some(), "{text:?}");
        }
        assert!(serde_json::from_str::<UserId>("\"a b\"").is_err());
    }

    #[test]
    fn what_an_event_is_called_follows_from_what_it_is() {
        let user = |text: &str| text.parse::<UserId>().unwrap();
        let temporary = |text: &str| text.parse::<TemporaryId>().unwrap();
        let id = |seq| UpdateId {
            author: Author::from_parts(1, 2),
            seq: Seq::new(seq).unwrap(),
        };
        let message = EventId::of_message(&user("ada"), &temporary("1"));
        let ids = [
            message,
            EventId::of_message(&user("bo"), &temporary("1")),
            EventId::of_message(&user("ada"), &temporary("2")),
            EventId::of_event(&user("ada"), &temporary("1")),
            EventId::of_update(id(1)),
            EventId::of_update(id(2)),
            EventId::of_reading(&user("ada"), message),
            EventId::of_reading(&user("bo"), message),
        ];
        let different: std::collections::BTreeSet<_> = ids.iter().collect();
        assert_eq!(different.len(), ids.len());
        assert_eq!(message, EventId::of_message(&user("ada"), &temporary("1")));
        assert_eq!(message.to_string().parse::<EventId>().unwrap(), message);
        // The version says that it is of nobody else's making.
        assert_eq!(message.to_string().as_bytes()[14], b'8');
        for text in [
            "",
            "1",
            "5f0c6f2e-8d0b-8c0e-9a57-0d3f1c1b2a4",
            &"x".repeat(1000),
        ] {
            assert!(text.parse::<EventId>().unwrap_err().to_string().len() < 150);
        }
    }

    #[test]
    fn a_new_conversation_has_an_id_of_its_own() {
        let author = Author::from_parts(1, 2);
        let new = |now, name| ConversationId::new(author, now, name);
        assert_eq!(new(1, "Trip"), new(1, "Trip"));
        assert!(new(1, "Trip") != new(2, "Trip") && new(1, "Trip") != new(1, "Trap"));
        assert!(ConversationId::default().is_default() && !new(1, "Trip").is_default());
    }
}
