//! `conversations`: lists them, makes one, gives one another name.

use super::Device;
use super::show::minute;
use crate::args::{Cli, Conversations};
use crate::id::ConversationId;
use crate::model::{Conversation, State};
use crate::output::Output;
use crate::update::Update;
use icecore::{Error, Result};
use serde_json::json;

pub(super) async fn run(
    cli: &Cli,
    what: Option<&Conversations>,
    out: &mut Output<'_>,
) -> Result<()> {
    match what {
        None | Some(Conversations::List) => list(&Device::latest(cli).await?, out),
        Some(Conversations::New { name }) => {
            let device = Device::open(cli).await?;
            let author = device.replica.author().await?;
            let new = ConversationId::new(author, device.replica.now(), name);
            let updates = vec![Update::rename(new.clone(), name), Update::join(new.clone())];
            device.queue(updates).await?;
            named(&device, &new, name, out).await
        }
        Some(Conversations::Rename { name }) => {
            let device = Device::open(cli).await?;
            let here = device.conversation().await?;
            let updates = vec![Update::rename(here.clone(), name)];
            device.queue(updates).await?;
            named(&device, &here, name, out).await
        }
    }
}

/// Sends what was queued, and tells how a conversation is called now.
async fn named(
    device: &Device<'_>,
    conversation: &ConversationId,
    name: &str,
    out: &mut Output<'_>,
) -> Result<()> {
    let sent = device.replica.sync().await;
    let stage = if sent.is_ok() { "sent" } else { "queued" };
    let value = json!({"conversation": conversation, "name": name, "stage": stage});
    out.result(&value, || {
        format!("{conversation} is called {name}, {stage}")
    })?;
    sent.map(drop)
}

/// The conversation of this id or name.
pub(super) fn find(state: &State, wanted: &str) -> Result<ConversationId> {
    let is_named = |c: &Conversation| c.named.as_ref().is_some_and(|named| named.name == wanted);
    let id = wanted.parse::<ConversationId>().ok();
    if let Some(id) = id.filter(|id| id.is_default() || state.conversations.contains_key(id)) {
        return Ok(id);
    }
    let mut found = state.conversations.iter().filter(|(_, c)| is_named(c));
    match (found.next(), found.next()) {
        (Some((id, _)), None) => Ok(id.clone()),
        (Some((one, _)), Some((other, _))) => Err(Error::conflict(format!(
            "several conversations are called so, among them {one} and {other}"
        ))
        .with_object(wanted)
        .with_hint("name one by its id, or rename one")),
        (None, _) => Err(Error::not_found("no conversation is called so")
            .with_object(wanted)
            .with_hint("`chat conversations` lists them, `chat conversations new NAME` makes one")),
    }
}

fn list(device: &Device<'_>, out: &mut Output<'_>) -> Result<()> {
    let state = device.replica.state();
    let first = ConversationId::default();
    let empty = Conversation::default();
    // It is there from the start, whatever happened in it.
    let new = (!state.conversations.contains_key(&first)).then_some((&first, &empty));
    for (id, conversation) in new.into_iter().chain(&state.conversations) {
        let members = conversation.members.values().filter(|is_in| **is_in);
        let (members, messages) = (members.count(), conversation.messages.len());
        let unread = state.unread(id, &device.user).len();
        let value = json!({
            "conversation": id, "members": members, "messages": messages, "unread": unread,
            "named": conversation.named,
        });
        out.result(&value, || {
            let name = match &conversation.named {
                None => "(no name)".to_owned(),
                Some(named) => {
                    let (by, at) = (state.name_of(&named.by), minute(&named.at));
                    format!("{} (named by {by} {at})", named.name)
                }
            };
            format!("{id}  {name}  {members} in it, {messages} said, {unread} unread")
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Named;
    use icecore::ErrorKind;

    #[test]
    fn a_conversation_is_found_by_its_id_and_by_its_name() {
        let mut state = State::default();
        for (id, name) in [
            ("a", "Trip"),
            ("b", "Food"),
            ("c", "Food"),
            ("Trip2", "x y"),
        ] {
            let conversation = Conversation {
                named: Some(Named {
                    at: String::new(),
                    by: "u".parse().unwrap(),
                    name: name.to_owned(),
                }),
                ..Conversation::default()
            };
            state
                .conversations
                .insert(id.parse().unwrap(), conversation);
        }
        let found = |wanted| find(&state, wanted).map(String::from).map_err(|e| e.kind());
        assert_eq!(found("Trip").as_deref(), Ok("a"));
        assert_eq!(found("x y").as_deref(), Ok("Trip2"));
        assert_eq!(found("b").as_deref(), Ok("b"));
        assert_eq!(found("Food"), Err(ErrorKind::Conflict));
        assert_eq!(found("Tri"), Err(ErrorKind::NotFound));
        let first = ConversationId::default().to_string();
        assert_eq!(found(&first), Ok(first.clone()));
    }
}
