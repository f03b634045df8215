//! A small app: a sum that must never be below zero.

use icecore::{Meta, Model, RawValue, Rejected, message};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Count {
    pub(crate) sum: i64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", content = "data", rename_all = "snake_case")]
pub(crate) enum Msg {
    Add { by: i64 },
    Take { by: i64 },
    Impossible,
}

/// The model; `lax` takes everything, as a program with a bug would.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counter {
    pub(crate) lax: bool,
}

impl Model for Counter {
    type State = Count;
    type Update = Msg;

    fn name(&self) -> &'static str {
        "counter"
    }

    fn version(&self) -> u32 {
        1
    }

    fn initial(&self) -> Count {
        Count::default()
    }

    fn decode(&self, kind: &str, data: &RawValue) -> Result<Msg, Rejected> {
        message::decode(kind, data)
    }

    fn apply(&self, count: &mut Count, msg: Msg, _: &Meta<'_>) -> Result<(), Rejected> {
        match msg {
            _ if self.lax => {}
            Msg::Add { by } => count.sum += by,
            Msg::Take { by } if count.sum >= by => count.sum -= by,
            Msg::Take { by } => {
                let reason = format!("{by} cannot be taken from {}", count.sum);
                return Err(Rejected::new(reason));
            }
            Msg::Impossible => return Err(Rejected::inconsistent("it never happens")),
        }
        Ok(())
    }
}
