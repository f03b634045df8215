//! The bucket as an [`ObjectStore`].

use super::disk::{Stored, Write, Wrote, tag_of};
use super::{SimBucket, lock};
use async_trait::async_trait;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use icecore_store::Clock;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, Extensions, GetOptions, GetResult, GetResultPayload, ListResult,
    MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions, PutPayload,
    PutResult, Result,
};
use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

// As `object_store` words the answers of a server.
const INTERNAL_ERROR: &str =
    "Server returned non-2xx status code: 500 Internal Server Error: InternalError";
const SLOW_DOWN: &str = "Server returned non-2xx status code: 503 Service Unavailable: SlowDown";
const CONFLICT: &str =
    "Server returned non-2xx status code: 409 Conflict: ConditionalRequestConflict";

fn generic(what: &str) -> Error {
    Error::Generic {
        store: "sim",
        source: what.to_owned().into(),
    }
}

fn not_found(path: &Path) -> Error {
    Error::NotFound {
        path: path.to_string(),
        source: "sim".into(),
    }
}

/// 412, as `object_store` reports it for each kind of conditional write.
fn precondition_failed(path: &Path, mode: &PutMode) -> Error {
    let (path, source) = (path.to_string(), "412 Precondition".into());
    match mode {
        PutMode::Create => Error::AlreadyExists { path, source },
        PutMode::Update(_) | PutMode::Overwrite => Error::Precondition { path, source },
    }
}

impl SimBucket {
    async fn pause(&self, millis: i64) {
        self.clock
            .sleep(Duration::from_millis(u64::try_from(millis).unwrap_or(0)))
            .await;
    }

    /// The way of every request to the bucket.
    async fn travel(&self) -> Result<()> {
        let faults = *lock(&self.faults);
        self.pause(self.random.between(0, faults.latency_max)).await;
        if self.random.chance(faults.stall) {
            self.pause(self.random.between(10_000, 120_000)).await;
        }
        lock(&self.happened).requests += 1;
        if self.random.chance(faults.refused) {
            lock(&self.happened).refused += 1;
            let answer = *self.random.pick::<&str>(&[INTERNAL_ERROR, SLOW_DOWN]);
            return Err(generic(answer));
        }
        Ok(())
    }

    /// Another conditional write was at the same object: nothing is written.
    fn conflict(&self, path: &Path) -> Error {
        lock(&self.happened).refused += 1;
        Error::AlreadyExists {
            path: path.to_string(),
            source: CONFLICT.into(),
        }
    }

    /// An answer that does not say that the write happened: none at all, or a 500.
    fn lost_answer(&self) -> Error {
        lock(&self.happened).lost_responses += 1;
        let answers = ["connection reset before the response", INTERNAL_ERROR];
        let answer = *self.random.pick::<&str>(&answers);
        generic(answer)
    }

    /// The way back: the server's `Date`, to the second.
    fn observe(&self, sent: i64) {
        if let Some(server_time) = &self.server_time {
            let date = self.clock.true_now().div_euclid(1_000) * 1_000;
            server_time.observe(date, sent, self.clock.now());
        }
    }

    fn land(&self, path: &Path, write: &Write) -> Result<PutResult> {
        let now = if self.stamps && path.as_ref().contains("/updates/") {
            self.clock.now()
        } else {
            self.clock.true_now()
        };
        match lock(&self.disk).put(path.as_ref(), write, now) {
            Wrote::Yes => Ok(PutResult {
                e_tag: Some(tag_of(&write.bytes)),
                version: None,
                extensions: Extensions::default(),
            }),
            Wrote::Taken | Wrote::Stale => Err(precondition_failed(path, &write.mode)),
        }
    }

    /// Lets a write land later, whatever becomes of the actor that sent it.
    fn land_later(&self, path: &Path, write: &Write, from: i64, to: i64) {
        let (bucket, after) = (self.clone(), self.random.between(from, to));
        let (path, write) = (path.clone(), write.clone());
        let restores = lock(&self.disk).restores;
        tokio::spawn(async move {
            bucket.pause(after).await;
            // Who restores a bucket waits until nothing of a roll-up is under way any more.
            let is_update = path.as_ref().contains("/updates/");
            if !is_update && lock(&bucket.disk).restores != restores {
                return;
            }
            // Nobody waits for the answer.
            drop(bucket.land(&path, &write));
        });
    }

    /// Lets a deletion land later.
    fn delete_later(&self, path: &Path, to: i64) {
        let (bucket, path, after) = (self.clone(), path.clone(), self.random.between(1, to));
        let restores = lock(&self.disk).restores;
        lock(&self.happened).late_deletes += 1;
        tokio::spawn(async move {
            bucket.pause(after).await;
            let mut disk = lock(&bucket.disk);
            // Who restores a bucket waits until nothing is under way any more that deletes.
            if disk.restores == restores {
                disk.delete(path.as_ref());
            }
        });
    }

    fn find(&self, path: &Path) -> Result<Stored> {
        lock(&self.disk)
            .objects
            .get(path.as_ref())
            .cloned()
            .ok_or_else(|| not_found(path))
    }

    /// One page of a listing: what is there at this moment after a path.
    fn page(&self, prefix: &str, after: &str, count: usize) -> Vec<ObjectMeta> {
        let disk = lock(&self.disk);
        let from = std::ops::Bound::Excluded(after.to_owned());
        disk.objects
            .range((from, std::ops::Bound::Unbounded))
            .skip_while(|(path, _)| !path.starts_with(prefix))
            .take_while(|(path, _)| path.starts_with(prefix))
            .take(count)
            .map(|(path, stored)| meta(path, stored))
            .collect()
    }

