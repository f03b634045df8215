//! What a client sends: read, checked, and made into updates.

use crate::id::{ConversationId, EventId, TemporaryId, UserId};
use crate::png;
use crate::update::Update;
use crate::wire::{Content, Event, NewMessage, SendingNewMessage};
use icecore::{Error, RawValue, Result};
use serde::Deserialize;
use std::str::FromStr;

/// The most events of one call.
pub const EVENTS_MAX: usize = 1_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body<'a> {
    #[serde(borrow, default)]
    events: Vec<&'a RawValue>,
}

/// The events of a body: `{"events": […]}`, or the list alone.
///
/// # Errors
/// `Invalid`, naming the event that is wrong.
pub fn read_events(body: &[u8]) -> Result<Vec<Event>> {
    let is_list = body.trim_ascii_start().first() == Some(&b'[');
    let events = if is_list {
        serde_json::from_slice(body)
    } else {
        serde_json::from_slice(body).map(|Body { events }| events)
    };
    let events: Vec<&RawValue> = events.map_err(|e| {
        Error::invalid(format!("the body is not as it has to be: {e}"))
            .with_object("body")
            .with_hint(r#"send {"events": [{"uuid": "…", "sendingNewMessage": {"coredataLocalUuid": "…", "message": {"text": "…"}}}]}"#)
    })?;
    if events.len() > EVENTS_MAX {
        return Err(
            Error::invalid(format!("more than {EVENTS_MAX} events in one call"))
                .with_object("events")
                .with_hint("send them in several calls, in order"),
        );
    }
    let events = events.into_iter().enumerate();
    let read = events.map(|(n, event)| {
        serde_json::from_str(event.get()).map_err(|e| {
            Error::invalid(format!("the event is not as it has to be: {e}"))
                .with_object(format!("events[{n}]"))
                .with_hint("docs/examples/chat.md has the form of each event; nothing was stored")
        })
    });
    read.collect()
}

/// What an event asks for.
#[derive(Debug)]
pub(super) enum Wanted {
    /// To be stored, with the time at which it happened.
    New(i64, Update),
    /// To hear whether a message is stored, in the words of its sender.
    Sent(EventId),
    /// The same in the words of its receiver.
    Received(EventId),
}

impl Wanted {
    /// The answer, from what is stored.
    pub(super) fn answer(&self, stored: Event) -> Event {
        match self {
            Self::New(..) | Self::Sent(_) => stored.for_its_sender(),
            Self::Received(_) => stored,
        }
    }
}

/// Who sends events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Caller<'a> {
    /// Who it is known to be.
    pub(super) named: Option<&'a UserId>,
    /// The server's own user: where nobody is named.
    pub(super) own: &'a UserId,
}

impl Caller<'_> {
    /// What each event asks for.
    pub(super) fn wanted(self, events: Vec<Event>, now: i64) -> Result<Vec<Wanted>> {
        let events = events.into_iter().enumerate();
        let wanted = events.map(|(n, event)| {
            let wanted = self.one(event, now);
            wanted.map_err(|error| error.with_object(format!("events[{n}]")))
        });
        wanted.collect()
    }

    fn one(self, event: Event, now: i64) -> Result<Wanted> {
        let called: Option<TemporaryId> = unless_empty(&event.uuid)?;
        let (at, user, update) = match event.content {
            Content::ProfilePictureChanged(changed) => {
                let png = &changed.png_image.0;
                png::accept(png)?;
                let user = self.own_user(&changed.user_uuid)?;
                (now, user, Update::picture(png))
            }
            Content::DisplayNameChanged(changed) => {
                let user = self.own_user(&changed.user_uuid)?;
                (now, user, Update::name(changed.new_name))
            }
            Content::ConversationNameChanged(changed) => {
                let user = self.own_user(&changed.author_uuid)?;
                let at = changed.occured_at.map_or(now, |at| at.0);
                let conversation = conversation(&changed.conversation_uuid)?;
                (at, user, Update::rename(conversation, changed.new_name))
            }
            // Anybody may bring somebody else along.
            Content::ConversationJoined(member) => {
                let user = self.any_user(&member.user_uuid)?;
                (
                    now,
                    user,
                    Update::join(conversation(&member.conversation_uuid)?),
                )
            }
            // And nobody puts somebody else out.
            Content::ConversationLeft(member) => {
                let user = self.own_user(&member.user_uuid)?;
                (
                    now,
                    user,
                    Update::leave(conversation(&member.conversation_uuid)?),
                )
            }
            Content::SendingNewMessage(sending) => return self.message(sending, now),
            Content::ReadNewMessage(read) => {
                let user = self.own_user(&read.user_uuid)?;
                (now, user, Update::read(read.uuid.parse()?))
            }
            Content::SentNewMessage(sent) => return Ok(Wanted::Sent(sent.uuid.parse()?)),
            Content::NewMessage(message) => return self.received(&message),
        };
        new(at, update.by(Some(user)).called(called))
    }

    fn message(self, sending: SendingNewMessage, now: i64) -> Result<Wanted> {
        let SendingNewMessage {
            coredata_local_uuid,
            message,
        } = sending;
        let Some(temporary) = unless_empty(&coredata_local_uuid)? else {
            return Err(Error::invalid("the message has no coredataLocalUuid")
                .with_hint("give it one: by it a message that is sent again is known, and its sender finds it"));
        };
        let user = self.own_user(&message.author_uuid)?;
        let at = message.occured_at.map_or(now, |at| at.0);
        let update = Update::say_in(conversation(&message.conversation_uuid)?, message.text);
        new(at, update.by(Some(user)).called(Some(temporary)))
    }

    fn received(self, message: &NewMessage) -> Result<Wanted> {
        let author = message.message.as_ref().map(|m| m.author_uuid.as_str());
        let temporary = unless_empty(&message.core_data_temporary_uuid)?;
        let event = match (message.uuid.as_str(), temporary) {
            ("", Some(temporary)) => {
                EventId::of_message(&self.any_user(author.unwrap_or_default())?, &temporary)
            }
            (uuid, _) => uuid.parse()?,
        };
        Ok(Wanted::Received(event))
    }

    /// Who is named, or who sends it.
    fn any_user(self, named: &str) -> Result<UserId> {
        let user = unless_empty(named)?;
        Ok(user.unwrap_or_else(|| self.named.unwrap_or(self.own).clone()))
    }

    /// The same, where nobody may speak for somebody else.
    fn own_user(self, named: &str) -> Result<UserId> {
        let user = self.any_user(named)?;
        match self.named {
            Some(sender) if *sender != user => Err(Error::denied(format!(
                "{sender} cannot send what {user} does"
            ))
            .with_hint("leave the user out, or name the one who sends it")),
            _ => Ok(user),
        }
    }
}

fn new(at: i64, update: Update) -> Result<Wanted> {
    update.check().map_err(|rejected| {
        Error::invalid(rejected.to_string())
            .with_hint("correct the event, or take it out of the queue: nothing was stored")
    })?;
    Ok(Wanted::New(at, update))
}

fn conversation(uuid: &str) -> Result<ConversationId> {
    Ok(unless_empty(uuid)?.unwrap_or_default())
}

fn unless_empty<T: FromStr<Err = Error>>(text: &str) -> Result<Option<T>> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some)
}
