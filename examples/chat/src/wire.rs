//! The events of a chat as clients see them that speak no icecore: protobuf messages in their JSON form.
//!
//! ```
//! use icecore_example_chat::wire::Event;
//!
//! let text = r#"{"sendingNewMessage":{"coredataLocalUuid":"7F0C","message":{"text":"hi"}}}"#;
//! let event: Event = serde_json::from_str(text).unwrap();
//! assert_eq!(serde_json::to_string(&event).unwrap(), text);
//! ```
//!
//! What that form leaves open is as its specification has it: a member that is missing, or null, has the default value,
//! and one that has it is left out; bytes are base64 of either alphabet; times are RFC 3339. What is not known is refused:
//! nothing that somebody wrote is dropped in silence.

use crate::id::{EventId, UserId};
use crate::update::Update;
use base64::Engine as _;
use base64::alphabet;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use icecore::{UpdateId, time};
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something that happens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// On the way up, what the client calls it; on the way down, that of the stored event.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub uuid: String,
    /// What happens.
    #[serde(flatten)]
    pub content: Content,
}

/// What happens: exactly one of these members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub enum Content {
    /// Somebody has a new picture.
    ProfilePictureChanged(ProfilePictureChanged),
    /// Somebody has a new name.
    DisplayNameChanged(DisplayNameChanged),
    /// A conversation has a new name.
    ConversationNameChanged(ConversationNameChanged),
    /// Somebody came into a conversation.
    ConversationJoined(Membership),
    /// Somebody went out of it.
    ConversationLeft(Membership),
    /// A message, as its sender sends it.
    SendingNewMessage(SendingNewMessage),
    /// A message is stored: what its sender is told.
    SentNewMessage(ById),
    /// Somebody has read a message.
    ReadNewMessage(ReadNewMessage),
    /// A message, as everybody gets it.
    NewMessage(NewMessage),
}

/// Somebody has a new picture.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ProfilePictureChanged {
    /// Who.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub user_uuid: String,
    /// A PNG.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "Base64::is_empty"
    )]
    pub png_image: Base64,
}

/// Somebody has a new name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct DisplayNameChanged {
    /// Who.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub user_uuid: String,
    /// The name.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub new_name: String,
}

/// A conversation has a new name; the first one makes it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ConversationNameChanged {
    /// Which.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub conversation_uuid: String,
    /// The name.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub new_name: String,
    /// Who renamed it.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub author_uuid: String,
    /// When.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occured_at: Option<Timestamp>,
}

/// Somebody came into a conversation, or went out of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Membership {
    /// Which.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub conversation_uuid: String,
    /// Who.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub user_uuid: String,
}

/// A message, as its sender sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SendingNewMessage {
    /// What the sender calls it until it is stored.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub coredata_local_uuid: String,
    /// The message.
    #[serde(default, deserialize_with = "or_default")]
    pub message: Message,
}

/// What is said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Message {
    /// Where; without it, in the conversation that every chat begins with.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub conversation_uuid: String,
    /// What.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub text: String,
    /// By whom; without it, by whoever sends it.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub author_uuid: String,
    /// When; without it, now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub occured_at: Option<Timestamp>,
}

/// Something about a message, which is named by its final id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ById {
    /// The message.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub uuid: String,
}

/// Somebody has read a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ReadNewMessage {
    /// The message, by its final id.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub uuid: String,
    /// Who; without it, whoever sends it.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub user_uuid: String,
}

/// A message, as everybody gets it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NewMessage {
    /// What its sender called it: the sender finds its own by it. Empty for one that had its final id from the start.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub core_data_temporary_uuid: String,
    /// Its final id.
    #[serde(
        default,
        deserialize_with = "or_default",
        skip_serializing_if = "String::is_empty"
    )]
    pub uuid: String,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<Message>,
}

impl Event {
    /// A stored update as everybody gets it.
    pub fn of(id: UpdateId, at: &str, update: &Update) -> Self {
        let user = update.user(id.author);
        Self::named(update.event(id), at, update, &user)
    }

    /// The same for what is known to be stored under this id.
    pub fn named(id: EventId, at: &str, update: &Update, user: &UserId) -> Self {
        let uuid = id.to_string();
        let content = content(&uuid, at, update, user);
        Self { uuid, content }
    }

    /// What the sender of a message is told instead of the message; of anything else, the same as everybody.
    #[must_use]
    pub fn for_its_sender(self) -> Self {
        let content = match self.content {
            Content::NewMessage(NewMessage { uuid, .. }) => Content::SentNewMessage(ById { uuid }),
            other => other,
        };
        Self { content, ..self }
    }

