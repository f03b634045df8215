//! A bucket whose round trips are counted, and that can leave the hints out.

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::{self, BoxStream};
use icecore_store::Clock;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// An object store with a rig around it.
#[derive(Debug, Clone)]
pub(super) struct Rig {
    inner: Arc<dyn ObjectStore>,
    clock: Arc<dyn Clock>,
    /// Every request takes this long: so that those sent together are under way together.
    latency: Duration,
    /// Hints are acknowledged and not written.
    drop_hints: bool,
    trips: Arc<Mutex<Trips>>,
}

#[derive(Debug, Default)]
struct Trips {
    /// Round trips one after the other.
    count: u64,
    /// A response has come since the last one began: what is sent now may depend on it.
    answered: bool,
}

impl Rig {
    /// Counts round trips: requests that are sent before any answer to the ones before has come share one.
    pub(super) fn counting_trips(inner: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>) -> Self {
        let latency = Duration::from_millis(20);
        Self {
            inner,
            clock,
            latency,
            drop_hints: false,
            trips: Arc::default(),
        }
    }

    /// Leaves the hints out: for what is measured without them.
    pub(super) fn without_hints(inner: Arc<dyn ObjectStore>, clock: Arc<dyn Clock>) -> Self {
        Self {
            inner,
            clock,
            latency: Duration::ZERO,
            drop_hints: true,
            trips: Arc::default(),
        }
    }

    /// The round trips since the last call.
    pub(super) fn take_trips(&self) -> u64 {
        std::mem::take(&mut *self.trips()).count
    }

    fn trips(&self) -> std::sync::MutexGuard<'_, Trips> {
        self.trips.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self) {
        {
            let mut trips = self.trips();
            if trips.count == 0 || trips.answered {
                trips.count += 1;
                trips.answered = false;
            }
        }
        if !self.latency.is_zero() {
            self.clock.sleep(self.latency).await;
        }
    }

    fn answer(&self) {
        self.trips().answered = true;
    }

    fn listing(
        &self,
        listing: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let rig = self.clone();
        let sent = async move {
            rig.send().await;
            rig.answer();
            listing
        };
        stream::once(sent).flatten().boxed()
    }
}

impl fmt::Display for Rig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "rig around {}", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Rig {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        if self.drop_hints
            && location
                .parts()
                .any(|part| part.as_ref() == icecore_core::paths::HEADS)
        {
            let extensions = object_store::Extensions::default();
            return Ok(PutResult {
                e_tag: None,
                version: None,
                extensions,
            });
        }
        self.send().await;
        let result = self.inner.put_opts(location, payload, options).await;
        self.answer();
        result
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.send().await;
        let result = self.inner.get_opts(location, options).await;
        self.answer();
        result
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(self.inner.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.listing(self.inner.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.send().await;
        let result = self.inner.list_with_delimiter(prefix).await;
        self.answer();
        result
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.send().await;
        let result = self.inner.copy_opts(from, to, options).await;
        self.answer();
        result
    }
}
