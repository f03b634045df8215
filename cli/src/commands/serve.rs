//! `icecore serve`: the gateway, an S3 endpoint over a folder, the scheduled roll-up and the files of an app, in one process.

mod app;
mod arriving;
mod connections;
mod dispatch;
mod listener;
mod memory;
mod metrics;
mod rollups;
mod secrets;
mod site;

use crate::context::Context;
use crate::exit::Outcome;
use crate::system;
use clap::Args;
use icecore_core::Error;
use memory::Memory;
use rollups::Rollups;
use serde_json::json;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

const EXAMPLES: &str = "\
Examples:
  icecore serve --dir ./data
  export ICECORE_STORE=http://127.0.0.1:8333
  export ICECORE_TOKEN=$(icecore token --dir ./data --space '*' --right admin)
  icecore space create todo
  icecore serve --dir ./data --app ./dist

The objects lie in DIR/store and can be read with --store DIR/store while it runs. DIR/serve.json holds the keys that it \
made at its first start: whoever has that file can do everything.

With --s3 the objects lie in a bucket of your own, reached with the AWS_ variables of the environment, and the secret \
that tokens are signed with is taken from ICECORE_TOKEN_SECRET (at least 32 bytes, or `base64:` and base64).";

/// Serve a store to clients that hold no credentials: gateway, S3 endpoint and roll-up on one machine
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Keep everything in this folder, and serve its objects by the S3 protocol
    #[arg(long, value_name = "DIR", required_unless_present = "s3")]
    dir: Option<PathBuf>,

    /// Keep the objects in this bucket: `s3://bucket/prefix`
    #[arg(long, value_name = "URL", conflicts_with = "dir")]
    s3: Option<String>,

    /// Where to listen
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8333")]
    listen: SocketAddr,

    /// The address that clients use, where a proxy stands in front: `https://sync.example.org`
    #[arg(long, value_name = "URL")]
    public_url: Option<String>,

    /// Let pages of this origin call the gateway from a browser; can be given several times
    #[arg(long, value_name = "ORIGIN")]
    allow_origin: Vec<String>,

    /// Serve the files of this folder too: a web app, on the gateway's own origin
    #[arg(long, value_name = "DIR")]
    app: Option<PathBuf>,

    /// Seconds between roll-ups
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=3600))]
    rollup_every: u64,

    /// How long covered update objects are kept, in hours
    #[arg(long, value_name = "HOURS", default_value_t = 24, value_parser = clap::value_parser!(u64).range(1..=8760))]
    retention: u64,

    /// How much memory the server may take, like `512M` or `2G`; half of what there is unless this is given
    #[arg(long, value_name = "SIZE", value_parser = memory::parse)]
    memory: Option<u64>,

    /// A file with settings of tokens, limits and guests, see docs/gateway.md
    #[arg(long, value_name = "FILE")]
    settings: Option<PathBuf>,
}

/// Runs until it is told to stop.
pub(crate) async fn run(args: &ServeArgs, context: &Context) -> Outcome {
    let memory = Memory::new(args.memory);
    let site = site::open(args, context, memory).await?;
    let listener = TcpListener::bind(args.listen).await.map_err(|e| {
        Error::invalid(format!("cannot listen on {}", args.listen))
            .with_object("--listen")
            .with_hint("another program may listen there already: choose another port")
            .with_source(e)
    })?;
    let address = listener
        .local_addr()
        .map_err(|e| Error::internal("the listener has no address").with_source(e))?;
    let url = format!("http://{address}");
    let result = json!({ "listening": url, "location": site.location, "store": site.store_id });
    context.out.result(&result, || {
        format!("serving {} at {url}\nstop with Ctrl-C", site.location)
    })?;
    context.out.flush()?;
    let schedule = rollups::Schedule {
        every: Duration::from_secs(args.rollup_every),
        retention: Duration::from_hours(args.retention),
    };
    let rollups = Rollups {
        store: site.store,
        backend: site.backend,
        schedule,
        memory,
        metrics: site.metrics,
    };
    let rollups = rollups.start()?;
    let clock = Arc::clone(&context.clock);
    let stop = system::told_to_stop();
    listener::serve(listener, site.service, (clock, site.places), stop).await;
    rollups.stop().await;
    context.out.note("stopped");
    Ok(())
}
