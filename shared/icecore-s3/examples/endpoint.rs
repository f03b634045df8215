//! The endpoint alone, over a folder, for suites of tests that make buckets of their own:
//! `cargo run -p icecore-s3 --example endpoint -- FOLDER [PORT]`.
//!
//! Its key is `access`, the secret `secret`. `icecore serve` is what people run.

#![allow(
    clippy::print_stdout,
    clippy::disallowed_methods,
    reason = "an example says where it listens, and signatures are checked against the clock of the machine"
)]

use hyper_util::rt::TokioIo;
use icecore_s3::Endpoint;
use icecore_store::backend::Folder;
use std::error::Error;
use std::sync::Arc;
use std::time::SystemTime;
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = Folder::new(arguments.next().ok_or("name a folder")?);
    folder.create().await?;
    let port = arguments.next().map_or(Ok(0), |port| port.parse())?;
    let files = folder.clone();
    let endpoint = Endpoint::builder(Arc::new(folder))
        .allow_create(true)
        .key("access", "secret")
        .now(|| {
            let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
            since.map_or(0, |since| {
                i64::try_from(since.as_millis()).unwrap_or(i64::MAX)
            })
        })
        .delete_version(move |path, tag| {
            let files = files.clone();
            async move { files.delete_version(&path, &tag).await }
        })
        .build();
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("http://{}", listener.local_addr()?);
    loop {
        let (stream, _) = listener.accept().await?;
        let endpoint = endpoint.clone();
        let connection = hyper::server::conn::http1::Builder::new()
            .serve_connection(TokioIo::new(stream), endpoint);
        // It fails when the client goes away.
        tokio::spawn(async move { drop(connection.await) });
    }
}
