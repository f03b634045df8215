//! The golden vectors in `tests/vectors/` of the workspace, which clients in other languages read too, and the
//! examples in `docs/format.md`.
//!
//! Of each case the input stands in the file; what follows from it is computed here and compared. After a change
//! of the format, or for a new case, `ICECORE_BLESS=1 cargo test -p icecore-core --test vectors` writes it
//! instead: look at the difference before it is committed.

#![allow(
    clippy::unwrap_used,
    reason = "a test fails by panicking, its helpers too"
)]

#[path = "vectors/docs.rs"]
mod docs;
#[path = "vectors/encoding.rs"]
mod encoding;
#[path = "vectors/files.rs"]
mod files;
#[path = "vectors/history.rs"]
mod history;
#[path = "vectors/layers.rs"]
mod layers;
#[path = "vectors/objects.rs"]
mod objects;
#[path = "vectors/rejected.rs"]
mod rejected;
#[path = "vectors/rules.rs"]
mod rules;
#[path = "vectors/segments.rs"]
mod segments;
#[path = "vectors/snapshots.rs"]
mod snapshots;
#[path = "vectors/words.rs"]
mod words;
