//! Counting what the bucket is asked, because that is what it costs.

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::{BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta,
    ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::ops::{Add, Range, Sub};
use std::sync::{Arc, Mutex, PoisonError};

/// Objects in a page of a listing, on S3 and all that copy it.
const PAGE: u64 = 1000;

/// Requests by class and by what they were for, since some start.
///
/// Failed requests count too: they are billed. What `object_store` repeats within one call does not show.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RequestCounts {
    /// All together.
    #[serde(flatten)]
    pub total: KindCounts,
    /// By the part of the layout: `updates`, `segments`, `snapshots`, `heads`, `space.json`, `store.json`,
    /// `transient`, `quarantine`, and `other`.
    pub by_kind: BTreeMap<String, KindCounts>,
}

/// Requests by class.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KindCounts {
    /// Objects written, or tried to.
    pub put: u64,
    /// Objects or their metadata asked for.
    pub get: u64,
    /// Of these, answered with "not modified" (304).
    pub not_modified: u64,
    /// Pages of listings.
    pub list: u64,
    /// Objects deleted.
    pub delete: u64,
    /// Objects copied.
    pub copy: u64,
    /// Bytes of bodies read.
    pub bytes_in: u64,
    /// Bytes of bodies written.
    pub bytes_out: u64,
}

impl KindCounts {
    fn combine(self, other: Self, f: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            put: f(self.put, other.put),
            get: f(self.get, other.get),
            not_modified: f(self.not_modified, other.not_modified),
            list: f(self.list, other.list),
            delete: f(self.delete, other.delete),
            copy: f(self.copy, other.copy),
            bytes_in: f(self.bytes_in, other.bytes_in),
            bytes_out: f(self.bytes_out, other.bytes_out),
        }
    }
}

impl RequestCounts {
    /// All requests of all classes.
    pub fn requests(&self) -> u64 {
        let KindCounts {
            put,
            get,
            list,
            delete,
            copy,
            ..
        } = self.total;
        put + get + list + delete + copy
    }

    /// The requests for one part of the layout.
    pub fn of(&self, kind: &str) -> KindCounts {
        self.by_kind.get(kind).copied().unwrap_or_default()
    }

    fn combine(mut self, other: &Self, f: impl Fn(u64, u64) -> u64) -> Self {
        self.total = self.total.combine(other.total, &f);
        for (kind, counts) in &other.by_kind {
            let own = self.by_kind.entry(kind.clone()).or_default();
            *own = own.combine(*counts, &f);
        }
        self.by_kind
            .retain(|_, counts| *counts != KindCounts::default());
        self
    }
}

impl Add for RequestCounts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.combine(&other, u64::saturating_add)
    }
}

impl Sub for RequestCounts {
    type Output = Self;

    /// What was counted since `earlier`.
    fn sub(self, earlier: Self) -> Self {
        self.combine(&earlier, u64::saturating_sub)
    }
}

/// The price of the requests in US dollars, on S3 Standard in us-east-1: $0.005 per 1,000 PUT, COPY and
/// LIST, $0.0004 per 1,000 GET, DELETE free (<https://aws.amazon.com/s3/pricing/>, "Requests & data
/// retrievals"). Storage and transfer come on top.
pub fn cost_usd(counts: &RequestCounts) -> f64 {
    const NANODOLLARS_PER_WRITE: u64 = 5_000;
    const NANODOLLARS_PER_READ: u64 = 400;
    let KindCounts {
        put,
        copy,
        list,
        get,
        ..
    } = counts.total;
    let nanodollars = (put + copy + list) * NANODOLLARS_PER_WRITE + get * NANODOLLARS_PER_READ;
    #[expect(clippy::cast_precision_loss, reason = "exact up to 9 million dollars")]
    let nanodollars = nanodollars as f64;
    nanodollars / 1e9
}

/// An object store that counts the requests which pass through it.
#[derive(Debug, Clone)]
pub struct Metered {
    inner: Arc<dyn ObjectStore>,
    root: Path,
    counts: Arc<Mutex<RequestCounts>>,
}

