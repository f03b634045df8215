//! What can happen in a chat.

use crate::id::{ConversationId, EventId, TemporaryId, UserId};
use crate::png::{PNG_BYTES_MAX, Picture};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use icecore::{Author, Rejected, UpdateId};
use serde::{Deserialize, Serialize};

/// The longest message: a page, not a book.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;
/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 64;

/// What may stand beside every event: what is left out is what it mostly is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    /// What the client called it that sent it to a server: sent again, it is still one. A replica's own update has an id
    /// from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporary: Option<TemporaryId>,
    /// Who did it; left out where the device is a user of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

/// Everything that can happen. When it happened stands beside it, in every update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Update {
    /// A message.
    Say {
        /// Where.
        #[serde(default, skip_serializing_if = "ConversationId::is_default")]
        conversation: ConversationId,
        /// What was said.
        text: String,
        /// By whom.
        #[serde(flatten)]
        stamp: Stamp,
    },
    /// Somebody has read a message.
    Read {
        /// The message's final id.
        message: EventId,
        /// Who has.
        #[serde(flatten)]
        stamp: Stamp,
    },
    /// A new name of a person; earlier messages keep the old one.
    Name {
        /// The name.
        name: String,
        /// Whose.
        #[serde(flatten)]
        stamp: Stamp,
    },
    /// A new picture.
    Picture {
        /// A PNG as base64.
        png: String,
        /// Whose.
        #[serde(flatten)]
        stamp: Stamp,
    },
    /// Came into a conversation.
    Join {
        /// Where.
        #[serde(default, skip_serializing_if = "ConversationId::is_default")]
        conversation: ConversationId,
        /// Who.
        #[serde(flatten)]
        stamp: Stamp,
    },
    /// Went out of it.
    Leave {
        /// Where.
        #[serde(default, skip_serializing_if = "ConversationId::is_default")]
        conversation: ConversationId,
        /// Who.
        #[serde(flatten)]
        stamp: Stamp,
    },
    /// A new name of a conversation. The first one makes it.
    Rename {
        /// Which.
        #[serde(default, skip_serializing_if = "ConversationId::is_default")]
        conversation: ConversationId,
        /// The name.
        name: String,
        /// Who renamed it.
        #[serde(flatten)]
        stamp: Stamp,
    },
}

impl Update {
    /// A message in the conversation that every chat begins with.
    pub fn say(text: impl Into<String>) -> Self {
        Self::say_in(ConversationId::default(), text)
    }

    /// A message.
    pub fn say_in(conversation: ConversationId, text: impl Into<String>) -> Self {
        let (text, stamp) = (text.into(), Stamp::default());
        Self::Say {
            conversation,
            text,
            stamp,
        }
    }

    /// A message was read.
    pub fn read(message: EventId) -> Self {
        let stamp = Stamp::default();
        Self::Read { message, stamp }
    }

    /// A new name of a person.
    pub fn name(name: impl Into<String>) -> Self {
        let (name, stamp) = (name.into(), Stamp::default());
        Self::Name { name, stamp }
    }

    /// A picture from a file's bytes.
    pub fn picture(png: &[u8]) -> Self {
        let (png, stamp) = (BASE64.encode(png), Stamp::default());
        Self::Picture { png, stamp }
    }

    /// Came in.
    pub fn join(conversation: ConversationId) -> Self {
        let stamp = Stamp::default();
        Self::Join {
            conversation,
            stamp,
        }
    }

    /// Went out.
    pub fn leave(conversation: ConversationId) -> Self {
        let stamp = Stamp::default();
        Self::Leave {
            conversation,
            stamp,
        }
    }

    /// A new name of a conversation.
    pub fn rename(conversation: ConversationId, name: impl Into<String>) -> Self {
        let (name, stamp) = (name.into(), Stamp::default());
        Self::Rename {
            conversation,
            name,
            stamp,
        }
    }

    /// The same, of a user who is not the device's own.
    #[must_use]
    pub fn by(mut self, user: Option<UserId>) -> Self {
        self.stamp_mut().user = user;
        self
    }

    /// The same, as a client called it.
    #[must_use]
    pub fn called(mut self, temporary: Option<TemporaryId>) -> Self {
        self.stamp_mut().temporary = temporary;
        self
    }

    /// What stands beside every event.
    pub fn stamp(&self) -> &Stamp {
        match self {
            Self::Say { stamp, .. }
            | Self::Read { stamp, .. }
            | Self::Name { stamp, .. }
            | Self::Picture { stamp, .. }
            | Self::Join { stamp, .. }
            | Self::Leave { stamp, .. }
            | Self::Rename { stamp, .. } => stamp,
        }
    }

