//! A bucket in memory whose objects are as old as virtual time says, and the clock of it.

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::BoxStream;
use icecore_store::Clock;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// A clock that stands still until it is moved.
#[derive(Debug)]
pub(super) struct Moved {
    real: Arc<dyn Clock>,
    began: i64,
    millis: AtomicU64,
}

impl Moved {
    pub(super) fn new(real: &Arc<dyn Clock>) -> Self {
        Self {
            real: Arc::clone(real),
            began: real.now(),
            millis: AtomicU64::new(0),
        }
    }

    /// Moves on to so many milliseconds after the beginning; never back.
    pub(super) fn move_to(&self, millis: u64) {
        self.millis.fetch_max(millis, Ordering::Relaxed);
    }

    fn elapsed(&self) -> Duration {
        Duration::from_millis(self.millis.load(Ordering::Relaxed))
    }

    /// How far it is ahead of the real clock.
    fn ahead(&self) -> Duration {
        let ahead = self.now().saturating_sub(self.real.now());
        Duration::from_millis(u64::try_from(ahead).unwrap_or(0))
    }
}

#[async_trait]
impl Clock for Moved {
    fn now(&self) -> i64 {
        let elapsed = i64::try_from(self.elapsed().as_millis()).unwrap_or(i64::MAX);
        self.began.saturating_add(elapsed)
    }

    fn monotonic(&self) -> Duration {
        self.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        let until = self.elapsed() + duration;
        self.move_to(u64::try_from(until.as_millis()).unwrap_or(u64::MAX));
        tokio::task::yield_now().await;
    }
}

/// The bucket.
#[derive(Debug, Clone)]
pub(super) struct Stamped {
    inner: Arc<InMemory>,
    clock: Arc<Moved>,
    /// How far the clock was ahead when each object was written.
    ahead: Arc<Mutex<BTreeMap<Path, Duration>>>,
}

impl Stamped {
    pub(super) fn new(clock: &Arc<Moved>) -> Self {
        Self {
            inner: Arc::new(InMemory::new()),
            clock: Arc::clone(clock),
            ahead: Arc::default(),
        }
    }

    fn ahead(&self) -> MutexGuard<'_, BTreeMap<Path, Duration>> {
        self.ahead.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stamp(&self, meta: &mut ObjectMeta) {
        let ahead = self.ahead().get(&meta.location).copied();
        meta.last_modified += ahead.unwrap_or_default();
    }

    fn stamped(
        &self,
        listing: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let bucket = self.clone();
        let stamp = move |listed: Result<ObjectMeta>| {
            let mut meta = listed?;
            bucket.stamp(&mut meta);
            Ok(meta)
        };
        listing.map(stamp).boxed()
    }
}

impl fmt::Display for Stamped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "stamped {}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Stamped {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self.inner.put_opts(location, payload, options).await?;
        self.ahead().insert(location.clone(), self.clock.ahead());
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let mut got = self.inner.get_opts(location, options).await?;
        self.stamp(&mut got.meta);
        Ok(got)
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.stamped(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.stamped(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let mut result = self.inner.list_with_delimiter(prefix).await?;
        result.objects.iter_mut().for_each(|meta| self.stamp(meta));
        Ok(result)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await?;
        self.ahead().insert(to.clone(), self.clock.ahead());
        Ok(())
    }
}
