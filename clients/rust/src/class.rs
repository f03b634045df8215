//! States and arguments with their types in the JSON: classes, enums and dates come back as what they were.

use icecore_core::typed::{from_typed, to_typed};
use icecore_core::{Error, Rejected, Result};
use serde::de::{DeserializeOwned, Error as _};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};
use std::ops::{Deref, DerefMut};

/// A state that is stored as typed JSON ([`icecore_core::typed`]): `{"$type": "Notebook", …}`.
///
/// ```
/// use icecore::{Typed, typed::Date};
/// use serde::{Deserialize, Serialize};
///
/// #[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
/// struct Note {
///     title: String,
///     due: Option<Date>,
/// }
///
/// let note = Typed(Note { title: "Pack".to_owned(), due: Some(Date::from_millis(0)?) });
/// let json = serde_json::to_string(&note).unwrap();
/// assert_eq!(json, r#"{"$type":"Note","due":{"$date":"1970-01-01T00:00:00.000Z"},"title":"Pack"}"#);
/// assert_eq!(serde_json::from_str::<Typed<Note>>(&json).unwrap(), note);
///
/// // The form to show has no types.
/// let shown = icecore::typed::info(&note.0)?.to_string();
/// assert_eq!(shown, r#"{"due":"1970-01-01T00:00:00.000Z","title":"Pack"}"#);
/// # Ok::<(), icecore::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Typed<T>(pub T);

impl<T> Deref for Typed<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for Typed<T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: Serialize> Serialize for Typed<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let typed = to_typed(&self.0).map_err(S::Error::custom)?;
        typed.serialize(serializer)
    }
}

impl<'de, T: DeserializeOwned> Deserialize<'de> for Typed<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let typed = Value::deserialize(deserializer)?;
        from_typed(&typed).map(Self).map_err(D::Error::custom)
    }
}

/// The argument of a method as the data of an update.
///
/// # Errors
/// `Invalid` when it holds something that typed JSON has no form for.
pub fn to_argument<T: Serialize + ?Sized>(argument: &T) -> Result<Box<RawValue>> {
    to_raw_value(&to_typed(argument)?)
        .map_err(|e| Error::invalid("the argument has no JSON form").with_source(e))
}

/// The argument that the data of an update stands for, of the very type that the method takes.
///
/// # Errors
/// [`Rejected`] for data of another type, naming the place.
pub fn from_argument<T: DeserializeOwned>(method: &str, data: &RawValue) -> Result<T, Rejected> {
    let unreadable = |why: String| Rejected::new(format!("{method}: {why}"));
    let typed: Value = serde_json::from_str(data.get()).map_err(|e| unreadable(e.to_string()))?;
    from_typed(&typed).map_err(|e| unreadable(e.to_string()))
}
