//! The roll-up of all spaces whose models are built in, as a Lambda function.

use icecore_core::Registry;

// One thread: a machine of this size has less than a processor, and each thread would have a heap of its own.
#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_runtime::Error> {
    icecore_rollup::run(Registry::built_in()).await
}
