//! What an operator runs, on a bucket in memory: epochs, time travel, model versions, rounds over many spaces.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod protocol {
    pub(crate) mod bench;
    mod epochs;
    mod gaps;
    mod growth;
    mod hostile;
    mod layers;
    mod link;
    mod models;
    mod polls;
    mod pruning;
    mod rounds;
    mod too_large;
    mod transient;
}
