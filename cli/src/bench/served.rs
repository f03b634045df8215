//! A gateway to measure: `icecore serve` in a process of its own, on a folder, and tokens for it.

use super::site::{Scratch, cannot};
use super::traffic::Counter;
use crate::context::Context;
use icecore_core::{Error, ModelRef, Order, Result, SpaceInfo, SpaceName};
use icecore_gateway::token::{Claims, Right, Rights, Secret, SigningKey, SpacePattern, mint};
use icecore_store::backend::{self, ServerTime, TokenSource};
use icecore_store::backend::{Gateway, GatewayAddress};
use icecore_store::{Clock, Store};
use object_store::client::HttpClient;
use object_store::path::Path as ObjectPath;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStdout, Command};
use url::Url;

const ROLLUP_EVERY: &str = "--rollup-every";

/// Longer than any benchmark.
const TOKEN_MILLIS: i64 = 24 * 3_600_000;

/// The server; it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Served {
    pub(super) url: String,
    key: SigningKey,
    /// With which its S3 endpoint is asked.
    access: [String; 2],
    child: Child,
    /// Whoever closed it would end the server.
    _stdout: BufReader<ChildStdout>,
    scratch: Scratch,
}

impl Served {
    /// Starts a server over an empty folder, on a free port of this machine, which rolls up every few seconds.
    pub(super) async fn start(context: &Context) -> Result<Self> {
        Self::start_with(context, &[], &json!({})).await
    }

