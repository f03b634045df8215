//! The real S3 server that `cargo xtask test` starts beside the tests.

/// Where the server listens, such as `http://127.0.0.1:4566`; its credentials are `test` and `test`.
///
/// A plain `cargo test` has no server: it prints that the test is skipped and returns `None`.
///
/// # Panics
/// When there is none although `ICECORE_REQUIRE_TOOLS=1` says that nothing may be skipped.
#[expect(
    clippy::disallowed_methods,
    reason = "a test is told by its environment where the server is"
)]
#[expect(clippy::print_stdout, reason = "a skipped test says so")]
pub(crate) fn s3_endpoint() -> Option<String> {
    let set = |name| std::env::var(name).ok().filter(|value| !value.is_empty());
    let endpoint = set("ICECORE_TEST_S3_ENDPOINT");
    if endpoint.is_none() {
        assert!(
            set("ICECORE_REQUIRE_TOOLS").as_deref() != Some("1"),
            "ICECORE_REQUIRE_TOOLS=1, but ICECORE_TEST_S3_ENDPOINT names no S3 server"
        );
        println!("skipped: no S3 server; `cargo xtask test` starts one");
    }
    endpoint
}
