//! Methods as updates: a call is a kind (the method's name) and data (its one argument, as typed JSON), and back.

use crate::notebook::{Add, Mark, NoteId, Notebook, Postpone, Rename, Write};
use icecore::class::{from_argument, to_argument};
use icecore::typed::info;
use icecore::{RawValue, Rejected};
use serde::ser::{Error as _, SerializeStruct};
use serde::{Serialize, Serializer};
use serde_json::Value;

/// Lists the methods once; everything that must agree on them is made from that list.
macro_rules! calls {
    ($($(#[$doc:meta])* $variant:ident => $method:ident($argument:ty);)*) => {
        /// A call of one of [`Notebook`]'s methods, with its argument.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Call {
            $($(#[$doc])* $variant($argument),)*
        }

        impl Call {
            /// The names of all methods.
            pub const METHODS: &[&str] = &[$(stringify!($method)),*];

            /// The method's name: the kind of the update.
            pub fn method(&self) -> &'static str {
                match self {
                    $(Self::$variant(_) => stringify!($method),)*
                }
            }

            /// The argument as typed JSON: the data of the update.
            ///
            /// # Errors
            /// `Invalid` when it holds what JSON has no form for.
            pub fn argument(&self) -> icecore::Result<Box<RawValue>> {
                match self {
                    $(Self::$variant(argument) => to_argument(argument),)*
                }
            }

            /// The argument as it is shown: plain JSON, with the names of enums and the texts of dates.
            ///
            /// # Errors
            /// As [`Call::argument`].
            pub fn info(&self) -> icecore::Result<Value> {
                match self {
                    $(Self::$variant(argument) => info(argument),)*
                }
            }

            /// The call that an update stands for.
            ///
            /// # Errors
            /// [`Rejected`] for a method that there is none of, or an argument of another type.
            pub fn from_update(method: &str, argument: &RawValue) -> Result<Self, Rejected> {
                match method {
                    $(stringify!($method) => {
                        from_argument::<$argument>(method, argument).map(Self::$variant)
                    })*
                    _ => Err(Rejected::new(format!(
                        "a notebook has no method `{method}`; it has {}",
                        Self::METHODS.join(", ")
                    ))),
                }
            }

            /// Calls the method.
            ///
            /// # Errors
            /// As the method.
            pub fn apply(self, notebook: &mut Notebook) -> Result<(), Rejected> {
                match self {
                    $(Self::$variant(argument) => notebook.$method(argument),)*
                }
            }
        }
    };
}

calls! {
    /// [`Notebook::add`].
    Add => add(Add);
    /// [`Notebook::rename`].
    Rename => rename(Rename);
    /// [`Notebook::write`].
    Write => write(Write);
    /// [`Notebook::postpone`].
    Postpone => postpone(Postpone);
    /// [`Notebook::mark`].
    Mark => mark(Mark);
    /// [`Notebook::remove`].
    Remove => remove(NoteId);
}

impl Call {
    /// The pointers into the state that it sets, for the rule to know who set what.
    pub fn touches(&self) -> Vec<String> {
        let title = |id: &str| vec![title_of(id)];
        match self {
            Self::Add(Add { id, .. }) | Self::Rename(Rename { id, .. }) | Self::Remove(id) => {
                title(id)
            }
            Self::Write(_) | Self::Postpone(_) | Self::Mark(_) => Vec::new(),
        }
    }
}

/// Where a note's title stands in the state: a JSON pointer (RFC 6901).
pub(crate) fn title_of(id: &str) -> String {
    let id = id.replace('~', "~0").replace('/', "~1");
    format!("/notebook/notes/{id}/title")
}

/// As an update is written: `kind` and `data`.
impl Serialize for Call {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let argument = self.argument().map_err(S::Error::custom)?;
        let mut update = serializer.serialize_struct("Call", 2)?;
        update.serialize_field("kind", self.method())?;
        update.serialize_field("data", &argument)?;
        update.end()
    }
}
