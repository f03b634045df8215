//! Who is here and who is typing: true for seconds, and no part of the history.

use crate::id::{ConversationId, UserId};
use crate::model::Chat;
use icecore::{Replica, Result, Seen};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Said again and again by whoever watches.
const CONNECTED: &str = "connected";
/// Said while something is being typed.
const TYPING: &str = "typing";
/// Somebody who has not said it again for so long has lost the connection.
const CONNECTED_FOR: Duration = Duration::from_secs(30);
/// Somebody who has not typed for so long has stopped.
const TYPING_FOR: Duration = Duration::from_secs(6);
/// How often to say that one is connected, in milliseconds: twice before it would end.
pub const SAY_CONNECTED_EVERY: i64 = 12_000;

/// Who is here now.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Presence {
    /// Who watches the chat.
    pub connected: BTreeSet<UserId>,
    /// Who is typing, and where.
    pub typing: BTreeMap<UserId, ConversationId>,
}

/// What such an event holds.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default)]
struct About {
    /// Where somebody types.
    #[serde(skip_serializing_if = "ConversationId::is_default")]
    conversation: ConversationId,
    /// Who, where the device is not a user of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserId>,
}

impl About {
    /// What cannot be read says no more than who sent it.
    fn of(seen: &Seen) -> (UserId, ConversationId) {
        let about: Self = serde_json::from_value(seen.event.data.clone()).unwrap_or_default();
        let user = about.user.unwrap_or_else(|| seen.author.into());
        (user, about.conversation)
    }
}

impl Presence {
    /// Looks who is here.
    ///
    /// # Errors
    /// `NotFound` before the first sync; `Unavailable` when the store does not answer.
    pub async fn look(replica: &Replica<Chat>) -> Result<Self> {
        let seen = replica.transient().await?;
        let of = |kind| {
            let of_kind = seen.iter().filter(move |seen| seen.event.kind == kind);
            of_kind.map(About::of)
        };
        Ok(Self {
            connected: of(CONNECTED).map(|(user, _)| user).collect(),
            typing: of(TYPING).collect(),
        })
    }
}

/// Tells the others that somebody is connected: the device's own user, or another one.
///
/// # Errors
/// As [`Presence::look`]. It is sent once: what failed is not worth repeating.
pub async fn say_connected(replica: &Replica<Chat>, user: Option<UserId>) -> Result<()> {
    let conversation = ConversationId::default();
    let about = About { conversation, user };
    replica
        .send_transient(CONNECTED, &about, CONNECTED_FOR)
        .await
}

/// Tells the others that somebody is typing.
///
/// # Errors
/// As [`Presence::look`]. It is sent once: what failed is not worth repeating.
pub async fn say_typing(
    replica: &Replica<Chat>,
    conversation: ConversationId,
    user: Option<UserId>,
) -> Result<()> {
    let about = About { conversation, user };
    replica.send_transient(TYPING, &about, TYPING_FOR).await
}
