//! Row 6: an update of somebody else arrives, beside the same requests without a replica around them.

use super::ground::{Filled, Grounds, LARGE, RECORDS, SMALL, write_one};
use super::records::Msg;
use super::{NAME, on};
use crate::bench::number::Number;
use crate::bench::requests::per;
use crate::bench::site::Site;
use crate::bench::timing::{Times, show, time};
use crate::context::Context;
use futures::TryStreamExt;
use icecore_core::{Error, Key, ObjectKey, Result, SpaceInfo};
use icecore_store::backend::{RequestCounts, from_object_store};
use object_store::path::Path as ObjectPath;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt};

const ROUNDS: u64 = 60;
/// How far back a listing looks, in milliseconds.
const OVERLAP: u64 = 60_000;
/// What the replica may take besides the requests, in milliseconds.
const BESIDES_MAX: f64 = 5.0;

pub(super) async fn arrive(grounds: &Grounds, context: &Context) -> Result<Vec<Number>> {
    let mut numbers = Vec::new();
    for bytes in [SMALL, LARGE] {
        for (n, site) in grounds.sites.iter().enumerate() {
            let device = |who: &str| grounds.scratch.path(&format!("arrive-{n}-{bytes}-{who}"));
            let size = (RECORDS, bytes);
            let filled = Filled::write(&site.store, device("writer"), size, 1).await?;
            let devices = device("reader");
            let measured = in_turns(site, &filled, &devices, context);
            numbers.extend(Box::pin(measured).await?);
        }
    }
    numbers.extend(Box::pin(behind_a_gateway(grounds, context)).await?);
    Ok(numbers)
}

async fn in_turns(
    site: &Site,
    filled: &Filled,
    device: &std::path::Path,
    context: &Context,
) -> Result<Vec<Number>> {
    let reader = filled.other(&site.store, device).await?;
    let mut raw = RawLook::new(site, filled).await?;
    let (mut arriving, mut floor) = <(Times, Times)>::default();
    let mut counts = RequestCounts::default();
    for n in 0..ROUNDS {
        let key = write_one(&filled.writer, Msg::put(7, n, filled.bytes)).await?;
        for turn in 0..2 {
            if (turn + n) % 2 == 0 {
                let (raw_time, looked) = time(&*context.clock, raw.look(key)).await;
                looked?;
                floor.add(raw_time);
            } else {
                let before = site.metered.counts();
                let (sync, synced) = time(&*context.clock, Box::pin(reader.sync())).await;
                if synced?.pulled.objects != 1 {
                    return Err(Error::internal("BUG: not just the update arrived"));
                }
                counts = counts + (site.metered.counts() - before);
                arriving.add(sync);
            }
        }
    }
    if reader.state() != filled.writer.state() {
        return Err(Error::internal("BUG: what arrived is another update"));
    }
    let (p50, floor50) = (arriving.median(), floor.median());
    let besides = p50.saturating_sub(floor50).as_secs_f64() * 1e3;
    let what = format!(
        "6: an update arrives, {}, besides its requests",
        filled.what()
    );
    let of = &counts.total;
    Ok(vec![
        Number::new(NAME, on(&what, &site.name), besides, "ms")
            .at_most(BESIDES_MAX)
            .detail(format!("{} against {}", show(p50), show(floor50))),
        Number::new(
            NAME,
            on("6: requests of it", &site.name),
            per(counts.requests(), ROUNDS),
            "",
        )
        .at_most(4.0)
        .detail(format!(
            "{} GET, {} of them answered \"not modified\", {} LIST; {:.0} bytes read each",
            of.get,
            of.not_modified,
            of.list,
            per(of.bytes_in, ROUNDS)
        )),
    ])
}

/// The requests of a poll that finds the head changed, one after the other.
struct RawLook<'a> {
    site: &'a Site,
    info: SpaceInfo,
    space_tag: Option<String>,
    head_tag: Option<String>,
}

