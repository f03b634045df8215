//! What a function does with the memory that Lambda gave it: one that takes more is killed, and with it what it did for others.

use crate::Variables;
use icecore_core::Result;
use icecore_store::Settings;

/// What the program takes by itself, with its connections.
const BESIDE: u64 = 64 << 20;
/// A function of 128 MiB, the smallest that there is, has as much for everything else.
const LEAST: u64 = 64 << 20;

/// What there is beside the program itself, in bytes; nothing outside of Lambda, where there is no limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory(Option<u64>);

impl Memory {
    /// What Lambda says.
    ///
    /// # Errors
    /// `Invalid`, naming the variable.
    pub fn of(variables: Variables<'_>) -> Result<Self> {
        let mebibytes: Option<u64> = variables.number("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")?;
        let rest = |mebibytes: u64| mebibytes.saturating_mul(1 << 20).saturating_sub(BESIDE);
        Ok(Self(mebibytes.map(|mebibytes| rest(mebibytes).max(LEAST))))
    }

    /// These settings within the memory. A state is there twice while it is folded, beside a segment that is being
    /// folded and the next one: four sixths, and what is kept besides. The rest is for what was read of them and not yet
    /// let go.
    #[must_use]
    pub fn limit(self, settings: Settings) -> Settings {
        let Some(bytes) = self.0 else {
            return settings;
        };
        Settings {
            unpacked_max: bytes / 6,
            state_max: bytes / 6,
            segments_ahead: 1,
            ..settings
        }
    }

    /// For the states that are kept from one invocation to the next.
    #[must_use]
    pub fn warm(self) -> u64 {
        self.0.map_or(u64::MAX, |bytes| bytes / 12)
    }
}
