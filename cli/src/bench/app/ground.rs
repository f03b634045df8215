//! Where the rows are measured: a folder, a bucket that is reached by S3, and a gateway; and spaces with records in them.

use super::records::{Book, Msg};
use crate::bench::number::exact;
use crate::bench::served::Served;
use crate::bench::site::{Scratch, Site};
use crate::context::Context;
use icecore::{Order, Place, Replica};
use icecore_core::{Error, Key, Result, SpaceName};
use icecore_store::Store;
use std::path::{Path, PathBuf};

/// How many records a space has.
pub(super) const RECORDS: u32 = 10_000;
/// Bytes of an update, and of a record unless more is said.
pub(super) const SMALL: usize = 150;
/// Bytes of a large record.
pub(super) const LARGE: usize = 1_000;
/// Updates that are made in one go while a space is filled.
const AT_ONCE: u32 = 2_000;

/// All of them.
pub(super) struct Grounds {
    pub(super) scratch: Scratch,
    /// A folder; then the bucket that `--store` names, or that of the server's S3 endpoint.
    pub(super) sites: Vec<Site>,
    /// A server that hands out access, over a folder of its own.
    pub(super) served: Served,
    /// The bucket below that server, reached without it.
    pub(super) below: Site,
}

impl Grounds {
    pub(super) async fn new(context: &Context) -> Result<Self> {
        let scratch = Scratch::new(context)?;
        let served = Served::start_quiet(context).await?;
        let endpoint = || {
            let environment = served.s3_environment();
            Site::open_as("s3://icecore", environment, context, &context.clock)
        };
        let bucket = match context.store_url() {
            Some(url) => Site::open(url, context, &context.clock).await?,
            None => endpoint().await?,
        };
        let folder = Site::in_folder(&scratch.path("store"), context).await?;
        let below = endpoint().await?;
        Ok(Self {
            scratch,
            sites: vec![folder, bucket],
            served,
            below,
        })
    }

    /// The folder.
    pub(super) fn folder(&self) -> &Site {
        &self.sites[0]
    }
}

/// A space that is full of records, and the device that wrote them.
pub(super) struct Filled {
    pub(super) space: String,
    /// Bytes of a record.
    pub(super) bytes: usize,
    pub(super) records: u32,
    /// The writer's folder.
    pub(super) device: PathBuf,
    pub(super) writer: Replica<Book>,
}

impl Filled {
    /// Writes so many records of this size, each so often, and rolls them up.
    pub(super) async fn write(
        store: &Store,
        device: PathBuf,
        (records, bytes): (u32, usize),
        times: u64,
    ) -> Result<Self> {
        let space = format!("bench-{:08x}", store.ids.random() >> 96);
        let place = Place::on(store.clone()).with_replica(&device);
        let writer = Box::pin(Replica::create(Book, &place, &space, Order::Timestamp)).await?;
        for n in 0..times {
            let mut first = 0;
            while first < records {
                let end = records.min(first + AT_ONCE);
                let now = writer.now();
                let puts = (first..end).map(|id| (now, Msg::put(id, n, bytes)));
                writer.update_all(puts.collect()).await?;
                Box::pin(writer.sync()).await?;
                first = end;
            }
            Box::pin(writer.roll_up()).await?;
        }
        Box::pin(writer.sync()).await?;
        Ok(Self {
            space,
            bytes,
            records,
            device,
            writer,
        })
    }

    /// Another device, which has read the space.
    pub(super) async fn other(&self, store: &Store, device: &Path) -> Result<Replica<Book>> {
        let place = Place::on(store.clone()).with_replica(device);
        let replica = Box::pin(Replica::open(Book, &place, &self.space)).await?;
        Box::pin(replica.sync()).await?;
        if replica.state().len() != self.records as usize {
            return Err(Error::internal("BUG: another device has other records"));
        }
        Ok(replica)
    }

    pub(super) fn name(&self) -> Result<SpaceName> {
        self.space.parse()
    }

    /// `10 k × 150 B`: so many records of this size.
    pub(super) fn what(&self) -> String {
        let bytes = match self.bytes {
            LARGE => "1 KB".to_owned(),
            bytes => format!("{bytes} B"),
        };
        format!("{} k × {bytes}", exact(self.records.into()) / 1e3)
    }
}

/// Makes an update and sends it; returns its key.
pub(super) async fn write_one(writer: &Replica<Book>, msg: Msg) -> Result<Key> {
    writer.update(msg).await?;
    match Box::pin(writer.sync()).await?.acknowledged[..] {
        [acknowledged] => Ok(acknowledged.key),
        _ => Err(Error::internal("BUG: a sync of one update")),
    }
}
