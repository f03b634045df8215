//! `log` and `who`.

use crate::model::{Chat, Member, Message};
use crate::output::Output;
use crate::presence::Presence;
use icecore::{Author, Replica, Result};
use serde::Serialize;

/// Prints the messages in canonical order.
pub(super) fn log(replica: &Replica<Chat>, out: &mut Output<'_>) -> Result<()> {
    let state = replica.state();
    let mut messages = state.messages.iter();
    messages.try_for_each(|message| out.result(message, || line(message)))
}

fn line(message: &Message) -> String {
    format!(
        "{} <{}> {}",
        minute(&message.at),
        message.by(),
        message.text
    )
}

/// `2026-11-20T12:00:00.000Z` as people read it.
pub(super) fn minute(at: &str) -> String {
    at.get(..16).unwrap_or(at).replace('T', " ")
}

/// Prints who is in the chat.
pub(super) async fn who(replica: &Replica<Chat>, out: &mut Output<'_>) -> Result<()> {
    #[derive(Serialize)]
    struct Here<'a> {
        author: Author,
        #[serde(flatten)]
        member: &'a Member,
        connected: bool,
        typing: bool,
    }
    // Who is here matters for seconds: where the store does not answer, nobody knows.
    let presence = Presence::look(replica).await.unwrap_or_default();
    let state = replica.state();
    for (&author, member) in &state.members {
        let here = Here {
            author,
            member,
            connected: presence.connected.contains(&author),
            typing: presence.typing.contains(&author),
        };
        out.result(&here, || {
            let mut text = vec![state.name_of(author)];
            text.push(
                if member.joined {
                    "joined"
                } else {
                    "not joined"
                }
                .to_owned(),
            );
            text.extend(here.connected.then(|| "connected".to_owned()));
            text.extend(here.typing.then(|| "typing".to_owned()));
            text.extend(member.picture.as_ref().map(|picture| {
                let (width, height, digest) = (picture.width, picture.height, &picture.sha256[..8]);
                format!(
                    "picture {width} x {height}, {} bytes, {digest}",
                    picture.bytes
                )
            }));
            text.join(", ")
        })?;
    }
    Ok(())
}
