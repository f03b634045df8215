//! The line that is logged of each call, and the metrics that `CloudWatch` takes from it (its embedded metric format).

use icecore_function::system::print_line;
use icecore_gateway::{Call, Observer};
use icecore_store::Clock;
use serde_json::{Value, json};
use std::fmt;
use std::sync::Arc;

/// The namespace of the metrics.
pub const NAMESPACE: &str = "icecore";

/// Logs a line of each call to standard output.
pub struct EmbeddedMetrics {
    function: String,
    clock: Arc<dyn Clock>,
}

impl EmbeddedMetrics {
    /// With the name of the function, the dimension of its metrics.
    pub fn new(function: String, clock: Arc<dyn Clock>) -> Self {
        Self { function, clock }
    }

    /// The line of a call, as JSON.
    pub fn line(&self, call: &Call<'_>) -> String {
        let metric = |name: &str, unit: &str| json!({ "Name": name, "Unit": unit });
        let failed = |from: u16| u8::from((from..from + 100).contains(&call.status));
        let millis = u64::try_from(call.took.as_micros()).unwrap_or(u64::MAX);
        let line: Value = json!({
            "_aws": {
                "Timestamp": self.clock.now(),
                "CloudWatchMetrics": [{
                    "Namespace": NAMESPACE,
                    "Dimensions": [["FunctionName"]],
                    "Metrics": [
                        metric("Calls", "Count"),
                        metric("Duration", "Microseconds"),
                        metric("Signed", "Count"),
                        metric("Refused", "Count"),
                        metric("Failed", "Count"),
                    ],
                }],
            },
            "FunctionName": self.function,
            "Calls": 1,
            "Duration": millis,
            "Signed": call.signed,
            "Refused": failed(400),
            "Failed": failed(500),
            "level": if call.status >= 500 { "ERROR" } else { "INFO" },
            "message": "call",
            "request_id": call.request_id,
            "method": call.method,
            "endpoint": call.endpoint,
            "status": call.status,
        });
        line.to_string()
    }
}

impl Observer for EmbeddedMetrics {
    fn answered(&self, call: &Call<'_>) {
        print_line(&self.line(call));
    }
}

impl fmt::Debug for EmbeddedMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EmbeddedMetrics")
            .field("function", &self.function)
            .finish_non_exhaustive()
    }
}
