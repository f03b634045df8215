//! Who is here and who is typing: true for seconds, and no part of the history.

use crate::model::Chat;
use icecore::{Author, Replica, Result};
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::Duration;

/// Said again and again by whoever watches.
const CONNECTED: &str = "connected";
/// Said with what is being typed.
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
    pub connected: BTreeSet<Author>,
    /// Who is typing.
    pub typing: BTreeSet<Author>,
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
            of_kind.map(|seen| seen.author).collect()
        };
        Ok(Self {
            connected: of(CONNECTED),
            typing: of(TYPING),
        })
    }
}

/// Tells the others that one is connected.
///
/// # Errors
/// As [`Presence::look`]. It is sent once: what failed is not worth repeating.
pub async fn say_connected(replica: &Replica<Chat>) -> Result<()> {
    replica.send_transient(CONNECTED, &(), CONNECTED_FOR).await
}

/// Tells the others that one is typing.
///
/// # Errors
/// As [`Presence::look`]. It is sent once: what failed is not worth repeating.
pub async fn say_typing(replica: &Replica<Chat>) -> Result<()> {
    replica.send_transient(TYPING, &(), TYPING_FOR).await
}
