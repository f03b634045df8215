//! `latency`: from a queued update to its acknowledgement, beside one raw conditional write of the same bytes.
//!
//! The publish is all of `SpaceReplica::flush`: the replica's lock, its `SQLite` transactions before and after, the
//! choice of the key, the conditional PUT. The hint is left out: the rig acknowledges it without writing. Queueing
//! (one fsync of the replica's database) comes before, and is shown beside.

use super::number::Number;
use super::rig::Rig;
use super::sample::{message, queued};
use super::site::{Scratch, Site, cannot};
use super::timing::{Times, ratio, show, time, time_of};
use crate::context::Context;
use bytes::Bytes;
use icecore_core::{Author, Error, Result, Seq, Update, UpdateObject};
use icecore_replica::{Replica, SpaceReplica};
use icecore_store::backend::from_object_store;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, PutMode, PutOptions};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

const NAME: &str = "latency";
const WARM_UP: u64 = 20;
const ROUNDS: u64 = 300;

/// In a folder, and at the URL that `--store` names; in memory to see what the replica alone takes.
pub(super) async fn latency(context: &Context) -> Result<Vec<Number>> {
    let scratch = Scratch::new(context)?;
    let mut numbers = Box::pin(in_folder(&scratch, context)).await?;
    if let Some(url) = context.store_url() {
        let site = Site::open(url, context, &context.clock).await?;
        let replica = scratch.path("replica-2");
        let measured = Box::pin(measure(&site, &[Raw::object(&site)], &replica, context)).await?;
        let what = format!("publish p50 / raw conditional PUT p50, {}", site.name);
        numbers.push(compared(what, &measured.publishing, &measured.floors[0]).at_most(1.2));
    }
    let memory = Site::in_memory(context).await?;
    let alone = Box::pin(measure(&memory, &[], &scratch.path("replica-3"), context)).await?;
    let publishing = "the replica's part of it: publish p50 in memory";
    let queueing = "queueing before it, p50: one fsync of the replica's database";
    numbers.push(Number::new(
        NAME,
        publishing,
        micros(&alone.publishing),
        "µs",
    ));
    numbers.push(Number::new(NAME, queueing, micros(&alone.queueing), "µs"));
    Ok(numbers)
}

async fn in_folder(scratch: &Scratch, context: &Context) -> Result<Vec<Number>> {
    let site = Site::in_folder(&scratch.path("store"), context).await?;
    let raw = [
        Raw::file(scratch.path("raw"))?,
        Raw::Pooled(Box::new(Raw::file(scratch.path("pooled"))?)),
        Raw::object(&site),
    ];
    let measured = Box::pin(measure(&site, &raw, &scratch.path("replica-1"), context)).await?;
    let Measured {
        publishing, floors, ..
    } = &measured;
    Ok(vec![
        compared(
            "publish p50 / raw fsynced create p50, folder",
            publishing,
            &floors[0],
        )
        .at_most(1.5),
        compared(
            "the same / raw create on the runtime's blocking pool",
            publishing,
            &floors[1],
        ),
        compared(
            "the folder's put alone / raw fsynced create",
            &floors[2],
            &floors[0],
        ),
    ])
}

#[derive(Debug, Default)]
struct Measured {
    publishing: Times,
    floors: Vec<Times>,
    queueing: Times,
}

fn compared(what: impl Into<String>, times: &Times, floor: &Times) -> Number {
    let (p50, floor50) = (times.median(), floor.median());
    let detail = format!(
        "{} against {}; p95 {} against {}",
        show(p50),
        show(floor50),
        show(times.at(0.95)),
        show(floor.at(0.95))
    );
    Number::new(NAME, what, ratio(p50, floor50), "×").detail(detail)
}

