//! All that strangers do to the server at once.

use super::super::sample::{author, queued};
use super::super::served::Served;
use super::raw::Server;
use crate::context::Context;
use icecore_core::{
    Digest, Entry, Error, Generation, Key, ObjectKey, Result, Segment, SegmentHeader, Seq,
    SpaceInfo, Update, UpdateId,
};
use icecore_replica::Replica;
use icecore_store::backend;
use icecore_store::bucket::Content;
use icecore_store::{Clock, Store};
use serde_json::value::RawValue;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Uploads that are announced and never sent, and their length.
const ANNOUNCED: usize = 500;
const ANNOUNCED_BYTES: usize = 1_000_000;
/// Connections that say nothing, from so many addresses.
const SILENT: usize = 4_500;
const ADDRESSES: u8 = 5;
/// Zeros in one update of the guest: a megabyte.
const ZEROS: usize = 480_000;
/// Updates like that in the segment that packs well.
const BOMB: u64 = 300;
/// How long an attacker waits that was sent away.
const AGAIN: Duration = Duration::from_secs(3);
/// A slot lives for half a minute.
const SLOT: Duration = Duration::from_secs(20);

/// What attackers were answered, by status.
#[derive(Debug, Clone, Default)]
pub(super) struct Refusals(Arc<Mutex<BTreeMap<u16, u64>>>);

impl Refusals {
    fn count(&self, status: u16) {
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry(status).or_default() += 1;
    }

    /// How many answers were no success and no refusal of what this client did, and all of them.
    pub(super) fn told(&self) -> (u64, String) {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fine = |status: u16| matches!(status, 200..=299 | 400..=499 | 503);
        let others = counts.iter().filter(|(status, _)| !is_fine(**status));
        let told = counts
            .iter()
            .map(|(status, count)| format!("{count} × {status}"));
        (
            others.map(|(_, count)| count).sum(),
            told.collect::<Vec<_>>().join("; "),
        )
    }
}

/// The attackers; they stop when it ends.
pub(super) struct Attack {
    tasks: JoinSet<()>,
    refusals: Refusals,
}

/// A guest's space and its token.
struct Guest {
    space: SpaceInfo,
    token: String,
    store: Store,
}

impl Attack {
    pub(super) async fn begin(served: &Served, context: &Context) -> Result<Self> {
        let server = Server::of(served);
        let clock = &context.clock;
        let refusals = Refusals::default();
        let mut tasks = JoinSet::new();
        bomb(served, context).await?;
        let announcer = guest(&server, served, context).await?;
        let first = slot(&server, &announcer).await?;
        let (heads, head) = watch::channel(first);
        tasks.spawn(renew(server.clone(), announcer, heads, Arc::clone(clock)));
        for _ in 0..ANNOUNCED {
            let (server, clock) = (server.clone(), Arc::clone(clock));
            tasks.spawn(hold(server, 2, Some(head.clone()), clock));
        }
        for n in 0..SILENT {
            let from = 3 + u8::try_from(n % usize::from(ADDRESSES)).unwrap_or(0);
            tasks.spawn(hold(server.clone(), from, None, Arc::clone(clock)));
        }
        let zeros = guest(&server, served, context).await?;
        tasks.spawn(write_zeros(zeros, Arc::clone(clock)));
        let caller = guest(&server, served, context).await?;
        tasks.spawn(call(server, caller, refusals.clone()));
        Ok(Self { tasks, refusals })
    }

    pub(super) fn end(mut self) -> Refusals {
        self.tasks.abort_all();
        self.refusals
    }
}

async fn guest(server: &Server, served: &Served, context: &Context) -> Result<Guest> {
    let (status, made) = server.ask("POST", "/v1/users", "", "{}").await?;
    let text = |name: &str| made[name].as_str().map(str::to_owned);
    let (Some(space), Some(token)) = (text("space"), text("token")) else {
        return Err(Error::internal(format!("no guest was made: {status}")));
    };
    let clock = Arc::clone(&context.clock);
    let access = ("ICECORE_TOKEN".to_owned(), token.clone());
    let backend = backend::open(&served.url, [access].into_iter(), Arc::clone(&clock))?;
    let store = Store::new(&backend, clock, Arc::clone(&context.ids));
    let space = store.space(&space.parse()?).await?.info;
    Ok(Guest {
        space,
        token,
        store,
    })
}

/// The head of an upload that the guest may begin.
async fn slot(server: &Server, guest: &Guest) -> Result<String> {
    let body = vec![b'x'; ANNOUNCED_BYTES];
    let request = json!({ "write": {
        "epoch": guest.space.epoch,
        "author": "018bcfe5-6800-7fff-bfff-ffffffffffff",
        "keys": { "after": { "seen": 0, "reached": 0, "stride": 1 } },
        "objects": [{ "bytes": body.len(), "sha256": Digest::of(&body) }],
        "spare": 0,
    } });
    let path = format!("/v1/spaces/{}/sync", guest.space.space);
    let (status, answer) = server
        .ask("POST", &path, &guest.token, &request.to_string())
        .await?;
    let signed: &Value = &answer["slots"][0][0];
    server
        .head(signed, ANNOUNCED_BYTES)
        .ok_or_else(|| Error::internal(format!("no slot for an attacker: {status}")))
}

