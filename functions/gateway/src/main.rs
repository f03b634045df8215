//! The gateway as a Lambda function.

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda_http::Error> {
    icecore_gateway_function::run().await
}
