//! Arithmetic on JSON numbers: 64-bit integers exactly, everything else as IEEE 754 doubles.

use crate::canonical;
use serde_json::Number;
use std::cmp::Ordering;

enum Real {
    Integer(i128),
    Float(f64),
}

impl Real {
    fn of(number: &Number) -> Self {
        match (number.as_i64(), number.as_u64()) {
            (Some(integer), _) => Self::Integer(integer.into()),
            (None, Some(integer)) => Self::Integer(integer.into()),
            (None, None) => Self::Float(number.as_f64().expect("BUG: a JSON number is an f64")),
        }
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "next to a float, an integer is rounded to one"
    )]
    fn to_float(&self) -> f64 {
        match *self {
            Self::Integer(integer) => integer as f64,
            Self::Float(float) => float,
        }
    }
}

/// The sum, or the code of what is wrong with it.
pub(super) fn add(left: &Number, right: &Number) -> Result<Number, &'static str> {
    match (Real::of(left), Real::of(right)) {
        (Real::Integer(left), Real::Integer(right)) => {
            let sum = left + right;
            let unsigned = u64::try_from(sum).map(Number::from);
            unsigned
                .or_else(|_| i64::try_from(sum).map(Number::from))
                .map_err(|_| "overflow")
        }
        (left, right) => {
            let sum = left.to_float() + right.to_float();
            canonical::integral(sum)
                .or_else(|| Number::from_f64(sum))
                .ok_or("not-finite")
        }
    }
}

/// Which number is greater, exactly: 2^53 + 1 is greater than 2^53, and 0.5 less than 1.
pub(super) fn compare(left: &Number, right: &Number) -> Ordering {
    match (Real::of(left), Real::of(right)) {
        (Real::Integer(left), Real::Integer(right)) => left.cmp(&right),
        (Real::Float(left), Real::Float(right)) => compare_floats(left, right),
        (Real::Integer(left), Real::Float(right)) => compare_mixed(left, right),
        (Real::Float(left), Real::Integer(right)) => compare_mixed(right, left).reverse(),
    }
}

fn compare_floats(left: f64, right: f64) -> Ordering {
    left.partial_cmp(&right)
        .expect("BUG: a JSON number is not a NaN")
}

fn compare_mixed(integer: i128, float: f64) -> Ordering {
    // Casts saturate, and every 64-bit integer is far inside the range of i128: so a float beyond that
    // range compares as it should.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the part that is cut off is compared next"
    )]
    let whole = float.floor() as i128;
    integer
        .cmp(&whole)
        .then_with(|| compare_floats(0.0, float - float.floor()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(text: &str) -> Number {
        let mut value = serde_json::from_str(text).unwrap();
        canonical::normalise(&mut value);
        serde_json::from_value(value).unwrap()
    }

    #[test]
    fn sums_are_exact_or_refused() {
        let table = [
            ("1", "2", "3"),
            ("-1", "1", "0"),
            ("9223372036854775807", "1", "9223372036854775808"),
            ("18446744073709551614", "1", "18446744073709551615"),
            (
                "18446744073709551615",
                "-9223372036854775808",
                "9223372036854775807",
            ),
            ("-9223372036854775807", "-1", "-9223372036854775808"),
            ("0.5", "0.5", "1"),
            ("0.1", "0.2", "0.30000000000000004"),
            ("1", "0.5", "1.5"),
            ("1e300", "1", "1e300"),
        ];
        for (left, right, sum) in table {
            let expected = number(sum);
            assert_eq!(
                add(&number(left), &number(right)),
                Ok(expected.clone()),
                "{left} + {right}"
            );
            assert_eq!(
                add(&number(right), &number(left)),
                Ok(expected),
                "{right} + {left}"
            );
        }
        for (left, right) in [
            ("18446744073709551615", "1"),
            ("-9223372036854775808", "-1"),
            ("1.7e308", "1.7e308"),
        ] {
            assert!(
                add(&number(left), &number(right)).is_err(),
                "{left} + {right}"
            );
        }
    }

    #[test]
    fn comparison_is_exact_between_integers_and_floats() {
        let ascending = [
            "-1e300",
            "-9223372036854775808",
            "-1.5",
            "-1",
            "-0.5",
            "0",
            "5e-324",
            "0.5",
            "1",
            "9007199254740992",
            "9007199254740993",
            "18446744073709551615",
            "18446744073709551616",
            "1e300",
        ];
        for (i, left) in ascending.iter().enumerate() {
            for (j, right) in ascending.iter().enumerate() {
                assert_eq!(
                    compare(&number(left), &number(right)),
                    i.cmp(&j),
                    "{left} {right}"
                );
            }
        }
    }
}
