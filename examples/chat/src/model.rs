//! What happens in a chat, and what it makes of it.

use crate::png::{PNG_BYTES_MAX, Picture};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use icecore::{Author, Meta, Model, RawValue, Rejected, UpdateId, message};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The longest message: a page, not a book.
pub const TEXT_BYTES_MAX: usize = 8 * 1024;
/// The longest name, in characters.
pub const NAME_CHARS_MAX: usize = 64;

/// Everything that can happen. Who did it and when stand beside it, in every update.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub enum Update {
    /// A message.
    Say {
        /// What was said.
        text: String,
    },
    /// A new name; earlier messages keep the old one.
    Name {
        /// The name.
        name: String,
    },
    /// A new picture.
    Picture {
        /// A PNG as base64.
        png: String,
    },
    /// Came in.
    Join,
    /// Went out.
    Leave,
}

impl Update {
    /// A message.
    pub fn say(text: impl Into<String>) -> Self {
        Self::Say { text: text.into() }
    }

    /// A new name.
    pub fn name(name: impl Into<String>) -> Self {
        Self::Name { name: name.into() }
    }

    /// A picture from a file's bytes.
    pub fn picture(png: &[u8]) -> Self {
        Self::Picture {
            png: BASE64.encode(png),
        }
    }
}

/// Somebody who ever did something in the chat.
// The fields stand in the order of their names, as in canonical JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    /// Joined, and has not left since.
    pub joined: bool,
    /// The name, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The picture, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// When it was said by its author's clock, RFC 3339.
    pub at: String,
    /// Who said it, and the author's own counter: the same message on every replica.
    pub id: UpdateId,
    /// The author's name when it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What was said.
    pub text: String,
}

/// A chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// By author: a person has one on each device.
    pub members: BTreeMap<Author, Member>,
    /// In canonical order: the same on every replica, and each author's in the author's order.
    pub messages: Vec<Message>,
}

impl State {
    /// What to call an author: the name, or the end of the id where there is none.
    pub fn name_of(&self, author: Author) -> String {
        let name = self
            .members
            .get(&author)
            .and_then(|member| member.name.clone());
        name.unwrap_or_else(|| nameless(author))
    }
}

impl Message {
    /// What the author was called when it was said.
    pub fn by(&self) -> String {
        self.name
            .clone()
            .unwrap_or_else(|| nameless(self.id.author))
    }
}

/// What to call an author without a name: an id begins with the time and ends with what tells two apart.
pub fn nameless(author: Author) -> String {
    let id = author.to_string();
    id.rsplit('-').next().unwrap_or_default().to_owned()
}

/// The model `chat`. Nothing that one person does can contradict what another one does, so a space of it needs no
/// conflicts and takes updates in any order of arrival: `Order::Timestamp`.
#[derive(Debug, Clone, Copy, Default)]
pub struct Chat;

impl Model for Chat {
    type State = State;
    type Update = Update;

    fn name(&self) -> &'static str {
        "chat"
    }

    fn version(&self) -> u32 {
        1
    }

    fn initial(&self) -> State {
        State::default()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Update, Rejected> {
        message::decode(kind, data)
    }

    fn apply(&self, state: &mut State, update: Update, meta: &Meta<'_>) -> Result<(), Rejected> {
        // Checked as a whole before anything changes: a rejected update makes nobody a member.
        let checked = Checked::of(update)?;
        let member = state.members.entry(meta.author).or_default();
        match checked {
            Checked::Said(text) => state.messages.push(Message {
                at: meta.at.to_owned(),
                id: UpdateId {
                    author: meta.author,
                    seq: meta.seq,
                },
                name: member.name.clone(),
                text,
            }),
            Checked::Named(name) => member.name = Some(name),
            Checked::Pictured(picture) => member.picture = Some(picture),
            Checked::Came => member.joined = true,
            Checked::Went => member.joined = false,
        }
        Ok(())
    }
}

/// An update that can be applied.
enum Checked {
    Said(String),
    Named(String),
    Pictured(Picture),
    Came,
    Went,
}

impl Checked {
    fn of(update: Update) -> Result<Self, Rejected> {
        match update {
            Update::Say { text } if text.trim().is_empty() => {
                Err(Rejected::new("say.text is empty"))
            }
            Update::Say { text } if text.len() > TEXT_BYTES_MAX => Err(Rejected::new(format!(
                "say.text has {} bytes, at most {TEXT_BYTES_MAX} are allowed",
                text.len()
            ))),
            Update::Say { text } => Ok(Self::Said(text)),
            Update::Name { name } => check_name(&name).map(|()| Self::Named(name)),
            Update::Picture { png } => read_picture(&png).map(Self::Pictured),
            Update::Join => Ok(Self::Came),
            Update::Leave => Ok(Self::Went),
        }
    }
}

fn check_name(name: &str) -> Result<(), Rejected> {
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
    Err(Rejected::new(format!("name.name {reason}")))
}

fn read_picture(base64: &str) -> Result<Picture, Rejected> {
    let rejected = |reason: String| Rejected::new(format!("picture.png is refused: {reason}"));
    // Looked at first: what is much too long is not even unpacked.
    if base64.len() > PNG_BYTES_MAX * 2 {
        return Err(rejected(format!("it has more than {PNG_BYTES_MAX} bytes")));
    }
    let png = BASE64
        .decode(base64)
        .map_err(|_| rejected("it is not base64".to_owned()))?;
    Picture::of(&png).map_err(rejected)
}

#[cfg(test)]
mod tests;
