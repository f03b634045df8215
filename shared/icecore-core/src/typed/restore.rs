//! From typed JSON to values.

mod access;

use super::fault::Fault;
use super::shape::{Shape, describe};
use super::{DATE, TYPED_VALUE};
use access::{Items, Member, Members};
use serde::de::{DeserializeSeed, Deserializer, Expected, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Map, Value};

/// A serde format over typed JSON in memory.
#[derive(Clone, Copy)]
pub(super) struct Restorer<'de>(&'de Value);

impl<'de> Restorer<'de> {
    pub(super) fn new(json: &'de Value) -> Self {
        Self(json)
    }

    fn mismatch<T>(self, expected: &dyn Expected) -> Result<T, Fault> {
        Err(Fault::expected(expected, &describe(self.0)))
    }

    fn shape(self) -> Result<Option<Shape<'de>>, Fault> {
        self.0.as_object().map(Shape::of).transpose()
    }

    /// The fields of an object of the class `name`.
    fn fields(self, name: &str) -> Result<&'de Map<String, Value>, Fault> {
        match self.shape()? {
            Some(Shape::Object { type_name, members }) if type_name == name => Ok(members),
            _ => self.mismatch(&format!("an object of type `{name}`").as_str()),
        }
    }
}

/// Visits the items of a list, all of them.
fn visit_items<'de, V: Visitor<'de>>(items: &'de [Value], visitor: V) -> Result<V::Value, Fault> {
    let mut items = Items::new(items);
    let value = visitor.visit_seq(&mut items)?;
    match items.left() {
        0 => Ok(value),
        left => Err(Fault::new(format!(
            "expected a shorter list, found {left} too many"
        ))),
    }
}

impl<'de> Deserializer<'de> for Restorer<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_unit(),
            Value::Bool(value) => visitor.visit_bool(*value),
            Value::Number(number) => match (number.as_u64(), number.as_i64(), number.as_f64()) {
                (Some(number), _, _) => visitor.visit_u64(number),
                (None, Some(number), _) => visitor.visit_i64(number),
                (None, None, Some(number)) => visitor.visit_f64(number),
                (None, None, None) => self.mismatch(&visitor),
            },
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Array(items) => visit_items(items, visitor),
            Value::Object(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == TYPED_VALUE {
            visitor.visit_newtype_struct(Verbatim(self.0))
        } else {
            visitor.visit_newtype_struct(self)
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.fields(name)?;
        visitor.visit_unit()
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.shape()? {
            Some(Shape::Map { members }) => visitor.visit_map(Members::new(members)),
            _ => self.mismatch(&visitor),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if name == DATE {
            return match self.shape()? {
                Some(Shape::Date { members, .. }) => visitor.visit_map(Members::new(members)),
                _ => self.mismatch(&visitor),
            };
        }
        visitor.visit_map(Members::new(self.fields(name)?))
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        enum_name: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.shape()? {
            Some(Shape::Enum {
                type_name,
                name,
                value,
            }) if type_name == enum_name => visitor.visit_enum(Member { name, value }),
            _ => self.mismatch(&format!("a member of the enum `{enum_name}`").as_str()),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit seq
        tuple tuple_struct identifier
    }
}

/// The JSON as it stands, for a `TypedValue`.
struct Verbatim<'de>(&'de Value);

impl<'de> Deserializer<'de> for Verbatim<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.0
            .deserialize_any(visitor)
            .map_err(|e| Fault::new(e.to_string()))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

fn restore<'de, T: DeserializeSeed<'de>>(seed: T, json: &'de Value) -> Result<T::Value, Fault> {
    seed.deserialize(Restorer(json))
}