    /// Whether both say the same, whatever the time: who sends an event again may give it another one.
    pub(crate) fn says_the_same(&self, other: &Self) -> bool {
        let timeless = |event: &Self| {
            let mut content = event.content.clone();
            match &mut content {
                Content::ConversationNameChanged(changed) => changed.occured_at = None,
                Content::NewMessage(NewMessage {
                    message: Some(message),
                    ..
                }) => message.occured_at = None,
                _ => {}
            }
            content
        };
        timeless(self) == timeless(other)
    }

    /// The id of the stored event.
    ///
    /// # Errors
    /// `Invalid` when there is none: it is on its way up.
    pub fn id(&self) -> icecore::Result<EventId> {
        self.uuid.parse()
    }
}

fn content(uuid: &str, at: &str, update: &Update, user: &UserId) -> Content {
    let user_uuid = user.to_string();
    let occured_at = time::from_rfc3339(at).ok().map(Timestamp);
    match update {
        Update::Say {
            conversation,
            text,
            stamp,
        } => Content::NewMessage(NewMessage {
            core_data_temporary_uuid: stamp.temporary.clone().map_or_else(String::new, Into::into),
            uuid: uuid.to_owned(),
            message: Some(Message {
                conversation_uuid: conversation.to_string(),
                text: text.clone(),
                author_uuid: user_uuid,
                occured_at,
            }),
        }),
        Update::Read { message, .. } => Content::ReadNewMessage(ReadNewMessage {
            uuid: message.to_string(),
            user_uuid,
        }),
        Update::Name { name, .. } => Content::DisplayNameChanged(DisplayNameChanged {
            user_uuid,
            new_name: name.clone(),
        }),
        Update::Picture { png, .. } => Content::ProfilePictureChanged(ProfilePictureChanged {
            user_uuid,
            // What is not base64 is no picture, and never comes here.
            png_image: Base64(STANDARD.decode(png).unwrap_or_default()),
        }),
        Update::Join { conversation, .. } => Content::ConversationJoined(Membership {
            conversation_uuid: conversation.to_string(),
            user_uuid,
        }),
        Update::Leave { conversation, .. } => Content::ConversationLeft(Membership {
            conversation_uuid: conversation.to_string(),
            user_uuid,
        }),
        Update::Rename {
            conversation, name, ..
        } => Content::ConversationNameChanged(ConversationNameChanged {
            conversation_uuid: conversation.to_string(),
            new_name: name.clone(),
            author_uuid: user_uuid,
            occured_at,
        }),
    }
}

/// All members that an event may have, to find the one that it has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Members {
    #[serde(default, deserialize_with = "or_default")]
    uuid: String,
    profile_picture_changed: Option<ProfilePictureChanged>,
    display_name_changed: Option<DisplayNameChanged>,
    conversation_name_changed: Option<ConversationNameChanged>,
    conversation_joined: Option<Membership>,
    conversation_left: Option<Membership>,
    sending_new_message: Option<SendingNewMessage>,
    sent_new_message: Option<ById>,
    read_new_message: Option<ReadNewMessage>,
    new_message: Option<NewMessage>,
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let members = Members::deserialize(deserializer)?;
        let contents = [
            members
                .profile_picture_changed
                .map(Content::ProfilePictureChanged),
            members
                .display_name_changed
                .map(Content::DisplayNameChanged),
            members
                .conversation_name_changed
                .map(Content::ConversationNameChanged),
            members.conversation_joined.map(Content::ConversationJoined),
            members.conversation_left.map(Content::ConversationLeft),
            members.sending_new_message.map(Content::SendingNewMessage),
            members.sent_new_message.map(Content::SentNewMessage),
            members.read_new_message.map(Content::ReadNewMessage),
            members.new_message.map(Content::NewMessage),
        ];
        let mut contents = contents.into_iter().flatten();
        let (Some(content), None) = (contents.next(), contents.next()) else {
            return Err(D::Error::custom(
                "an event has one member that says what happens, e.g. sendingNewMessage",
            ));
        };
        let uuid = members.uuid;
        Ok(Self { uuid, content })
    }
}

/// Null stands for the default value.
fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

/// Bytes, in JSON as base64.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Base64(pub Vec<u8>);

impl Base64 {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Serialize for Base64 {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Base64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let is_for_urls = text.contains(['-', '_']);
        let alphabet = if is_for_urls {
            &alphabet::URL_SAFE
        } else {
            &alphabet::STANDARD
        };
        let config =
            GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
        let bytes = GeneralPurpose::new(alphabet, config).decode(text);
        bytes
            .map(Self)
            .map_err(|_| D::Error::custom("these bytes are not base64"))
    }
}

/// A time in milliseconds since 1970 UTC, in JSON as RFC 3339.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timestamp(pub i64);

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = time::to_rfc3339(self.0);
        // As protobuf writes it: no part of a second where there is none.
        serializer.serialize_str(&text.replace(".000Z", "Z"))
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        time::from_rfc3339(&text)
            .map(Self)
            .map_err(|_| D::Error::custom("this is no time as 2026-11-20T12:00:00Z"))
    }
}

#[cfg(test)]
mod tests;
