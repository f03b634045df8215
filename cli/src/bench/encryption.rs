//! `encryption`: publishing in an encrypted space beside one that is not, and opening a long history of each, in one folder
//! and in turns.

use super::number::Number;
use super::past::Past;
use super::rig::Rig;
use super::sample::{message, queued};
use super::site::{Scratch, Site};
use super::timing::{Times, ratio, show, time};
use crate::context::Context;
use icecore_core::{Error, ModelRef, Order, Result, SpaceInfo};
use icecore_replica::{Replica, SpaceReplica};
use icecore_seal::{Identity, NewHolder, Secret};
use icecore_store::keyring::opened;
use icecore_store::{Reader, Store};
use std::path::Path;
use std::sync::Arc;

const NAME: &str = "encryption";
const WARM_UP: u64 = 20;
const ROUNDS: u64 = 300;
const OPENINGS: usize = 15;
/// Rolled up twice, with a snapshot at the end.
const UPDATES: u64 = 100_000;

/// What opens the encrypted space: keys come from it in 0.1 ms, so what is measured is the content.
#[derive(Debug, Clone)]
pub(super) struct Holder(Arc<Secret>);

impl Holder {
    fn new(context: &Context) -> Self {
        let ids = Arc::clone(&context.ids);
        let identity = Identity::generate(&mut || {
            let mut bytes = [0; 32];
            bytes[..16].copy_from_slice(&ids.random().to_be_bytes());
            bytes[16..].copy_from_slice(&ids.random().to_be_bytes());
            bytes
        });
        Self(Arc::new(Secret::Identity(identity)))
    }

    /// The store, opened by it.
    pub(super) fn open(&self, store: &Store) -> Store {
        store
            .clone()
            .with_secrets(Arc::new(vec![Arc::clone(&self.0)]))
    }

    /// A new space of documents that it opens.
    pub(super) async fn space(&self, store: &Store) -> Result<SpaceInfo> {
        let Secret::Identity(identity) = &*self.0 else {
            return Err(Error::internal("BUG: the holder has an identity"));
        };
        let name = format!("bench-{:08x}", store.ids.random() >> 96).parse()?;
        let (owner, public) = ("owner".to_owned(), identity.public());
        let holders = vec![NewHolder::Member {
            name: owner,
            public,
        }];
        let model = ModelRef::named("document");
        store
            .create_encrypted_space(&name, model, Order::Timestamp, holders)
            .await
    }
}

/// Both ratios, in a folder.
pub(super) async fn encryption(context: &Context) -> Result<Vec<Number>> {
    let scratch = Scratch::new(context)?;
    let holder = Holder::new(context);
    let publishing = Box::pin(publish(&scratch, &holder, context)).await?;
    let opening = Box::pin(open(&scratch, &holder, context)).await?;
    Ok(vec![publishing.at_most(1.1), opening.at_most(1.25)])
}

/// From queued to acknowledged, without the hint; sealing is part of queueing, so both count.
async fn publish(scratch: &Scratch, holder: &Holder, context: &Context) -> Result<Number> {
    let site = Site::in_folder(&scratch.path("store"), context).await?;
    let infos = [holder.space(&site.store).await?, site.space().await?];
    let rig = Rig::without_hints(Arc::clone(&site.backend.store), Arc::clone(&context.clock));
    let store = holder.open(&site.behind(rig, &context.clock));
    let mut spaces = Vec::new();
    for (info, name) in infos.iter().zip(["sealed", "clear"]) {
        let replica = Replica::open(store.clone(), &scratch.path(name))?;
        let mut space = replica.space(&info.space)?;
        space.pull().await?;
        spaces.push(space);
    }
    let mut times = [Times::default(), Times::default()];
    for n in 0..WARM_UP + ROUNDS {
        // Whoever is first finds another disk than whoever is second.
        let turns = if n.is_multiple_of(2) { [0, 1] } else { [1, 0] };
        for turn in turns {
            let one = Box::pin(publish_one(&mut spaces[turn], n));
            let (time, published) = time(&*context.clock, one).await;
            published?;
            if n >= WARM_UP {
                times[turn].add(time);
            }
        }
    }
    let what = "queueing and publishing p50, encrypted / not, folder";
    Ok(compared(what, &times))
}

async fn publish_one(space: &mut SpaceReplica, n: u64) -> Result<()> {
    space.enqueue(&[queued(message(1, n)?)])?;
    match space.flush().await?.len() {
        1 => Ok(()),
        _ => Err(Error::internal("BUG: a flush of one update")),
    }
}

/// From nothing to the state.
async fn open(scratch: &Scratch, holder: &Holder, context: &Context) -> Result<Number> {
    let folders = ["past-sealed", "past-clear"].map(|name| scratch.path(name));
    let pasts = [
        Past::write_sealed(&folders[0], UPDATES, holder, context).await?,
        Past::write(&folders[1], UPDATES, context).await?,
    ];
    let mut times = [Times::default(), Times::default()];
    for _ in 0..OPENINGS {
        for turn in [0, 1] {
            let store = holder.open(&store_in(&folders[turn], context).await?);
            let past = &pasts[turn];
            let open = Reader::open(&store, &past.info.space);
            let (time, reader) = time(&*context.clock, open).await;
            check(&store, &reader?, past).await?;
            times[turn].add(time);
        }
    }
    let what = format!("opening {UPDATES} updates, encrypted / not, folder");
    Ok(compared(&what, &times))
}

async fn store_in(folder: &Path, context: &Context) -> Result<Store> {
    Ok(Site::in_folder(folder, context).await?.store)
}

/// It must be the history that was written, read from its snapshot, and not locked.
async fn check(store: &Store, reader: &Reader, past: &Past) -> Result<()> {
    reader.base.folded.check_readable()?;
    if past.info.keyring.is_some() {
        opened(store, &store.space(&past.info.space).await?)?;
    }
    let (base, rejected) = (&reader.base, reader.base.folded.rejected.count);
    if base.count == past.updates && rejected == 0 && reader.snapshot == base.generation {
        return Ok(());
    }
    Err(Error::internal(format!(
        "BUG: the history that was opened is another one: {} updates, {rejected} rejected, snapshot {} of {}",
        base.count, reader.snapshot, base.generation
    )))
}

fn compared(what: &str, [sealed, clear]: &[Times; 2]) -> Number {
    let (sealed50, clear50) = (sealed.median(), clear.median());
    let detail = format!("{} against {}", show(sealed50), show(clear50));
    Number::new(NAME, what, ratio(sealed50, clear50), "×").detail(detail)
}
