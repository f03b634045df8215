//! Lists and objects while they are written.

use super::super::fault::Fault;
use super::super::shape::escape;
use super::super::{DATE, TYPE, keys};
use super::{Writer, enum_member, tagged};
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant,
};
use serde_json::{Map, Value};

/// What a list or object becomes when it is complete.
pub(in crate::typed) enum Form {
    Plain,
    Class(&'static str),
    /// The content of an enum's member: the enum's name, the member's name.
    Member(&'static str, &'static str),
}

impl Form {
    fn complete(self, content: Value) -> Value {
        match (self, content) {
            // A date writes its own tag.
            (Self::Class(name), Value::Object(fields)) if name != DATE => {
                tagged(TYPE, name, fields)
            }
            (Self::Member(type_name, name), content) => enum_member(type_name, name, Some(content)),
            (Self::Plain | Self::Class(_), content) => content,
        }
    }
}

/// A list.
pub(in crate::typed) struct Items {
    form: Form,
    items: Vec<Value>,
}

/// Lengths come from outside: memory is taken for what is there.
const ITEMS_EXPECTED_MAX: usize = 1024;

impl Items {
    pub(super) fn new(form: Form, length: Option<usize>) -> Self {
        let capacity = length.unwrap_or(0).min(ITEMS_EXPECTED_MAX);
        Self {
            form,
            items: Vec::with_capacity(capacity),
        }
    }

    fn push<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Fault> {
        let item = item
            .serialize(Writer)
            .map_err(|fault| fault.under(self.items.len()))?;
        self.items.push(item);
        Ok(())
    }

    fn complete(self) -> Value {
        self.form.complete(Value::Array(self.items))
    }
}

macro_rules! items {
    ($($shape:ident . $method:ident),*) => {
        $(impl $shape for Items {
            type Ok = Value;
            type Error = Fault;

            fn $method<T: Serialize + ?Sized>(&mut self, item: &T) -> Result<(), Fault> {
                self.push(item)
            }

            fn end(self) -> Result<Value, Fault> {
                Ok(self.complete())
            }
        })*
    };
}

items! {
    SerializeSeq.serialize_element, SerializeTuple.serialize_element,
    SerializeTupleStruct.serialize_field, SerializeTupleVariant.serialize_field
}

/// A map or the fields of a struct.
pub(in crate::typed) struct Members {
    form: Form,
    content: Map<String, Value>,
    /// The key whose value comes next.
    key: Option<String>,
}

impl Members {
    pub(super) fn new(form: Form) -> Self {
        Self {
            form,
            content: Map::new(),
            key: None,
        }
    }

    fn insert<T: Serialize + ?Sized>(&mut self, key: String, value: &T) -> Result<(), Fault> {
        let key = if matches!(self.form, Form::Class(DATE)) {
            key
        } else {
            escape(key)
        };
        let value = value.serialize(Writer).map_err(|fault| fault.under(&key))?;
        self.content.insert(key, value);
        Ok(())
    }

    fn complete(self) -> Value {
        self.form.complete(Value::Object(self.content))
    }
}

impl SerializeMap for Members {
    type Ok = Value;
    type Error = Fault;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Fault> {
        self.key = Some(keys::to_text(key)?);
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Fault> {
        let key = self
            .key
            .take()
            .expect("BUG: a value is written after its key");
        self.insert(key, value)
    }

    fn end(self) -> Result<Value, Fault> {
        Ok(self.complete())
    }
}

macro_rules! fields {
    ($($shape:ident),*) => {
        $(impl $shape for Members {
            type Ok = Value;
            type Error = Fault;

            fn serialize_field<T: Serialize + ?Sized>(
                &mut self,
                name: &'static str,
                value: &T,
            ) -> Result<(), Fault> {
                self.insert(name.to_owned(), value)
            }

            fn end(self) -> Result<Value, Fault> {
                Ok(self.complete())
            }
        })*
    };
}

fields! { SerializeStruct, SerializeStructVariant }
