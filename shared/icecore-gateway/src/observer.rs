//! Who is told of each call, to count it: a server's metrics, a function's log.

use std::fmt;
use std::time::Duration;

/// A call that was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Call<'a> {
    /// The id that the answer carries as `x-request-id`.
    pub request_id: &'a str,
    /// The method.
    pub method: &'a str,
    /// The pattern of the path, such as `/v1/spaces/{space}/sync`; `-` for a path that is none of ours.
    pub endpoint: &'a str,
    /// The status of the answer.
    pub status: u16,
    /// How long it took.
    pub took: Duration,
    /// Requests that were signed for it.
    pub signed: u64,
}

/// Is told of each call. It must not wait for anything.
pub trait Observer: fmt::Debug + Send + Sync {
    /// A call was answered.
    fn answered(&self, call: &Call<'_>);
}
