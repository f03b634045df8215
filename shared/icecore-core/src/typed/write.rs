//! From values to typed JSON.

mod compound;

use super::fault::Fault;
use super::{ENUM, TYPE, TYPED_VALUE};
use crate::canonical;
use compound::{Form, Items, Members};
use serde::ser::{Serialize, Serializer};
use serde_json::{Map, Number, Value};

/// A serde format that makes typed JSON in memory.
pub(super) struct Writer;

type Written = Result<Value, Fault>;

impl Serializer for Writer {
    type Ok = Value;
    type Error = Fault;
    type SerializeSeq = Items;
    type SerializeTuple = Items;
    type SerializeTupleStruct = Items;
    type SerializeTupleVariant = Items;
    type SerializeMap = Members;
    type SerializeStruct = Members;
    type SerializeStructVariant = Members;

    fn serialize_bool(self, value: bool) -> Written {
        Ok(Value::Bool(value))
    }

    fn serialize_i8(self, value: i8) -> Written {
        Ok(value.into())
    }

    fn serialize_i16(self, value: i16) -> Written {
        Ok(value.into())
    }

    fn serialize_i32(self, value: i32) -> Written {
        Ok(value.into())
    }

    fn serialize_i64(self, value: i64) -> Written {
        Ok(value.into())
    }

    fn serialize_u8(self, value: u8) -> Written {
        Ok(value.into())
    }

    fn serialize_u16(self, value: u16) -> Written {
        Ok(value.into())
    }

    fn serialize_u32(self, value: u32) -> Written {
        Ok(value.into())
    }

    fn serialize_u64(self, value: u64) -> Written {
        Ok(value.into())
    }

    fn serialize_f32(self, value: f32) -> Written {
        self.serialize_f64(value.into())
    }

    fn serialize_f64(self, value: f64) -> Written {
        let number = canonical::integral(value).or_else(|| Number::from_f64(value));
        number
            .map(Value::Number)
            .ok_or_else(|| Fault::new(format!("expected a finite number, found {value}")))
    }

    fn serialize_char(self, value: char) -> Written {
        Ok(value.to_string().into())
    }

    fn serialize_str(self, value: &str) -> Written {
        Ok(value.into())
    }

    fn serialize_bytes(self, value: &[u8]) -> Written {
        Ok(value.into())
    }

    fn serialize_none(self) -> Written {
        Ok(Value::Null)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Written {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Written {
        Ok(Value::Null)
    }

    fn serialize_unit_struct(self, name: &'static str) -> Written {
        Ok(tagged(TYPE, name, Map::new()))
    }

    fn serialize_unit_variant(self, name: &'static str, _: u32, member: &'static str) -> Written {
        Ok(enum_member(name, member, None))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Written {
        if name == TYPED_VALUE {
            serde_json::to_value(value).map_err(|e| Fault::new(e.to_string()))
        } else {
            value.serialize(self)
        }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        member: &'static str,
        value: &T,
    ) -> Written {
        let value = value
            .serialize(self)
            .map_err(|fault| fault.under("value"))?;
        Ok(enum_member(name, member, Some(value)))
    }

    fn serialize_seq(self, length: Option<usize>) -> Result<Items, Fault> {
        Ok(Items::new(Form::Plain, length))
    }

    fn serialize_tuple(self, length: usize) -> Result<Items, Fault> {
        Ok(Items::new(Form::Plain, Some(length)))
    }

    fn serialize_tuple_struct(self, _: &'static str, length: usize) -> Result<Items, Fault> {
        Ok(Items::new(Form::Plain, Some(length)))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        member: &'static str,
        length: usize,
    ) -> Result<Items, Fault> {
        Ok(Items::new(Form::Member(name, member), Some(length)))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Members, Fault> {
        Ok(Members::new(Form::Plain))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Members, Fault> {
        Ok(Members::new(Form::Class(name)))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        member: &'static str,
        _: usize,
    ) -> Result<Members, Fault> {
        Ok(Members::new(Form::Member(name, member)))
    }
}

fn tagged(tag: &str, name: &str, mut members: Map<String, Value>) -> Value {
    members.insert(tag.to_owned(), name.into());
    Value::Object(members)
}

fn enum_member(type_name: &str, name: &str, value: Option<Value>) -> Value {
    let mut members = Map::new();
    members.insert("name".to_owned(), name.into());
    members.extend(value.map(|value| ("value".to_owned(), value)));
    tagged(ENUM, type_name, members)
}
