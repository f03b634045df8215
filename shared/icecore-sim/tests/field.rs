//! What people lost with the systems of this field, one test each: the first lines tell what happened to whom, why,
//! and what icecore does instead.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "field/site.rs"]
mod site;

#[path = "field/bad_objects.rs"]
mod bad_objects;
#[path = "field/browser.rs"]
mod browser;
#[path = "field/clocks.rs"]
mod clocks;
#[path = "field/cost.rs"]
mod cost;
#[path = "field/encryption.rs"]
mod encryption;
#[path = "field/hints.rs"]
mod hints;
#[path = "field/late.rs"]
mod late;
#[path = "field/newer.rs"]
mod newer;
#[path = "field/order.rs"]
mod order;
#[path = "field/own_writes.rs"]
mod own_writes;
#[path = "field/passing.rs"]
mod passing;
#[path = "field/removal.rs"]
mod removal;
#[path = "field/resets.rs"]
mod resets;
#[path = "field/restored.rs"]
mod restored;
#[path = "field/rollups.rs"]
mod rollups;
#[path = "field/saved.rs"]
mod saved;
#[path = "field/signatures.rs"]
mod signatures;
#[path = "field/status.rs"]
mod status;