    /// The same with more arguments and these settings.
    pub(super) async fn start_with(
        context: &Context,
        arguments: &[&str],
        settings: &Value,
    ) -> Result<Self> {
        let scratch = Scratch::new(context)?;
        let folder = scratch.path("data");
        let failed = |what: &'static str| {
            let folder = folder.clone();
            move |e: std::io::Error| cannot(what, &folder, e)
        };
        let file = scratch.path("settings.json");
        std::fs::write(&file, settings.to_string()).map_err(failed("write the settings of"))?;
        let mut child = Command::new(std::env::current_exe().map_err(failed("find"))?)
            .args(["serve", "--listen", "127.0.0.1:0", "--json"])
            .args(if arguments.contains(&ROLLUP_EVERY) {
                &[][..]
            } else {
                &[ROLLUP_EVERY, "5"]
            })
            .arg("--dir")
            .arg(&folder)
            .arg("--settings")
            .arg(&file)
            .args(arguments)
            .stdout(Stdio::piped())
            // It logs each call, as it always does, and nobody reads it.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(failed("start"))?;
        let no_output = || Error::internal("BUG: a process without an output");
        let mut stdout = BufReader::new(child.stdout.take().ok_or_else(no_output)?);
        let mut line = String::new();
        stdout.read_line(&mut line).await.map_err(failed("start"))?;
        let told: Value = serde_json::from_str(&line)
            .map_err(|e| Error::internal("the server of the benchmark ended").with_source(e))?;
        let url = told["listening"].as_str().unwrap_or_default().to_owned();
        let keys = std::fs::read(folder.join("serve.json")).map_err(failed("read"))?;
        let keys: Value = serde_json::from_slice(&keys)
            .map_err(|e| Error::corrupt("the server's keys cannot be read").with_source(e))?;
        let secret = Secret::from_base64(keys["token_secret"].as_str().unwrap_or_default())?;
        let text = |name: &str| keys[name].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            url,
            key: SigningKey::hs256(&secret),
            access: [text("access_key"), text("secret_key")],
            child,
            _stdout: stdout,
            scratch,
        })
    }

    /// A server that rolls up so seldom that it does not while it is measured.
    pub(super) async fn start_quiet(context: &Context) -> Result<Self> {
        Self::start_with(context, &[ROLLUP_EVERY, "3600"], &json!({})).await
    }

    /// The environment in which `s3://icecore` is the bucket of its S3 endpoint.
    pub(super) fn s3_environment(&self) -> BTreeMap<String, String> {
        let [key, secret] = &self.access;
        [
            ("AWS_ENDPOINT_URL", self.url.as_str()),
            ("AWS_ACCESS_KEY_ID", key),
            ("AWS_SECRET_ACCESS_KEY", secret),
            ("AWS_REGION", "us-east-1"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into()
    }

    /// A token of its own, good for everything.
    pub(super) fn token(&self, context: &Context) -> Result<String> {
        token(&self.key, context)
    }

    /// The store as a client with a token of its own reaches it.
    pub(super) fn store(&self, context: &Context) -> Result<Store> {
        let token = ("ICECORE_TOKEN".to_owned(), self.token(context)?);
        let clock = Arc::clone(&context.clock);
        let backend = backend::open(&self.url, [token].into_iter(), Arc::clone(&clock))?;
        Ok(Store::new(&backend, clock, Arc::clone(&context.ids)))
    }

    /// The same with another clock, and with what it asks for counted.
    pub(super) fn counted_store(
        &self,
        clock: &Arc<dyn Clock>,
        context: &Context,
    ) -> Result<(Store, Counter)> {
        let counter = Counter::default();
        let store = self.store_with(counter.client()?, clock, context)?;
        Ok((store, counter))
    }

    fn store_with(
        &self,
        http: HttpClient,
        clock: &Arc<dyn Clock>,
        context: &Context,
    ) -> Result<Store> {
        let address = Url::parse(&self.url)
            .map_err(|e| Error::internal("BUG: a server has an address").with_source(e))?;
        let server_time = Arc::new(ServerTime::new());
        let gateway = Gateway::new(
            GatewayAddress::parse(&address)?,
            TokenSource::Fixed(self.token(context)?),
            http,
            Arc::clone(clock),
            Arc::clone(&server_time),
        );
        let objects = Arc::new(gateway.clone());
        let ids = Arc::clone(&context.ids);
        let store = Store::on(
            objects,
            ObjectPath::default(),
            Arc::clone(clock),
            ids,
            server_time,
        );
        Ok(store.with_broker(Arc::new(gateway)))
    }

    /// A new space of documents.
    pub(super) async fn space(&self, context: &Context) -> Result<SpaceInfo> {
        let name: SpaceName = format!("bench-{:08x}", context.ids.random() >> 96).parse()?;
        let store = self.store(context)?;
        store
            .create_space(&name, ModelRef::named("document"), Order::Timestamp)
            .await
    }

    /// How much memory the server takes now, in bytes.
    pub(super) fn resident(&self) -> Result<u64> {
        self.told("VmRSS:").map(|kib| kib * 1024)
    }

    /// How much memory it took at most, in bytes.
    pub(super) fn peak(&self) -> Result<u64> {
        self.told("VmHWM:").map(|kib| kib * 1024)
    }

    /// How many threads it has.
    pub(super) fn threads(&self) -> Result<u64> {
        self.told("Threads:")
    }

    /// How many files and connections it has open.
    pub(super) fn descriptors(&self) -> Result<u64> {
        let id = self.child.id().unwrap_or_default();
        let open = std::fs::read_dir(format!("/proc/{id}/fd"));
        open.map(|open| open.count() as u64)
            .map_err(|e| untold().with_source(e))
    }

    /// A number that the system tells of the process.
    fn told(&self, name: &str) -> Result<u64> {
        let status = self
            .child
            .id()
            .and_then(|id| std::fs::read_to_string(format!("/proc/{id}/status")).ok())
            .unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse().ok())
            .ok_or_else(untold)
    }

    /// Kills the server; returns the folder of its objects, which stays until the second value is dropped.
    pub(super) async fn stop(mut self) -> Result<(PathBuf, Scratch)> {
        let objects = self.scratch.path("data").join("store");
        self.child
            .kill()
            .await
            .map_err(|e| cannot("stop", &objects, e))?;
        Ok((objects, self.scratch))
    }
}

fn untold() -> Error {
    Error::invalid("this system does not tell how much memory a process takes")
}

/// A token with a name of its own: calls are counted by it.
pub(super) fn token(key: &SigningKey, context: &Context) -> Result<String> {
    let rights: Rights = [Right::Admin].into_iter().collect();
    let end = context.clock.now() + TOKEN_MILLIS;
    let claims = Claims {
        token_id: Some(format!("{:032x}", context.ids.random())),
        ..Claims::new("bench", vec![SpacePattern::all()], rights, end)
    };
    mint(key, &claims)
}
