//! The insides of lists, objects and enum members, with the place of each failure.

use super::super::TYPE;
use super::super::fault::Fault;
use super::super::keys::Key;
use super::super::shape::{describe, unescape};
use super::{restore, visit_items};
use crate::typed::restore::Restorer;
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    DeserializeSeed, Deserializer, EnumAccess, MapAccess, SeqAccess, VariantAccess, Visitor,
};
use serde_json::{Map, Value, map};
use std::iter::Enumerate;
use std::slice;

/// The items of a list.
pub(super) struct Items<'de>(Enumerate<slice::Iter<'de, Value>>);

impl<'de> Items<'de> {
    pub(super) fn new(items: &'de [Value]) -> Self {
        Self(items.iter().enumerate())
    }

    pub(super) fn left(&self) -> usize {
        self.0.len()
    }
}

impl<'de> SeqAccess<'de> for &mut Items<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some((index, item)) = self.0.next() else {
            return Ok(None);
        };
        restore(seed, item)
            .map(Some)
            .map_err(|fault| fault.under(index))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.0.len())
    }
}

/// The members of an object without its type, their keys unescaped.
pub(super) struct Members<'de> {
    members: map::Iter<'de>,
    /// The member whose key was read last.
    current: Option<(&'de str, &'de Value)>,
}

impl<'de> Members<'de> {
    pub(super) fn new(members: &'de Map<String, Value>) -> Self {
        Self {
            members: members.iter(),
            current: None,
        }
    }
}

impl<'de> MapAccess<'de> for Members<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, value)) = self.members.find(|(key, _)| *key != TYPE) else {
            return Ok(None);
        };
        self.current = Some((key, value));
        seed.deserialize(Key(unescape(key)))
            .map(Some)
            .map_err(|fault| fault.under(key))
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        let (key, value) = self
            .current
            .take()
            .expect("BUG: a value is read after its key");
        restore(seed, value).map_err(|fault| fault.under(key))
    }
}

/// A member of an enum.
pub(super) struct Member<'de> {
    pub(super) name: &'de str,
    pub(super) value: Option<&'de Value>,
}

impl Member<'_> {
    fn mismatch<T>(&self, expected: &str) -> Result<T, Fault> {
        let found = self.value.map_or_else(|| "none".to_owned(), describe);
        let message = format!(
            "expected {expected} as the value of the member `{}`, found {found}",
            self.name
        );
        Err(Fault::new(message))
    }
}

impl<'de> EnumAccess<'de> for Member<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let name = seed.deserialize(BorrowedStrDeserializer::new(self.name));
        name.map(|name| (name, self))
            .map_err(|fault: Fault| fault.under("name"))
    }
}

impl<'de> VariantAccess<'de> for Member<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.value {
            None | Some(Value::Null) => Ok(()),
            Some(_) => self.mismatch("nothing"),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        // A merge drops null: so a member that lost its value had null.
        static NULL: Value = Value::Null;
        restore(seed, self.value.unwrap_or(&NULL)).map_err(|fault| fault.under("value"))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Fault> {
        match self.value {
            Some(Value::Array(items)) => {
                visit_items(items, visitor).map_err(|fault| fault.under("value"))
            }
            _ => self.mismatch("a list"),
        }
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.value {
            Some(value @ Value::Object(_)) => Restorer(value)
                .deserialize_map(visitor)
                .map_err(|fault| fault.under("value")),
            _ => self.mismatch("a map"),
        }
    }
}
