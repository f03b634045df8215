//! Typed JSON in a state: what each member stands for, without its types and with those of an app.

use icecore_core::typed::{Date, TypedValue, from_typed, to_typed};
use icecore_core::{Error, canonical};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// An enum whose members carry nothing.
#[derive(Serialize, Deserialize)]
enum Status {
    #[serde(rename = "OPEN")]
    Open,
    #[serde(rename = "DONE")]
    Done,
}

/// An enum whose members carry something.
#[derive(Serialize, Deserialize)]
enum Place {
    Room(String),
    At(Vec<bool>),
    Until(Date),
}

/// A class.
#[derive(Serialize, Deserialize)]
struct Task {
    title: String,
    status: Status,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    due: Option<Date>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    place: Option<Place>,
    #[serde(rename = "$date", default, skip_serializing_if = "Option::is_none")]
    odd: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    inner: Option<Box<Task>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    more: Option<TypedValue>,
}

/// Of each member of a state: what is stored of it again, what is shown of it, and what it is as a `Task`.
pub(crate) fn members(state: &[u8]) -> Result<Value, String> {
    let state: Value = serde_json::from_slice(state).map_err(|error| error.to_string())?;
    let Value::Object(members) = state else {
        return Ok(Value::Null);
    };
    let told = members
        .iter()
        .map(|(name, value)| json!([name, any(value), task(value)]));
    Ok(told.collect())
}

fn any(value: &Value) -> Value {
    match TypedValue::parse(value) {
        Ok(typed) => match (written(&typed.to_json()), written(&typed.info())) {
            (Ok(stored), Ok(shown)) => json!({ "stored": stored, "shown": shown }),
            (Err(error), _) | (_, Err(error)) => super::fault(&error.to_string()),
        },
        Err(error) => json!({ "error": error.to_string(), "at": error.object() }),
    }
}

/// `null` where it is none: which of several faults is found first is each program's own matter.
fn task(value: &Value) -> Value {
    let restored = from_typed::<Task>(value).and_then(|task| to_typed(&task));
    match restored.and_then(|json| written(&json)) {
        Ok(text) => json!(text),
        Err(_) => Value::Null,
    }
}

fn written(json: &Value) -> Result<String, Error> {
    Ok(String::from_utf8_lossy(&canonical::to_vec(json)?).into_owned())
}
