//! Where `icecore log --after` begins.

use super::stream::Stream;
use icecore_core::plan::key::clamp;
use icecore_core::{Entry, Error, Generation, Order, Result, UpdateId, time};

/// A place in a history.
#[derive(Debug, Clone)]
pub(crate) enum After {
    /// Before the first update.
    Start,
    /// After a generation.
    Generation(Generation),
    /// After a time, milliseconds since 1970 UTC.
    Time(i64),
    /// After an update that is still to come.
    Update(UpdateId),
    /// After an update that was passed.
    Passed,
}

impl After {
    /// Reads a number, an RFC 3339 time or AUTHOR:SEQ.
    ///
    /// # Errors
    /// `Invalid` for anything else.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        if !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) {
            return text.parse().map(Self::Generation);
        }
        if let Ok(millis) = time::from_rfc3339(text) {
            return Ok(Self::Time(millis));
        }
        text.parse().map(Self::Update).map_err(|_| {
            Error::invalid(format!("{text:?} is no place in a history"))
                .with_hint("give an update as AUTHOR:SEQ, a time like 2026-11-20T12:00:00Z, or the number of a generation")
        })
    }

    /// The generation up to which nothing is to be printed.
    pub(crate) fn generation(&self) -> Generation {
        match self {
            Self::Generation(generation) => *generation,
            _ => Generation::ZERO,
        }
    }

    /// Refuses a place that is not in the history.
    ///
    /// # Errors
    /// `NotFound` for a generation that does not exist.
    pub(crate) fn check(&self, stream: &Stream<'_>) -> Result<()> {
        let newest = stream.newest();
        match self {
            Self::Generation(generation) if *generation > newest => Err(Error::not_found(format!(
                "there is no generation {generation}"
            ))
            .with_hint(format!("the newest is {newest}"))),
            _ => Ok(()),
        }
    }

    /// Whether an entry comes after this place; entries are shown in canonical order.
    pub(crate) fn passes(&mut self, entry: &Entry, order: Order) -> bool {
        match self {
            Self::Start | Self::Generation(_) | Self::Passed => true,
            Self::Time(millis) if order == Order::Timestamp => entry.key > clamp(*millis),
            // The keys of a sequenced space are no times.
            Self::Time(millis) => {
                let at = entry
                    .update
                    .parts()
                    .and_then(|parts| time::from_rfc3339(&parts.at).ok());
                at.is_none_or(|at| at > *millis)
            }
            Self::Update(id) => {
                if *id == entry.id {
                    *self = Self::Passed;
                }
                false
            }
        }
    }

    /// After the last entry: was the place there?
    ///
    /// # Errors
    /// `NotFound` for an update that was not.
    pub(crate) fn finish(&self) -> Result<()> {
        match self {
            Self::Update(id) => Err(Error::not_found("there is no such update in the history")
                .with_object(id.to_string())
                .with_hint("`icecore log` shows each update's author and seq; compress, reset and redact take updates out of it")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_apart() {
        assert!(matches!(After::parse("3").unwrap(), After::Generation(g) if g.get() == 3));
        assert!(matches!(
            After::parse("1970-01-01T00:00:01Z").unwrap(),
            After::Time(1_000)
        ));
        assert!(matches!(
            After::parse("018bcfe5-6800-7fff-bfff-ffffffffffff:3").unwrap(),
            After::Update(_)
        ));
        for bad in [
            "",
            "x",
            "-1",
            "018bcfe5:3",
            "2026-11-20",
            "99999999999999999999",
        ] {
            assert!(After::parse(bad).is_err(), "{bad}");
        }
    }
}
