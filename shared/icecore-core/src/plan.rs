//! The decisions of the protocol as pure functions: which key, which way to catch up, what to roll up. The
//! shell asks here and then does as it is told.

pub mod catch_up;
pub mod key;
pub mod pace;
pub mod rollup;
pub mod tail;

pub use catch_up::{CatchUp, plan_catch_up};
pub use key::{KeyClock, KeyHints};
pub use pace::Pace;
pub use rollup::{Loaded, RollupPlan, SnapshotRule, plan_rollup};
pub use tail::{TailRule, TailWatch};
