//! Variables of the environment; an empty one is not set.

use icecore_core::{Error, Result};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;
use url::Url;

/// Variables by name.
#[derive(Clone, Copy)]
pub struct Variables<'a>(pub &'a BTreeMap<String, String>);

impl std::fmt::Debug for Variables<'_> {
    // Not derived: the environment holds credentials.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Variables(…)")
    }
}

impl<'a> Variables<'a> {
    /// The value of a variable, if it is set.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        let value = self.0.get(name)?.as_str();
        (!value.is_empty()).then_some(value)
    }

    /// The value of the first of these that is set.
    pub fn first(&self, names: &[&'static str]) -> Option<(&'static str, &'a str)> {
        names.iter().find_map(|name| Some((*name, self.get(name)?)))
    }

    /// The value of a variable that must be set.
    ///
    /// # Errors
    /// `Invalid`, naming it.
    pub fn required(&self, name: &str) -> Result<&'a str> {
        self.get(name).ok_or_else(|| {
            Error::invalid("a variable of the environment is not set")
                .with_object(name)
                .with_hint("set it in the function's configuration")
        })
    }

    /// A number.
    ///
    /// # Errors
    /// `Invalid`, naming the variable.
    pub fn number<T: FromStr>(&self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        text.parse().map(Some).map_err(|_| {
            Error::invalid(format!("{text:?} is not a number that fits")).with_object(name)
        })
    }

    /// `500ms`, `90s`, `15m`, `24h` or `7d`.
    ///
    /// # Errors
    /// `Invalid`, naming the variable.
    pub fn duration(&self, name: &str) -> Result<Option<Duration>> {
        self.get(name)
            .map(|text| parse_duration(text).map_err(|e| e.with_object(name)))
            .transpose()
    }

    /// A URL.
    ///
    /// # Errors
    /// `Invalid`, naming the variable.
    pub fn url(&self, name: &str) -> Result<Option<Url>> {
        let Some(text) = self.get(name) else {
            return Ok(None);
        };
        Url::parse(text).map(Some).map_err(|e| {
            Error::invalid(format!("{text:?} is not a URL"))
                .with_object(name)
                .with_source(e)
        })
    }

    /// The region.
    pub fn region(&self) -> &'a str {
        let set = self.first(&["AWS_REGION", "AWS_DEFAULT_REGION"]);
        set.map_or("us-east-1", |(_, region)| region)
    }
}

fn parse_duration(text: &str) -> Result<Duration> {
    let bad = || {
        Error::invalid(format!("{text:?} is not a duration"))
            .with_hint("write it like 500ms, 90s, 15m, 24h or 7d")
    };
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit()).ok_or_else(bad)?);
    let millis_each: u64 = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(bad()),
    };
    let number: u64 = number.parse().map_err(|_| bad())?;
    let millis = number.checked_mul(millis_each).ok_or_else(bad)?;
    Ok(Duration::from_millis(millis))
}
