//! A roll-up function for a model of one's own: steps per day, of which the largest number that was reported counts.
//!
//! Build it as the built-in one, and give its binary to the function of the stack.

use icecore_core::{Meta, Model, Registry, Rejected};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Steps per day.
#[derive(Debug, Clone)]
pub(crate) struct Steps;

/// A day, and what a device counted on it.
#[derive(Debug, serde::Deserialize)]
pub(crate) struct Walked {
    day: String,
    steps: u64,
}

impl Model for Steps {
    type State = BTreeMap<String, u64>;
    type Update = Walked;

    fn name(&self) -> &'static str {
        "steps"
    }

    fn version(&self) -> u32 {
        1
    }

    fn initial(&self) -> Self::State {
        BTreeMap::new()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Walked, Rejected> {
        if kind != "walked" {
            return Err(Rejected::new("the only kind is `walked`"));
        }
        serde_json::from_str(data.get()).map_err(|e| Rejected::new(e.to_string()))
    }

    fn apply(&self, state: &mut Self::State, update: Walked, _: &Meta<'_>) -> Result<(), Rejected> {
        let steps = state.entry(update.day).or_default();
        *steps = update.steps.max(*steps);
        Ok(())
    }
}

/// What the function of this program can fold.
pub(crate) fn registry() -> Registry {
    Registry::built_in().with(Steps)
}

#[tokio::main]
async fn main() -> Result<(), lambda_runtime::Error> {
    icecore_rollup::run(registry()).await
}
