//! Typed JSON: dates, enums and classes are written with their type and restored as that type.
//!
//! | value | JSON |
//! | --- | --- |
//! | a date | `{"$date": "2026-11-20T12:00:00.000Z"}`: RFC 3339, UTC, milliseconds |
//! | a member of an enum | `{"$enum": "Status", "name": "DONE"}` |
//! | a member with content | `{"$enum": "Shape", "name": "Circle", "value": …}` |
//! | an object of a class | `{"$type": "Task", "title": …}`: the fields beside the type |
//! | a list, a map, text, a number … | as plain JSON |
//!
//! # The rules, for a writer in any language
//! - A key of a map and a field of a class that begins with `$` gets one more `$` in front, and loses it when
//!   read: so the map `{"$date": "today"}` is written `{"$$date": "today"}`, and no content is mistaken for a
//!   tag. Whatever stands under any other key is never changed.
//! - A key with exactly one `$` at its front is a tag. An object has at most one; `$date` stands alone;
//!   `$enum` has `name` and may have `value`, nothing else.
//! - The content of an enum member is its value, the list of its values, or the map of its named values.
//! - A tag that a reader does not know is a form of a later version: kept as it is, with all below it.
//! - Reading takes a date in any zone (`T` and `Z` in capitals, seconds required, no leap second) and cuts
//!   what is finer than a millisecond; years are 0000 to 9999.
//! - A missing field and null are the same for an optional field: an update that `merge`s null removes it.
//!
//! # What is stored, and what is shown
//! [`to_typed`] is the form to store: all of it comes back. [`info`] is the form to show, to log, or to hand to a program
//! that wants plain JSON: a date is its text, a member of an enum is its name, a class is its fields. It says less, and
//! nothing is restored from it.
//!
//! | value | stored | info |
//! | --- | --- | --- |
//! | a date | `{"$date": "2026-11-20T12:00:00.000Z"}` | `"2026-11-20T12:00:00.000Z"` |
//! | a member of an enum | `{"$enum": "Status", "name": "DONE"}` | `"DONE"` |
//! | a member with content | `{"$enum": "Shape", "name": "Circle", "value": 2}` | `{"Circle": 2}` |
//! | an object of a class | `{"$type": "Task", "title": "Pack"}` | `{"title": "Pack"}` |
//! | a map's own `$date` | `{"$$date": "today"}` | `{"$date": "today"}` |
//!
//! A `merge` works field by field: a field that held one class and shall hold another must be sent with nulls
//! for the fields of the old one.
//!
//! # In Rust
//! Nothing but serde's derives is needed: a struct is a class and an enum an enum, under the name that it has
//! for serde (`#[serde(rename = "…")]` works on types, fields and members). [`TypedValue`] holds any typed
//! JSON without knowing the types. `#[serde(flatten)]`, `#[serde(untagged)]` and `#[serde(tag)]` hide from
//! serde formats which type a value has, so they are of no use here.
//!
//! ```
//! use icecore_core::typed::{Date, from_typed, to_typed};
//! use serde::{Deserialize, Serialize};
//! use serde_json::json;
//!
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! enum Status {
//!     #[serde(rename = "DONE")]
//!     Done,
//! }
//! #[derive(Debug, PartialEq, Serialize, Deserialize)]
//! struct Task {
//!     title: String,
//!     due: Date,
//!     status: Status,
//! }
//!
//! let due = "2026-11-20T12:00:00.000Z".parse()?;
//! let task = Task { title: "Pack".to_owned(), due, status: Status::Done };
//! let json = to_typed(&task)?;
//! assert_eq!(
//!     json,
//!     json!({
//!         "$type": "Task",
//!         "title": "Pack",
//!         "due": {"$date": "2026-11-20T12:00:00.000Z"},
//!         "status": {"$enum": "Status", "name": "DONE"},
//!     })
//! );
//! assert_eq!(from_typed::<Task>(&json)?, task);
//!
//! let error = from_typed::<Task>(&json!({"$type": "Note"})).unwrap_err();
//! assert_eq!(error.to_string(), "expected an object of type `Task`, found an object of type `Note`");
//! # Ok::<(), icecore_core::Error>(())
//! ```

mod date;
mod fault;
mod keys;
mod restore;
mod shape;
mod value;
mod write;

pub use date::Date;
pub use value::TypedValue;

use crate::error::Result;
use serde::{Deserialize, Serialize};
use serde_json::Value;

const DATE: &str = "$date";
const ENUM: &str = "$enum";
const TYPE: &str = "$type";
/// The name under which [`TypedValue`] goes through serde, so that it is not escaped.
const TYPED_VALUE: &str = "$typed";

/// Writes a value as typed JSON.
///
/// # Errors
/// `Invalid` when it holds something that JSON has no form for: a number that is not finite or has more than
/// 64 bits, a map whose keys are not text. The error's object is the JSON pointer of the place.
pub fn to_typed<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    value.serialize(write::Writer).map_err(Into::into)
}

/// Restores a value from typed JSON.
///
/// # Errors
/// `Invalid` when the JSON is of another type, or not well-formed typed JSON. The message says what was
/// expected, the error's object is the JSON pointer of the place.
pub fn from_typed<'de, T: Deserialize<'de>>(json: &'de Value) -> Result<T> {
    T::deserialize(restore::Restorer::new(json)).map_err(Into::into)
}

/// A value as plain JSON without types, for people and for programs that only show it.
///
/// ```
/// use icecore_core::typed::{Date, info};
/// use serde::Serialize;
/// use serde_json::json;
///
/// #[derive(Serialize)]
/// enum Status {
///     Open,
///     Done(Date),
/// }
/// #[derive(Serialize)]
/// struct Task {
///     title: &'static str,
///     status: [Status; 2],
/// }
///
/// let at = "2026-11-20T12:00:00.000Z".parse()?;
/// let task = Task { title: "Pack", status: [Status::Open, Status::Done(at)] };
/// let expected = json!({"title": "Pack", "status": ["Open", {"Done": "2026-11-20T12:00:00.000Z"}]});
/// assert_eq!(info(&task)?, expected);
/// # Ok::<(), icecore_core::Error>(())
/// ```
///
/// # Errors
/// As [`to_typed`].
pub fn info<T: Serialize + ?Sized>(value: &T) -> Result<Value> {
    Ok(TypedValue::parse(&to_typed(value)?)?.info())
}

#[cfg(test)]
mod tests;
