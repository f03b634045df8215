//! What the server did, in numbers: `GET /metrics`, in the text format of Prometheus.

use icecore_core::{Error, Result};
use icecore_gateway::{Call, Observer};
use icecore_store::rounds::Report;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

/// How long calls take, in seconds: a call that asks the bucket nothing is done within a millisecond.
const BUCKETS: [f64; 10] = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 25.0];

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    method: String,
    endpoint: String,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct At {
    endpoint: String,
}

/// The numbers. No label holds what a client made up.
#[derive(Debug)]
pub(super) struct Metrics {
    registry: Registry,
    requests: Family<Answered, Counter>,
    seconds: Family<At, Histogram>,
    signed: Counter,
    rounds: Counter,
    rounds_failed: Counter,
    updates: Counter,
    segments: Counter,
    snapshots: Counter,
    pruned: Counter,
    quarantined: Counter,
    failures: Gauge,
    too_large: Gauge,
    lag: Gauge,
}

impl Metrics {
    pub(super) fn new() -> Self {
        let mut metrics = Self {
            registry: Registry::with_prefix("icecore"),
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| Histogram::new(BUCKETS)),
            signed: Counter::default(),
            rounds: Counter::default(),
            rounds_failed: Counter::default(),
            updates: Counter::default(),
            segments: Counter::default(),
            snapshots: Counter::default(),
            pruned: Counter::default(),
            quarantined: Counter::default(),
            failures: Gauge::default(),
            too_large: Gauge::default(),
            lag: Gauge::default(),
        };
        metrics.register();
        metrics
    }

    fn register(&mut self) {
        let registry = &mut self.registry;
        registry.register(
            "gateway_requests",
            "Calls of the gateway",
            self.requests.clone(),
        );
        registry.register_with_unit(
            "gateway_request_duration",
            "How long they took",
            Unit::Seconds,
            self.seconds.clone(),
        );
        registry.register("gateway_signed", "Requests presigned", self.signed.clone());
        let counters = [
            ("rollup_rounds", "Rounds of the roll-up", &self.rounds),
            (
                "rollup_rounds_failed",
                "Rounds that could not list the spaces",
                &self.rounds_failed,
            ),
            ("rollup_updates", "Updates rolled up", &self.updates),
            ("rollup_segments", "Segments written", &self.segments),
            ("rollup_snapshots", "Snapshots written", &self.snapshots),
            ("rollup_pruned", "Objects deleted by pruning", &self.pruned),
            (
                "rollup_quarantined",
                "Objects that could not be read",
                &self.quarantined,
            ),
        ];
        for (name, help, counter) in counters {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "rollup_failing_spaces",
            "Spaces that the last round could not deal with",
            self.failures.clone(),
        );
        registry.register(
            "rollup_too_large_spaces",
            "Spaces whose states take more memory than they may, as last met",
            self.too_large.clone(),
        );
        registry.register(
            "rollup_lag_milliseconds",
            "How long the oldest update has waited for its roll-up",
            self.lag.clone(),
        );
    }

    /// A round of the roll-up is over.
    pub(super) fn rolled_up(&self, report: &Report) {
        self.rounds.inc();
        self.updates.inc_by(report.updates);
        self.segments.inc_by(report.segments);
        self.snapshots.inc_by(report.snapshots);
        self.pruned.inc_by(report.pruned);
        self.quarantined.inc_by(report.quarantined);
        self.failures
            .set(i64::try_from(report.failures.len()).unwrap_or(i64::MAX));
        self.too_large
            .set(i64::try_from(report.too_large.len()).unwrap_or(i64::MAX));
        self.lag
            .set(i64::try_from(report.lag_ms).unwrap_or(i64::MAX));
    }

    /// A round of the roll-up did not come about.
    pub(super) fn round_failed(&self) {
        self.rounds.inc();
        self.rounds_failed.inc();
    }

    /// All of them, in the text format.
    pub(super) fn text(&self) -> Result<String> {
        let mut text = String::new();
        encode(&mut text, &self.registry)
            .map_err(|e| Error::internal("the metrics cannot be written").with_source(e))?;
        Ok(text)
    }
}

impl Observer for Metrics {
    fn answered(&self, call: &Call<'_>) {
        // A method can be any word.
        let method = match call.method {
            known @ ("GET" | "POST" | "DELETE" | "OPTIONS" | "HEAD" | "PUT") => known,
            _ => "-",
        };
        let answered = Answered {
            method: method.to_owned(),
            endpoint: call.endpoint.to_owned(),
            status: call.status,
        };
        self.requests.get_or_create(&answered).inc();
        let at = At {
            endpoint: call.endpoint.to_owned(),
        };
        let seconds = call.took.as_secs_f64();
        self.seconds.get_or_create(&at).observe(seconds);
        self.signed.inc_by(call.signed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn they_are_counted_by_endpoint_and_not_by_what_a_client_makes_up() {
        let metrics = Metrics::new();
        for method in ["POST", "BREW"] {
            metrics.answered(&Call {
                request_id: "1",
                method,
                endpoint: "/v1/spaces/{space}/sync",
                status: 200,
                took: Duration::from_millis(2),
                signed: 3,
            });
        }
        let report = Report {
            updates: 7,
            lag_ms: 5,
            ..Report::default()
        };
        metrics.rolled_up(&report);
        let text = metrics.text().unwrap();
        let lines = [
            r#"icecore_gateway_requests_total{method="POST",endpoint="/v1/spaces/{space}/sync",status="200"} 1"#,
            r#"icecore_gateway_requests_total{method="-",endpoint="/v1/spaces/{space}/sync",status="200"} 1"#,
            r#"icecore_gateway_request_duration_seconds_bucket{le="0.005",endpoint="/v1/spaces/{space}/sync"} 2"#,
            "icecore_gateway_signed_total 6",
            "icecore_rollup_updates_total 7",
            "icecore_rollup_lag_milliseconds 5",
            "# EOF",
        ];
        for line in lines {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(!text.contains("BREW"));
    }
}