impl<'a> RawLook<'a> {
    async fn new(site: &'a Site, filled: &Filled) -> Result<Self> {
        let info = site.store.space(&filled.name()?).await?.info;
        let mut look = Self {
            site,
            info,
            space_tag: None,
            head_tag: None,
        };
        let (space, head) = look.paths();
        look.space_tag = look.get_if_changed(&space, None).await?;
        look.head_tag = look.get_if_changed(&head, None).await?;
        Ok(look)
    }

    fn paths(&self) -> (ObjectPath, ObjectPath) {
        let space = &self.info.space;
        let path = |key: ObjectKey| self.site.path(&key.to_string());
        let head = path(ObjectKey::Head(space.clone()));
        (path(ObjectKey::Space(space.clone())), head)
    }

    async fn look(&mut self, key: Key) -> Result<()> {
        let (space, head) = self.paths();
        self.head_tag = self.get_if_changed(&head, self.head_tag.clone()).await?;
        self.get_if_changed(&space, self.space_tag.clone()).await?;
        let update = |key| ObjectKey::Update(self.info.space.clone(), self.info.epoch, key);
        let path = |key| self.site.path(&update(key).to_string());
        let folder = ObjectKey::updates(&self.info.space, self.info.epoch);
        let (folder, from) = (
            self.site.path(&folder),
            Key::new(key.get().saturating_sub(OVERLAP))?,
        );
        let objects = &self.site.backend.store;
        let failed = |e| from_object_store(e, "look", folder.as_ref());
        let listing = objects.list_with_offset(Some(&folder), &path(from));
        let listed: Vec<_> = listing.try_collect().await.map_err(failed)?;
        if listed.is_empty() {
            return Err(Error::internal("BUG: an update that is not listed"));
        }
        let got = objects.get(&path(key)).await.map_err(failed)?;
        got.bytes().await.map_err(failed)?;
        Ok(())
    }

    /// Reads what has another tag; returns the tag of what is there.
    async fn get_if_changed(
        &self,
        path: &ObjectPath,
        tag: Option<String>,
    ) -> Result<Option<String>> {
        let options = GetOptions {
            if_none_match: tag.clone(),
            ..GetOptions::default()
        };
        let failed = |e| from_object_store(e, "look", path.as_ref());
        match self.site.backend.store.get_opts(path, options).await {
            Ok(got) => {
                let tag = got.meta.e_tag.clone();
                got.bytes().await.map_err(failed)?;
                Ok(tag)
            }
            Err(object_store::Error::NotModified { .. }) => Ok(tag),
            Err(error) => Err(failed(error)),
        }
    }
}

/// What the reader asks for when both have nothing but tokens.
async fn behind_a_gateway(grounds: &Grounds, context: &Context) -> Result<Vec<Number>> {
    let (clock, served) = (&context.clock, &grounds.served);
    let (store, _) = served.counted_store(clock, context)?;
    let device = grounds.scratch.path("arrive-gateway-writer");
    let filled = Filled::write(&store, device, (RECORDS, SMALL), 1).await?;
    let (store, traffic) = served.counted_store(clock, context)?;
    let device = grounds.scratch.path("arrive-gateway-reader");
    let reader = filled.other(&store, &device).await?;
    let mut arriving = Times::default();
    let mut spent = crate::bench::traffic::Traffic::default();
    for n in 0..ROUNDS {
        write_one(&filled.writer, Msg::put(7, n, SMALL)).await?;
        let before = traffic.now();
        let (sync, synced) = time(&**clock, Box::pin(reader.sync())).await;
        synced?;
        arriving.add(sync);
        spent = spent.plus(traffic.now().since(before));
    }
    if reader.state() != filled.writer.state() {
        return Err(Error::internal("BUG: what arrived is another update"));
    }
    let what = on("6: requests of it, calls among them", "gateway");
    Ok(vec![
        Number::new(NAME, what, per(spent.requests(), ROUNDS), "")
            .at_most(4.0)
            .detail(format!(
                "{}; {} calls, {} GET, {} LIST for {ROUNDS} updates",
                show(arriving.median()),
                spent.calls,
                spent.gets,
                spent.lists
            )),
    ])
}
