//! From a Lambda event to the work that it asks for.

use aws_lambda_events::sqs::{SqsEvent, SqsMessage};
use icecore_core::{Error, Result, SpaceName};
use icecore_store::rounds::Work;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of a message's body.
const MESSAGE_VERSION: u32 = 1;
/// The most spaces that one message names: bounds what a stray one can ask for.
const SPACES_MAX: usize = 1_000;

/// What an event asks for.
#[derive(Debug)]
pub enum Request {
    /// A schedule's: everything that changed.
    Scheduled,
    /// Somebody's who named spaces.
    Spaces(Vec<SpaceName>),
    /// A queue's.
    Messages(Vec<Message>),
}

/// A message of a queue.
#[derive(Debug)]
pub struct Message {
    /// By which the answer names it.
    pub id: String,
    /// What it names, or what is wrong with it.
    pub named: Result<Named>,
}

/// The spaces that a message names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The spaces.
    pub spaces: Vec<SpaceName>,
    /// How many invocations in a row have handed them on.
    pub hops: u32,
}

/// The body of a message.
#[derive(Debug, Serialize, Deserialize)]
struct Body {
    v: u32,
    spaces: Vec<SpaceName>,
    #[serde(default)]
    hops: u32,
}

/// The event of a person or a program that says what it wants.
#[derive(Deserialize)]
struct Plain {
    work: Option<String>,
    spaces: Option<Vec<SpaceName>>,
}

impl TryFrom<Value> for Request {
    type Error = Error;

    /// - `{}`, `{"work": "scheduled"}`, or what `EventBridge` sends by itself: a scheduled round
    /// - `{"work": "spaces", "spaces": ["todo"]}`: these
    /// - an SQS event: the spaces that its messages name
    fn try_from(event: Value) -> Result<Self> {
        if event.get("Records").is_some() {
            return messages(event).map(Self::Messages);
        }
        let by_schedule = event.get("source").and_then(Value::as_str);
        if matches!(by_schedule, Some("aws.scheduler" | "aws.events")) {
            return Ok(Self::Scheduled);
        }
        let plain: Plain = serde_json::from_value(event).map_err(|e| refused().with_source(e))?;
        match (plain.work.as_deref(), plain.spaces) {
            (None | Some("scheduled"), None) => Ok(Self::Scheduled),
            (None | Some("spaces"), Some(spaces)) => Ok(Self::Spaces(spaces)),
            _ => Err(refused()),
        }
    }
}

fn refused() -> Error {
    Error::invalid("the event asks for nothing that is known here").with_hint(
        "send {\"work\":\"scheduled\"}, {\"work\":\"spaces\",\"spaces\":[…]}, or messages of an SQS queue",
    )
}

fn messages(event: Value) -> Result<Vec<Message>> {
    let event: SqsEvent = serde_json::from_value(event).map_err(|e| refused().with_source(e))?;
    event.records.into_iter().map(message).collect()
}

fn message(record: SqsMessage) -> Result<Message> {
    let (Some("aws:sqs"), Some(id)) = (record.event_source.as_deref(), record.message_id) else {
        return Err(refused());
    };
    let named = parse_body(record.body.as_deref().unwrap_or_default());
    Ok(Message { id, named })
}

fn parse_body(body: &str) -> Result<Named> {
    let body: Body = serde_json::from_str(body)
        .map_err(|e| Error::invalid("the message does not parse").with_source(e))?;
    if body.v != MESSAGE_VERSION || body.spaces.len() > SPACES_MAX {
        return Err(Error::invalid(format!(
            "the message has version {} and names {} spaces",
            body.v,
            body.spaces.len()
        )));
    }
    Ok(Named {
        spaces: body.spaces,
        hops: body.hops,
    })
}

/// The body of a message that names these spaces, which so many invocations in a row have handed on.
///
/// # Errors
/// `Internal`: names have a JSON form.
pub fn message_body(spaces: &[SpaceName], hops: u32) -> Result<String> {
    let body = Body {
        v: MESSAGE_VERSION,
        spaces: spaces.to_vec(),
        hops,
    };
    serde_json::to_string(&body)
        .map_err(|e| Error::internal("BUG: names have a JSON form").with_source(e))
}

impl Request {
    /// What a round is to do for it. Each space once, whatever messages name it.
    pub fn work(&self) -> Work {
        match self {
            Self::Scheduled => Work::Scheduled,
            Self::Spaces(spaces) => Work::Spaces(spaces.clone()),
            Self::Messages(messages) => {
                let named = messages.iter().filter_map(|m| m.named.as_ref().ok());
                Work::Spaces(named.flat_map(|named| &named.spaces).cloned().collect())
            }
        }
    }

    /// How many invocations in a row have handed on a space; 0 for one that did not come by a queue.
    pub fn hops(&self, space: &SpaceName) -> u32 {
        let Self::Messages(messages) = self else {
            return 0;
        };
        let named = messages.iter().filter_map(|m| m.named.as_ref().ok());
        let of_space = named.filter(|named| named.spaces.contains(space));
        of_space.map(|named| named.hops).max().unwrap_or(0)
    }

    /// Messages that cannot be read.
    pub fn malformed(&self) -> usize {
        match self {
            Self::Messages(messages) => messages.iter().filter(|m| m.named.is_err()).count(),
            Self::Scheduled | Self::Spaces(_) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn events_are_told_apart() {
        let scheduled = [
            json!({}),
            json!({ "work": "scheduled" }),
            json!({ "source": "aws.scheduler", "detail": {} }),
            json!({ "source": "aws.events" }),
        ];
        for event in scheduled {
            assert_eq!(Request::try_from(event).unwrap().work(), Work::Scheduled);
        }
        let named = json!({ "spaces": ["a", "b"] });
        let spaces = Work::Spaces(vec!["a".parse().unwrap(), "b".parse().unwrap()]);
        assert_eq!(Request::try_from(named).unwrap().work(), spaces);
        for bad in [
            json!(null),
            json!([]),
            json!("scheduled"),
            json!({ "work": "everything" }),
            json!({ "work": "spaces" }),
            json!({ "spaces": ["A B"] }),
            json!({ "Records": {} }),
            json!({ "Records": [{ "eventSource": "aws:s3", "messageId": "1" }] }),
            json!({ "Records": [{ "eventSource": "aws:sqs" }] }),
        ] {
            let error = Request::try_from(bad.clone()).unwrap_err();
            assert_eq!(error.kind(), icecore_core::ErrorKind::Invalid, "{bad}");
        }
    }

    #[test]
    fn bodies_go_both_ways_and_others_are_refused() {
        let spaces = vec!["todo".parse().unwrap()];
        let body = message_body(&spaces, 3).unwrap();
        assert_eq!(body, r#"{"v":1,"spaces":["todo"],"hops":3}"#);
        assert_eq!(parse_body(&body).unwrap(), Named { spaces, hops: 3 });
        let first = parse_body(r#"{"v":1,"spaces":["todo"]}"#).unwrap();
        assert_eq!(first.hops, 0);
        for bad in [
            "",
            "{}",
            r#"{"v":2,"spaces":[]}"#,
            r#"{"v":1,"spaces":["../x"]}"#,
        ] {
            assert!(parse_body(bad).is_err(), "{bad}");
        }
        let many: Vec<String> = (0..=SPACES_MAX).map(|n| n.to_string()).collect();
        assert!(parse_body(&json!({ "v": 1, "spaces": many }).to_string()).is_err());
    }
}