impl Metered {
    /// Counts the requests to `inner`, for a store whose root is `root`.
    pub fn new(inner: Arc<dyn ObjectStore>, root: Path) -> Self {
        let counts = Arc::default();
        Self {
            inner,
            root,
            counts,
        }
    }

    /// The requests so far; clones count together.
    pub fn counts(&self) -> RequestCounts {
        self.counts
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn count(&self, path: &Path, add: impl Fn(&mut KindCounts)) {
        count(&self.counts, self.kind(path), add);
    }

    /// The part of the layout that a path belongs to.
    fn kind(&self, path: &Path) -> &'static str {
        let Some(mut parts) = path.prefix_match(&self.root) else {
            return "other";
        };
        let mut next = || {
            parts
                .next()
                .map_or(String::new(), |part| part.as_ref().to_owned())
        };
        match next().as_str() {
            "store.json" => "store.json",
            "heads" => "heads",
            "spaces" => {
                let (_space, epoch_or_file) = (next(), next());
                if epoch_or_file == "space.json" {
                    return "space.json";
                }
                match next().as_str() {
                    "updates" => "updates",
                    "segments" => "segments",
                    "snapshots" => "snapshots",
                    "transient" => "transient",
                    "quarantine" => "quarantine",
                    _ => "other",
                }
            }
            _ => "other",
        }
    }

    fn count_get(&self, location: &Path, head: bool, result: &Result<GetResult>) {
        let (not_modified, bytes_in) = match result {
            Ok(got) if !head => (0, got.range.end - got.range.start),
            Err(Error::NotModified { .. }) => (1, 0),
            _ => (0, 0),
        };
        self.count(location, |counts| {
            counts.get += 1;
            counts.not_modified += not_modified;
            counts.bytes_in += bytes_in;
        });
    }

    /// Counts a page with the first object, or the end, and another after every full one.
    fn count_pages(
        &self,
        prefix: Option<&Path>,
        listing: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let kind = self.kind(prefix.unwrap_or(&self.root));
        let counts = Arc::clone(&self.counts);
        let page = move || count(&counts, kind, |counts| counts.list += 1);
        page();
        let mut objects = 0;
        listing
            .inspect(move |_| {
                if objects > 0 && objects % PAGE == 0 {
                    page();
                }
                objects += 1;
            })
            .boxed()
    }
}

fn count(counts: &Mutex<RequestCounts>, kind: &str, add: impl Fn(&mut KindCounts)) {
    let mut counts = counts.lock().unwrap_or_else(PoisonError::into_inner);
    add(&mut counts.total);
    add(counts.by_kind.entry(kind.to_owned()).or_default());
}

impl fmt::Display for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "metered {}", self.inner)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for Metered {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let bytes = payload.content_length() as u64;
        self.count(location, |counts| {
            counts.put += 1;
            counts.bytes_out += bytes;
        });
        self.inner.put_opts(location, payload, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        // Starting and completing; the parts in between go past this wrapper.
        self.count(location, |counts| counts.put += 2);
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let head = options.head;
        let result = self.inner.get_opts(location, options).await;
        self.count_get(location, head, &result);
        result
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        // The back end may join neighbours: this is the most that it asks for.
        self.count(location, |counts| {
            counts.get += ranges.len() as u64;
            counts.bytes_in += ranges
                .iter()
                .map(|range| range.end - range.start)
                .sum::<u64>();
        });
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let metered = self.clone();
        let counted = locations.inspect(move |location| {
            if let Ok(location) = location {
                metered.count(location, |counts| counts.delete += 1);
            }
        });
        self.inner.delete_stream(counted.boxed())
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.count_pages(prefix, self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.count_pages(prefix, self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let result = self.inner.list_with_delimiter(prefix).await;
        let entries = result
            .as_ref()
            .map_or(0, |r| r.objects.len() + r.common_prefixes.len());
        let pages = (entries as u64).div_ceil(PAGE).max(1);
        self.count(prefix.unwrap_or(&self.root), |counts| counts.list += pages);
        result
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.count(to, |counts| counts.copy += 1);
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.count(to, |counts| counts.copy += 1);
        self.count(from, |counts| counts.delete += 1);
        self.inner.rename_opts(from, to, options).await
    }
}

#[cfg(test)]
mod tests;
