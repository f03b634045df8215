//! Tokens: what is refused, what is allowed, and how often issuers are asked.

#![allow(clippy::unwrap_used, reason = "a test stops at what it did not expect")]

mod token {
    mod access;
    mod bound;
    mod confusion;
    mod http;
    mod issuers;
    mod own;
    mod properties;
    mod rotation;
    mod rules;
    mod settings;
    mod support;
    mod times;
}
