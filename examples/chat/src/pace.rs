//! Waiting, in the one place where a program that people watch has to.

use icecore::{Error, Result};
use std::str::FromStr;
use std::time::Duration;

/// Waits.
#[expect(
    clippy::disallowed_methods,
    reason = "a replay at a speed and a screen that is refreshed happen in real time"
)]
pub async fn wait(duration: Duration) {
    tokio::time::sleep(duration).await;
}

/// How fast a conversation is played.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Speed {
    /// As fast as it goes: no waiting.
    Max,
    /// So many times as fast as it was.
    Times(u32),
}

impl Speed {
    /// How long `millis` of the log take.
    pub fn lasts(self, millis: i64) -> Duration {
        match self {
            Self::Max => Duration::ZERO,
            Self::Times(times) => {
                Duration::from_millis(u64::try_from(millis).unwrap_or(0)) / times.max(1)
            }
        }
    }

    /// How much of the log, in milliseconds, is played at once: what nobody can tell apart by eye, or a minute, which is
    /// what a log can tell apart.
    pub fn step(self) -> i64 {
        match self {
            Self::Max => 60_000,
            Self::Times(times) => i64::from(times) * 50,
        }
    }
}

impl FromStr for Speed {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match (text, text.parse()) {
            ("max", _) => Ok(Self::Max),
            (_, Ok(times @ 1..)) => Ok(Self::Times(times)),
            _ => Err(Error::invalid(format!("{text:?} is not a speed"))
                .with_hint("write how many times as fast, e.g. 100, or max")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_speed_is_a_number_or_max() {
        assert_eq!("max".parse::<Speed>().unwrap(), Speed::Max);
        let hundred: Speed = "100".parse().unwrap();
        assert_eq!(hundred.lasts(60_000), Duration::from_millis(600));
        assert_eq!(Speed::Max.lasts(60_000), Duration::ZERO);
        for text in ["", "0", "-1", "1.5", "fast"] {
            assert!(
                text.parse::<Speed>().unwrap_err().hint().is_some(),
                "{text:?}"
            );
        }
    }
}
