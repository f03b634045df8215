//! What the events of a chat make: people, conversations, and what was said in them.

use crate::id::{ConversationId, EventId, TemporaryId, UserId};
use crate::png::Picture;
use crate::update::{Effect, Update};
use icecore::{Key, Meta, Model, RawValue, Rejected, UpdateId, message};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Somebody who ever did something in the chat.
// The fields stand in the order of their names, as in canonical JSON.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    /// The name, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The picture, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub picture: Option<Picture>,
}

/// The name of a conversation, who gave it, and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Named {
    /// When, by the clock of who gave it, RFC 3339.
    pub at: String,
    /// Who gave it.
    pub by: UserId,
    /// The name.
    pub name: String,
}

/// A conversation.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversation {
    /// Who ever joined or left it, and whether they are in it now.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<UserId, bool>,
    /// In canonical order: the same on every replica, and each author's in the author's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// Its name, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub named: Option<Named>,
}

/// One message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// When it was said by its author's clock, RFC 3339.
    pub at: String,
    /// The update that carries it: its author, and the author's own counter.
    pub id: UpdateId,
    /// The name of who said it when it was said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it waits in this device's queue.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub sending: bool,
    /// What its sender called it before it was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temporary: Option<TemporaryId>,
    /// What was said.
    pub text: String,
    /// Who said it, where the device is not a user of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<UserId>,
}

impl Message {
    /// Who said it.
    pub fn user(&self) -> UserId {
        let user = self.user.clone();
        user.unwrap_or_else(|| self.id.author.into())
    }

    /// What its author was called when it was said.
    pub fn by(&self) -> String {
        let name = self.name.clone();
        name.unwrap_or_else(|| self.user().nameless())
    }

    /// Its final id.
    pub fn event(&self) -> EventId {
        match &self.temporary {
            None => EventId::of_update(self.id),
            Some(temporary) => EventId::of_message(&self.user(), temporary),
        }
    }
}

/// How far a message is, as a person sees it in its row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Progress<'a> {
    /// In this device's queue.
    Sending,
    /// Stored, and nobody else is known to have read it.
    Sent,
    /// These have read it.
    Read(Vec<&'a UserId>),
}

/// A chat.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct State {
    /// Every conversation in which something happened.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub conversations: BTreeMap<ConversationId, Conversation>,
    /// The events that clients had ids for: each counts once.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub given: BTreeSet<EventId>,
    /// Who has read which message, and when. The message may come later.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub reads: BTreeMap<EventId, BTreeMap<UserId, String>>,
    /// Everybody.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub users: BTreeMap<UserId, User>,
}

impl State {
    /// What to call somebody: the name, or the end of the id where there is none.
    pub fn name_of(&self, user: &UserId) -> String {
        let name = self.users.get(user).and_then(|user| user.name.clone());
        name.unwrap_or_else(|| user.nameless())
    }

    /// What a conversation is called, if it is.
    pub fn title_of(&self, conversation: &ConversationId) -> Option<&str> {
        let conversation = self.conversations.get(conversation)?;
        conversation.named.as_ref().map(|named| named.name.as_str())
    }

    /// The messages of a conversation.
    pub fn messages_in(&self, conversation: &ConversationId) -> &[Message] {
        let conversation = self.conversations.get(conversation);
        conversation.map_or(&[], |conversation| &conversation.messages)
    }

    /// All messages, conversation by conversation.
    pub fn messages(&self) -> impl Iterator<Item = &Message> {
        self.conversations.values().flat_map(|c| &c.messages)
    }

    /// How far a message is.
    pub fn progress_of(&self, message: &Message) -> Progress<'_> {
        if message.sending {
            return Progress::Sending;
        }
        let author = message.user();
        let reads = self.reads.get(&message.event());
        let readers = reads.into_iter().flat_map(BTreeMap::keys);
        let others: Vec<_> = readers.filter(|reader| **reader != author).collect();
        if others.is_empty() {
            Progress::Sent
        } else {
            Progress::Read(others)
        }
    }

    /// What others said in a conversation and a person has not read.
    pub fn unread(&self, conversation: &ConversationId, by: &UserId) -> Vec<EventId> {
        let messages = self.messages_in(conversation).iter();
        let of_others = messages.filter(|message| message.user() != *by);
        let has_read = |event: &EventId| self.reads.get(event).is_some_and(|r| r.contains_key(by));
        of_others
            .map(Message::event)
            .filter(|event| !has_read(event))
            .collect()
    }

    /// Whether an event of a given id is stored, or waits here.
    pub fn holds(&self, update: &Update, event: EventId) -> bool {
        match update {
            Update::Read { message, .. } => {
                let readers = self.reads.get(message).into_iter().flat_map(BTreeMap::keys);
                let mut readings = readers.map(|reader| EventId::of_reading(reader, *message));
                readings.any(|reading| reading == event)
            }
            _ => self.given.contains(&event),
        }
    }
}

/// The model `chat`. Nothing that one person does can contradict what another one does, so a space of it needs no
/// conflicts and takes updates in any order of arrival: `Order::Timestamp`. Of two new names the one counts that stands
/// later in the canonical order.
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
        // Checked as a whole before anything changes: a rejected update makes nobody a user.
        let effect = Effect::of(&update)?;
        let (author, seq) = (meta.author, meta.seq);
        let id = UpdateId { author, seq };
        let stamp = update.stamp();
        if stamp.temporary.is_some() && !state.given.insert(update.event(id)) {
            // Stored twice, by two servers of which one did not answer: it happened once.
            return Ok(());
        }
        let by = update.user(author);
        let user = state.users.entry(by.clone()).or_default();
        match effect {
            Effect::Said(conversation, text) => {
                let message = Message {
                    at: meta.at.to_owned(),
                    id,
                    name: user.name.clone(),
                    sending: meta.key == Key::MAX,
                    temporary: stamp.temporary.clone(),
                    text: text.to_owned(),
                    user: stamp.user.clone(),
                };
                state.conversation(conversation).messages.push(message);
            }
            Effect::WasRead(message) => {
                let reads = state.reads.entry(message).or_default();
                reads.entry(by).or_insert_with(|| meta.at.to_owned());
            }
            Effect::Named(name) => user.name = Some(name.to_owned()),
            Effect::Pictured(picture) => user.picture = Some(picture),
            Effect::Came(conversation) => {
                state.conversation(conversation).members.insert(by, true);
            }
            Effect::Went(conversation) => {
                state.conversation(conversation).members.insert(by, false);
            }
            Effect::Renamed(conversation, name) => {
                state.conversation(conversation).named = Some(Named {
                    at: meta.at.to_owned(),
                    by,
                    name: name.to_owned(),
                });
            }
        }
        Ok(())
    }
}

impl State {
    fn conversation(&mut self, id: &ConversationId) -> &mut Conversation {
        self.conversations.entry(id.clone()).or_default()
    }
}

#[cfg(test)]
mod tests;