async fn renew(server: Server, guest: Guest, heads: watch::Sender<String>, clock: Arc<dyn Clock>) {
    loop {
        clock.sleep(SLOT).await;
        if let Ok(head) = slot(&server, &guest).await {
            heads.send_replace(head);
        }
    }
}

/// Connects, says what there is to say, and waits until it is sent away; again and again.
async fn hold(
    server: Server,
    from: u8,
    head: Option<watch::Receiver<String>>,
    clock: Arc<dyn Clock>,
) {
    loop {
        if let Ok(mut stream) = server.connect_from(from).await {
            let said = head.as_ref().map(|head| head.borrow().clone());
            if stream
                .write_all(said.unwrap_or_default().as_bytes())
                .await
                .is_ok()
            {
                let mut answer = Vec::new();
                drop(stream.read_to_end(&mut answer).await);
            }
        }
        clock.sleep(AGAIN).await;
    }
}

fn zeros() -> Result<Box<RawValue>> {
    let text = format!("{{\"zeros\":[{}0]}}", "0,".repeat(ZEROS - 1));
    RawValue::from_string(text).map_err(|e| Error::internal("BUG: zeros are JSON").with_source(e))
}

/// Writes arrays of zeros as fast as the server lets it.
async fn write_zeros(guest: Guest, clock: Arc<dyn Clock>) {
    let begin = || -> Result<_> {
        let space = Replica::in_memory(guest.store.clone())?.space(&guest.space.space)?;
        Ok((space, zeros()?))
    };
    let Ok((mut space, zeros)) = begin() else {
        return;
    };
    for n in 0_u64.. {
        let data = zeros.get().replace("zeros", &format!("zeros-{n}"));
        let Ok(data) = RawValue::from_string(data) else {
            return;
        };
        let update = Update::new(clock.now(), "merge", &data, None);
        let waits = update.map(|update| space.enqueue(&[queued(update)]));
        if !matches!(waits, Ok(Ok(_))) || Box::pin(space.flush()).await.is_err() {
            clock.sleep(AGAIN).await;
        }
    }
}

/// Calls as fast as it can.
async fn call(server: Server, guest: Guest, refusals: Refusals) {
    let path = format!("/v1/spaces/{}/sync", guest.space.space);
    loop {
        if let Ok((status, _)) = server
            .ask("POST", &path, &guest.token, r#"{"look":{}}"#)
            .await
        {
            refusals.count(status);
        }
        tokio::task::yield_now().await;
    }
}

/// An administrator of one space stores a segment that unpacks to hundreds of times its size.
async fn bomb(served: &Served, context: &Context) -> Result<()> {
    let store = served.store(context)?;
    let info = served.space(context).await?;
    let (space, epoch) = (info.space.clone(), info.epoch);
    let first = Generation::ZERO.saturating_add(1);
    let now = context.clock.now();
    let packed = tokio::task::spawn_blocking(move || {
        let update = Update::new(now, "merge", &zeros()?, None)?;
        let author = author(1);
        let entry = |seq: u64| {
            Ok(Entry {
                id: UpdateId {
                    author,
                    seq: Seq::new(seq)?,
                },
                key: Key::new(u64::try_from(now).unwrap_or_default() + seq)?,
                update: update.clone(),
            })
        };
        let entries = (1..=BOMB).map(entry).collect::<Result<Vec<_>>>()?;
        let mut header = SegmentHeader::new(&info.space, info.epoch, first, None);
        header.covered = entries.iter().map(|entry| entry.id).collect();
        header.count = BOMB;
        header.through = entries.last().map_or(Key::MIN, |entry| entry.key);
        header.rolled_at = now;
        header.model_version = 1;
        Segment::pack(&header, None, &entries)
    });
    let packed = packed
        .await
        .map_err(|e| Error::internal("BUG: packing ended early").with_source(e))??;
    let key = ObjectKey::Segment(space.clone(), epoch, first);
    store
        .bucket
        .put_new(&key, packed.bytes.into(), Content::Layer)
        .await?;
    // Something to roll up, so that the space is looked at.
    let mut replica = Replica::in_memory(store)?.space(&space)?;
    let data = RawValue::from_string("{\"a\":1}".to_owned())
        .map_err(|e| Error::internal("BUG: this is JSON").with_source(e))?;
    replica.enqueue(&[queued(Update::new(now, "merge", &data, None)?)])?;
    drop(Box::pin(replica.flush()).await);
    Ok(())
}