    fn pages(
        &self,
        prefix: Option<&Path>,
        after: Option<&Path>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let prefix = prefix.map(|p| format!("{p}/")).unwrap_or_default();
        let start = after.map_or_else(|| prefix.clone(), ToString::to_string);
        let bucket = self.clone();
        let pages = stream::try_unfold(Some(start), move |after| {
            let (bucket, prefix) = (bucket.clone(), prefix.clone());
            async move {
                let Some(after) = after else { return Ok(None) };
                let sent = bucket.clock.now();
                bucket.travel().await?;
                lock(&bucket.happened).lists += 1;
                let faults = *lock(&bucket.faults);
                if bucket.random.chance(faults.broken_listing) {
                    return Err(generic("connection reset in the middle of a listing"));
                }
                let page = bucket.page(&prefix, &after, faults.page);
                bucket.observe(sent);
                let next = page
                    .last()
                    .filter(|_| page.len() == faults.page)
                    .map(|m| m.location.to_string());
                Ok(Some((stream::iter(page.into_iter().map(Ok)), next)))
            }
        });
        pages.try_flatten().boxed()
    }
}

fn meta(path: &str, stored: &Stored) -> ObjectMeta {
    ObjectMeta {
        location: Path::from(path),
        last_modified: chrono::DateTime::from_timestamp_millis(stored.last_modified)
            .unwrap_or_default(),
        size: stored.bytes.len() as u64,
        e_tag: Some(stored.e_tag.clone()),
        version: None,
    }
}

impl fmt::Display for SimBucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a bucket in a simulation")
    }
}

#[async_trait]
impl ObjectStore for SimBucket {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        opts: PutOptions,
    ) -> Result<PutResult> {
        let sent = self.clock.now();
        self.travel().await?;
        let faults = *lock(&self.faults);
        let write = Write {
            bytes: payload.into(),
            attributes: opts.attributes,
            mode: opts.mode,
        };
        if lock(&self.disk)
            .denies
            .is_some_and(|part| location.as_ref().contains(part))
        {
            return Err(Error::PermissionDenied {
                path: location.to_string(),
                source: "access denied".into(),
            });
        }
        let conditional = !matches!(write.mode, PutMode::Overwrite);
        if conditional && self.random.chance(faults.conflict) {
            return Err(self.conflict(location));
        }
        if self.random.chance(faults.zombie) {
            lock(&self.happened).zombies += 1;
            self.land_later(location, &write, 1_000, faults.zombie_delay_max);
            return Err(generic("connection reset"));
        }
        // Only a conditional write may be sent twice, and a hint: another overwrite that lands late would be another story.
        let is_hint = location.as_ref().contains("heads/");
        if (conditional || is_hint) && self.random.chance(faults.duplicate) {
            self.land_later(location, &write, 1, 60_000);
        }
        let landed = self.land(location, &write);
        if self.random.chance(faults.lost_response) {
            return Err(self.lost_answer());
        }
        if conditional && landed.is_ok() && self.random.chance(faults.retried_inside) {
            lock(&self.happened).retried_inside += 1;
            return Err(precondition_failed(location, &write.mode));
        }
        self.pause(self.random.between(0, faults.latency_max)).await;
        self.observe(sent);
        landed
    }

    async fn put_multipart_opts(
        &self,
        _: &Path,
        _: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(generic("no multipart uploads in a simulation"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let sent = self.clock.now();
        self.travel().await?;
        lock(&self.happened).gets += 1;
        let stored = self.find(location)?;
        let meta = meta(location.as_ref(), &stored);
        options.check_preconditions(&meta)?;
        let back = self.random.between(0, { *lock(&self.faults) }.latency_max);
        self.pause(back).await;
        self.observe(sent);
        let bytes = stored.bytes.clone();
        Ok(GetResult {
            range: 0..bytes.len() as u64,
            payload: GetResultPayload::Stream(stream::once(async move { Ok(bytes) }).boxed()),
            meta,
            attributes: stored.attributes,
            extensions: Extensions::default(),
        })
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let bucket = self.clone();
        locations
            .and_then(move |path| {
                let bucket = bucket.clone();
                async move {
                    bucket.travel().await?;
                    let faults = *lock(&bucket.faults);
                    if bucket.random.chance(faults.zombie) {
                        bucket.delete_later(&path, faults.zombie_delay_max);
                        return Err(generic("connection reset"));
                    }
                    if bucket.random.chance(faults.duplicate) {
                        bucket.delete_later(&path, 60_000);
                    }
                    lock(&bucket.disk).delete(path.as_ref());
                    Ok(path)
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.travel().await?;
        lock(&self.happened).lists += 1;
        let prefix = prefix.map(|p| format!("{p}/")).unwrap_or_default();
        let mut folders = BTreeSet::new();
        let mut objects = Vec::new();
        for (path, stored) in lock(&self.disk).objects.range(prefix.clone()..) {
            let Some(rest) = path.strip_prefix(&prefix) else {
                break;
            };
            match rest.split_once('/') {
                Some((folder, _)) => {
                    folders.insert(format!("{prefix}{folder}"));
                }
                None => objects.push(meta(path, stored)),
            }
        }
        let common_prefixes = folders.into_iter().map(Path::from).collect();
        Ok(ListResult {
            common_prefixes,
            objects,
            extensions: Extensions::default(),
        })
    }

    async fn copy_opts(&self, from: &Path, to: &Path, _: CopyOptions) -> Result<()> {
        self.travel().await?;
        let stored = self.find(from)?;
        let write = Write {
            bytes: stored.bytes,
            attributes: stored.attributes,
            mode: PutMode::Overwrite,
        };
        lock(&self.disk).put(to.as_ref(), &write, self.clock.true_now());
        Ok(())
    }
}
