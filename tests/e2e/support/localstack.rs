//! The real S3 server that `cargo xtask test` starts beside the tests; it has queues and parameters too.

use super::tools;

/// Where the server listens, such as `http://127.0.0.1:4566`; its credentials are `test` and `test`. `None` when there is
/// none and the test is to be skipped.
pub(crate) fn s3_endpoint() -> Option<String> {
    tools::named_by("ICECORE_TEST_S3_ENDPOINT")
}
