//! How bad the network and the service are, as probabilities per request.

/// The faults of one actor's way to the bucket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Faults {
    /// A request takes up to this many milliseconds.
    pub latency_max: i64,
    /// A request takes minutes.
    pub stall: f64,
    /// A write lands; its response does not come back, or is a 500.
    pub lost_response: f64,
    /// A conditional write lands, is sent again by the HTTP client, and that second answer (412) is what comes back.
    pub retried_inside: f64,
    /// A write, or a deletion, is given up and lands later.
    pub zombie: f64,
    /// How much later at most, in milliseconds. Pruning rests on a retention that is longer.
    pub zombie_delay_max: i64,
    /// A conditional write, or a deletion, lands twice: the second time up to a minute later.
    pub duplicate: f64,
    /// A conditional write is answered with 409.
    pub conflict: f64,
    /// A request is answered with 500 or 503.
    pub refused: f64,
    /// A listing breaks off in the middle.
    pub broken_listing: f64,
    /// Objects per page of a listing; others write between the pages.
    pub page: usize,
}

impl Faults {
    /// A good network.
    pub const fn none() -> Self {
        Self {
            latency_max: 20,
            stall: 0.0,
            lost_response: 0.0,
            retried_inside: 0.0,
            zombie: 0.0,
            zombie_delay_max: 3 * 60 * 1_000,
            duplicate: 0.0,
            conflict: 0.0,
            refused: 0.0,
            broken_listing: 0.0,
            page: 1_000,
        }
    }

    /// The same, less often: 1 is as bad as it was, 0 is a good network.
    #[must_use]
    pub fn scaled(self, by: f64) -> Self {
        Self {
            stall: self.stall * by,
            lost_response: self.lost_response * by,
            retried_inside: self.retried_inside * by,
            zombie: self.zombie * by,
            duplicate: self.duplicate * by,
            conflict: self.conflict * by,
            refused: self.refused * by,
            broken_listing: self.broken_listing * by,
            ..self
        }
    }

    /// Only what a client's own retries do: responses get lost, requests are sent again.
    pub const fn retries() -> Self {
        Self {
            lost_response: 0.1,
            retried_inside: 0.2,
            ..Self::none()
        }
    }

    /// A bad day.
    pub const fn bad() -> Self {
        Self {
            latency_max: 400,
            stall: 0.01,
            lost_response: 0.04,
            retried_inside: 0.04,
            zombie: 0.04,
            zombie_delay_max: 3 * 60 * 1_000,
            duplicate: 0.02,
            conflict: 0.03,
            refused: 0.04,
            broken_listing: 0.03,
            page: 3,
        }
    }
}