/// Everything in turns, in a round-robin that begins elsewhere each time.
async fn measure(site: &Site, raw: &[Raw], replica: &Path, context: &Context) -> Result<Measured> {
    let clock = &*context.clock;
    let info = site.space().await?;
    let rig = Rig::without_hints(Arc::clone(&site.backend.store), Arc::clone(&context.clock));
    let mut space = Replica::open(site.behind(rig, &context.clock), replica)?.space(&info.space)?;
    space.pull().await?;
    let author = space.status()?.author;
    let mut measured = Measured::default();
    measured.floors.resize_with(raw.len(), Times::default);
    let turns = raw.len() as u64 + 1;
    for n in 0..WARM_UP + ROUNDS {
        let update = message(1, n)?;
        let body = body(author, n, update.clone())?;
        let (queueing, result) = time_of(clock, || space.enqueue(&[queued(update)]));
        result?;
        for turn in 0..turns {
            let turn = usize::try_from((turn + n) % turns).unwrap_or(0);
            let (times, time) = match raw.get(turn) {
                Some(raw) => (
                    &mut measured.floors[turn],
                    raw.write(n, &body, context).await?,
                ),
                None => (&mut measured.publishing, flush(&mut space, context).await?),
            };
            if n >= WARM_UP {
                times.add(time);
            }
        }
        if n >= WARM_UP {
            measured.queueing.add(queueing);
        }
    }
    Ok(measured)
}

async fn flush(space: &mut SpaceReplica, context: &Context) -> Result<Duration> {
    let (time, acknowledged) = time(&*context.clock, Box::pin(space.flush())).await;
    if acknowledged?.len() == 1 {
        Ok(time)
    } else {
        Err(Error::internal("BUG: a flush of one update"))
    }
}

fn micros(times: &Times) -> f64 {
    times.median().as_secs_f64() * 1e6
}

/// The very bytes that the publish writes.
pub(super) fn body(author: Author, n: u64, update: Update) -> Result<Bytes> {
    Ok(UpdateObject::new(author, Seq::new(n + 1)?, vec![update])
        .to_json()
        .into())
}

/// The floor.
pub(super) enum Raw {
    /// A file created by `O_EXCL`, written, fsynced, and its directory fsynced.
    File(PathBuf),
    /// The same on the runtime's pool for blocking work, where an async program must do it.
    Pooled(Box<Self>),
    /// One conditional PUT through the same client.
    Object(Arc<dyn ObjectStore>, ObjectPath),
}

impl Raw {
    fn file(folder: PathBuf) -> Result<Self> {
        std::fs::create_dir(&folder).map_err(|e| cannot("create", &folder, e))?;
        Ok(Self::File(folder))
    }

    pub(super) fn object(site: &Site) -> Self {
        let name = format!("bench-raw-{:08x}", site.store.ids.random() >> 96);
        Self::Object(
            Arc::clone(&site.backend.store),
            site.backend.prefix.clone().join(name),
        )
    }

    pub(super) async fn write(&self, n: u64, body: &Bytes, context: &Context) -> Result<Duration> {
        let clock = &*context.clock;
        match self {
            Self::File(folder) => {
                let (time, result) = time_of(clock, || create(folder, n, body));
                result.map_err(|e| cannot("write", folder, e))?;
                Ok(time)
            }
            Self::Pooled(file) => {
                let Self::File(folder) = &**file else {
                    return Ok(Duration::ZERO);
                };
                let (folder, body) = (folder.clone(), body.clone());
                let work = tokio::task::spawn_blocking(move || create(&folder, n, &body));
                let (time, result) = time(clock, work).await;
                let failed = |e: std::io::Error| cannot("write", Path::new("pooled"), e);
                result.map_err(|e| failed(e.into()))?.map_err(failed)?;
                Ok(time)
            }
            Self::Object(objects, folder) => {
                let path = folder.clone().join(format!("{n:013}"));
                let options = PutOptions {
                    mode: PutMode::Create,
                    ..PutOptions::default()
                };
                let put = objects.put_opts(&path, body.clone().into(), options);
                let (time, result) = time(clock, put).await;
                result.map_err(|e| from_object_store(e, "write the object", path.as_ref()))?;
                Ok(time)
            }
        }
    }
}

fn create(folder: &Path, n: u64, body: &[u8]) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(folder.join(format!("{n:013}")))?;
    file.write_all(body)?;
    file.sync_all()?;
    File::open(folder)?.sync_all()
}
