//! Canonical JSON: one value, one text, on every machine and in every language.
//!
//! Keys in order of their UTF-8 bytes (states use sorted maps), no blanks, numbers as ECMAScript prints
//! them (RFC 8785, 3.2.2.3) except that integers from -2^63 to 2^64-1 keep all their digits; a float with
//! an integral value in that range is that integer.

use crate::error::{Error, Result};
use serde::Serialize;
use serde_json::ser::Formatter;
use serde_json::{Number, Value};
use std::io::{self, Write};

/// The integer that a float is, if it is one in the range that JSON integers keep exactly here.
pub fn integral(float: f64) -> Option<Number> {
    const I64_MIN: f64 = -9_223_372_036_854_775_808.0;
    const U64_END: f64 = 18_446_744_073_709_551_616.0;
    if float.fract() != 0.0 || !(I64_MIN..U64_END).contains(&float) {
        return None;
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the range is checked above"
    )]
    Some(if float < 0.0 {
        Number::from(float as i64)
    } else {
        Number::from(float as u64)
    })
}

/// Replaces every float with an integral value by that integer, in place.
pub fn normalise(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            if let Some(integer) = number.as_f64().and_then(integral) {
                *number = integer;
            }
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::Object(members) => members.values_mut().for_each(normalise),
        _ => {}
    }
}

/// Writes a value as canonical JSON.
///
/// # Errors
/// `Internal` when the value has no JSON form; otherwise what `out` reports, as `Unavailable`.
pub fn write(value: &impl Serialize, out: impl Write) -> Result<()> {
    let mut serializer = serde_json::Serializer::with_formatter(out, Canonical);
    value.serialize(&mut serializer).map_err(|e| {
        let error = if e.is_io() {
            Error::unavailable("writing JSON failed")
        } else {
            Error::internal("BUG: a value has no JSON form")
        };
        error.with_source(e)
    })
}

/// The canonical JSON of a value.
///
/// # Errors
/// `Internal` when the value has no JSON form.
pub fn to_vec(value: &impl Serialize) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    write(value, &mut out)?;
    Ok(out)
}

struct Canonical;

impl Formatter for Canonical {
    fn write_f64<W: ?Sized + Write>(&mut self, writer: &mut W, value: f64) -> io::Result<()> {
        match integral(value) {
            Some(integer) => write!(writer, "{integer}"),
            None => writer.write_all(ryu_js::Buffer::new().format_finite(value).as_bytes()),
        }
    }

    fn write_f32<W: ?Sized + Write>(&mut self, writer: &mut W, value: f32) -> io::Result<()> {
        self.write_f64(writer, f64::from(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_spelling() {
        let table = [
            ("1.0", "1"),
            ("-0.0", "0"),
            ("1e2", "100"),
            ("0.1", "0.1"),
            ("1e-7", "1e-7"),
            ("1e21", "1e+21"),
            ("1e17", "100000000000000000"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "18446744073709552000"),
            ("-9223372036854775808", "-9223372036854775808"),
            ("5e-324", "5e-324"),
        ];
        for (text, canonical) in table {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(
                String::from_utf8(to_vec(&value).unwrap()).unwrap(),
                canonical,
                "{text}"
            );
            let mut value = value;
            normalise(&mut value);
            let again: Value = serde_json::from_str(canonical).unwrap();
            assert_eq!(to_vec(&value).unwrap(), to_vec(&again).unwrap(), "{text}");
        }
    }

    #[test]
    fn a_normalised_value_is_the_one_read_back() {
        let mut value: Value =
            serde_json::from_str(r#"{"b":[1.0,{"c":9007199254740993}],"a":1.5}"#).unwrap();
        normalise(&mut value);
        let again: Value = serde_json::from_slice(&to_vec(&value).unwrap()).unwrap();
        assert_eq!(value, again);
    }
}
