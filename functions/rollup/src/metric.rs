//! The one line that an invocation logs: the report, and the metrics that `CloudWatch` takes from it (its
//! embedded metric format).

use icecore_store::rounds::Report;
use serde_json::{Value, json};

/// The namespace of the metrics.
pub const NAMESPACE: &str = "icecore";
/// How many spaces and failures a line names: a line of a log is bounded.
const NAMED_MAX: usize = 20;

/// What a line tells.
#[derive(Debug)]
pub struct Line<'a> {
    /// The dimension of the metrics.
    pub function: &'a str,
    /// Which invocation.
    pub request_id: &'a str,
    /// The time, milliseconds since 1970 UTC.
    pub now: i64,
    /// Messages that could not be read; they count as failures.
    pub malformed: usize,
    /// The spaces that were left went to the queue.
    pub handed_over: bool,
    /// What the round did.
    pub report: &'a Report,
}

impl Line<'_> {
    /// The line, as JSON.
    pub fn to_json(&self) -> String {
        let metric = |name: &str, unit: &str| json!({ "Name": name, "Unit": unit });
        let mut report = self.report.clone();
        let (left, failures) = (report.left.len(), report.failures.len() + self.malformed);
        report.left.truncate(NAMED_MAX);
        report.failures.truncate(NAMED_MAX);
        let line: Value = json!({
            "_aws": {
                "Timestamp": self.now,
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": [["FunctionName"]],
                    "Metrics": [
                        metric("SpacesRolledUp", "Count"),
                        metric("Updates", "Count"),
                        metric("Lag", "Milliseconds"),
                        metric("Failures", "Count"),
                        metric("Left", "Count"),
                    ],
                }],
            },
            "FunctionName": self.function,
            "SpacesRolledUp": report.rolled_up,
            "Updates": report.updates,
            "Lag": report.lag_ms,
            "Failures": failures,
            "Left": left,
            "level": if failures > 0 { "WARN" } else { "INFO" },
            "message": "round",
            "request_id": self.request_id,
            "malformed": self.malformed,
            "handed_over": self.handed_over,
            "report": report,
        });
        line.to_string()
    }
}
