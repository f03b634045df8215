//! `log` and `who`.

use super::Device;
use crate::id::{EventId, UserId};
use crate::model::{Message, Progress, State, User};
use crate::output::Output;
use crate::presence::Presence;
use icecore::Result;
use serde::Serialize;

/// Prints the messages of a conversation in canonical order, each with how far it is.
pub(super) async fn log(device: &Device<'_>, out: &mut Output<'_>) -> Result<()> {
    #[derive(Serialize)]
    struct Row<'a> {
        uuid: EventId,
        state: &'a str,
        #[serde(skip_serializing_if = "Vec::is_empty")]
        read_by: Vec<&'a UserId>,
        #[serde(flatten)]
        message: &'a Message,
    }
    let here = device.conversation().await?;
    let state = device.replica.state();
    for message in state.messages_in(&here) {
        let (word, read_by) = match state.progress_of(message) {
            Progress::Sending => ("sending", Vec::new()),
            Progress::Sent => ("sent", Vec::new()),
            Progress::Read(by) => ("read", by),
        };
        let uuid = message.event();
        let row = Row {
            uuid,
            state: word,
            read_by,
            message,
        };
        out.result(&row, || line(&state, message))?;
    }
    Ok(())
}

fn line(state: &State, message: &Message) -> String {
    let progress = match state.progress_of(message) {
        Progress::Sending => "sending".to_owned(),
        Progress::Sent => "sent".to_owned(),
        Progress::Read(by) => {
            let names: Vec<String> = by.into_iter().map(|user| state.name_of(user)).collect();
            format!("read by {}", names.join(", "))
        }
    };
    let (at, by, text) = (minute(&message.at), message.by(), &message.text);
    format!("{at} <{by}> {text} ({progress})")
}

/// `2026-11-20T12:00:00.000Z` as people read it.
pub(super) fn minute(at: &str) -> String {
    at.get(..16).unwrap_or(at).replace('T', " ")
}

/// Prints who is in a conversation.
pub(super) async fn who(device: &Device<'_>, out: &mut Output<'_>) -> Result<()> {
    #[derive(Serialize)]
    struct Here<'a> {
        user: &'a UserId,
        #[serde(flatten)]
        about: &'a User,
        joined: bool,
        connected: bool,
        typing: bool,
    }
    let here = device.conversation().await?;
    // Who is here matters for seconds: where the store does not answer, nobody knows.
    let presence = Presence::look(&device.replica).await.unwrap_or_default();
    let state = device.replica.state();
    let members = state.conversations.get(&here).map(|c| &c.members);
    for (user, about) in &state.users {
        let joined = members.is_some_and(|members| members.get(user) == Some(&true));
        let here = Here {
            user,
            about,
            joined,
            connected: presence.connected.contains(user),
            typing: presence.typing.get(user) == Some(&here),
        };
        out.result(&here, || {
            let mut text = vec![state.name_of(user)];
            text.push(if joined { "joined" } else { "not joined" }.to_owned());
            text.extend(here.connected.then(|| "connected".to_owned()));
            text.extend(here.typing.then(|| "typing".to_owned()));
            text.extend(about.picture.as_ref().map(|picture| {
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