    fn stamp_mut(&mut self) -> &mut Stamp {
        match self {
            Self::Say { stamp, .. }
            | Self::Read { stamp, .. }
            | Self::Name { stamp, .. }
            | Self::Picture { stamp, .. }
            | Self::Join { stamp, .. }
            | Self::Leave { stamp, .. }
            | Self::Rename { stamp, .. } => stamp,
        }
    }

    /// Who did it, where `author` wrote it.
    pub fn user(&self, author: Author) -> UserId {
        let user = self.stamp().user.clone();
        user.unwrap_or_else(|| author.into())
    }

    /// The id of the event that it is, where that does not depend on the update that carries it: then it is one event,
    /// however often it is stored.
    pub fn given_event(&self, author: Author) -> Option<EventId> {
        let user = || self.user(author);
        match (self, &self.stamp().temporary) {
            (Self::Read { message, .. }, _) => Some(EventId::of_reading(&user(), *message)),
            (_, None) => None,
            (Self::Say { .. }, Some(temporary)) => Some(EventId::of_message(&user(), temporary)),
            (_, Some(temporary)) => Some(EventId::of_event(&user(), temporary)),
        }
    }

    /// The id of the event that it is, where `id` is that of the update.
    pub fn event(&self, id: UpdateId) -> EventId {
        let given = self.given_event(id.author);
        given.unwrap_or_else(|| EventId::of_update(id))
    }

    /// Whether it can be part of a chat: decided by itself alone, whatever came before.
    ///
    /// # Errors
    /// The field that is wrong, and why.
    pub fn check(&self) -> Result<(), Rejected> {
        Effect::of(self).map(drop)
    }
}

/// What an update that is as it has to be does.
pub(crate) enum Effect<'a> {
    Said(&'a ConversationId, &'a str),
    WasRead(EventId),
    Named(&'a str),
    Pictured(Picture),
    Came(&'a ConversationId),
    Went(&'a ConversationId),
    Renamed(&'a ConversationId, &'a str),
}

impl<'a> Effect<'a> {
    pub(crate) fn of(update: &'a Update) -> Result<Self, Rejected> {
        match update {
            Update::Say {
                conversation, text, ..
            } => check_text(text).map(|()| Self::Said(conversation, text)),
            Update::Read { message, .. } => Ok(Self::WasRead(*message)),
            Update::Name { name, .. } => {
                check_name("name.name", name).map(|()| Self::Named(name.as_str()))
            }
            Update::Picture { png, .. } => read_picture(png).map(Self::Pictured),
            Update::Join { conversation, .. } => Ok(Self::Came(conversation)),
            Update::Leave { conversation, .. } => Ok(Self::Went(conversation)),
            Update::Rename {
                conversation, name, ..
            } => check_name("rename.name", name).map(|()| Self::Renamed(conversation, name)),
        }
    }
}

fn check_text(text: &str) -> Result<(), Rejected> {
    if text.trim().is_empty() {
        return Err(Rejected::new("say.text is empty"));
    }
    if text.len() > TEXT_BYTES_MAX {
        return Err(Rejected::new(format!(
            "say.text has {} bytes, at most {TEXT_BYTES_MAX} are allowed",
            text.len()
        )));
    }
    Ok(())
}

fn check_name(field: &str, name: &str) -> Result<(), Rejected> {
    let reason = if name.trim().is_empty() {
        "is empty".to_owned()
    } else if name.trim() != name {
        "begins or ends with a blank".to_owned()
    } else if name.chars().any(char::is_control) {
        "has a control character".to_owned()
    } else if name.chars().count() > NAME_CHARS_MAX {
        format!("has more than {NAME_CHARS_MAX} characters")
    } else {
        return Ok(());
    };
    Err(Rejected::new(format!("{field} {reason}")))
}

fn read_picture(base64: &str) -> Result<Picture, Rejected> {
    let rejected = |reason: String| Rejected::new(format!("picture.png is refused: {reason}"));
    // Looked at first: what is much too long is not even unpacked.
    if base64.len() > PNG_BYTES_MAX * 2 {
        let kib = PNG_BYTES_MAX / 1024;
        return Err(rejected(format!("it has more than {kib} KiB")));
    }
    let png = BASE64
        .decode(base64)
        .map_err(|_| rejected("it is not base64".to_owned()))?;
    Picture::of(&png).map_err(rejected)
}
