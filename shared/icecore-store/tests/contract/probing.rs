//! The probe accepts what keeps the contract, and refuses what only looks like it.

use crate::support::{Clock, Ids, open, s3_server};
use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt;
use futures::stream::BoxStream;
use icecore_core::{ErrorKind, Result};
use icecore_store::backend::{Folder, ProbeReport, probe};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

async fn probed(store: &dyn ObjectStore, prefix: &str) -> Result<ProbeReport> {
    let outcome = probe(store, &Path::from(prefix), &Clock, &Ids::new()).await;
    let left: Vec<_> = store.list(None).try_collect().await.unwrap();
    assert!(left.is_empty(), "left behind: {left:?}");
    outcome
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_passes_on_what_keeps_the_contract() {
    let directory = tempfile::tempdir().unwrap();
    let server = s3_server(Arc::new(InMemory::new())).await;
    let s3 = open(&server.url(""), server.environment());
    let stores: [Arc<dyn ObjectStore>; 3] = [
        Arc::new(InMemory::new()),
        Arc::new(Folder::new(directory.path())),
        s3.store,
    ];
    for store in stores {
        let report = probed(&store, "root").await.unwrap();
        assert!(report.conditional_get, "{store}");
        assert_eq!(report.warnings, [""; 0], "{store}");
        assert!(report.rounds >= 5 && report.writers == 20);
    }
}

/// A back end that silently ignores conditional writes: `ClickHouse` on GCS (ClickHouse#115266), users of `MinIO`
/// (minio#21526) and of `ZeroFS` (ZeroFS#273) lost writes that had been acknowledged, or found two leaders. The server, a
/// proxy, or a client that used the wrong header had dropped the condition and answered 200. Another kind of server
/// checks the condition and then writes without a lock, which only a race shows. Here `init` runs the probe, which races
/// the conditions and refuses such a back end in plain words.
#[tokio::test(flavor = "multi_thread")]
async fn row_07_a_back_end_that_ignores_conditions_is_refused() {
    let flaws = [
        Flaw::IgnoresAbsent,
        Flaw::IgnoresMatch,
        Flaw::Racy,
        Flaw::CreatesMissing,
        Flaw::WritesAndRefuses,
    ];
    for flaw in flaws {
        let lax = Lax {
            inner: Arc::new(InMemory::new()),
            flaw,
        };
        let error = probed(&lax, "root").await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{flaw:?}: {error:?}");
        let text = error.to_string();
        assert!(
            text.contains("ignores conditional writes"),
            "{flaw:?}: {text}"
        );
        assert!(
            text.contains("acknowledged updates would be lost"),
            "{flaw:?}: {text}"
        );
        assert!(error.hint().unwrap().contains("S3"), "{flaw:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_without_conditional_reads_is_only_warned_about() {
    let lax = Lax {
        inner: Arc::new(InMemory::new()),
        flaw: Flaw::NoConditionalRead,
    };
    let report = probed(&lax, "root").await.unwrap();
    assert!(!report.conditional_get);
    assert!(
        report.warnings[0].contains("every poll pays"),
        "{:?}",
        report.warnings
    );
}

/// How a back end falls short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    /// Put-if-absent overwrites.
    IgnoresAbsent,
    /// If-Match overwrites.
    IgnoresMatch,
    /// Put-if-absent looks first and then writes, without a lock.
    Racy,
    /// If-Match creates what is missing.
    CreatesMissing,
    /// Put-if-absent is refused, and written all the same.
    WritesAndRefuses,
    /// If-None-Match on a GET is ignored.
    NoConditionalRead,
}

/// A back end with a flaw.
#[derive(Debug)]
struct Lax {
    inner: Arc<dyn ObjectStore>,
    flaw: Flaw,
}

impl Lax {
    async fn mode(&self, location: &Path, mode: PutMode) -> object_store::Result<PutMode> {
        let overwrites = match (self.flaw, &mode) {
            (Flaw::IgnoresAbsent, PutMode::Create) | (Flaw::IgnoresMatch, PutMode::Update(_)) => {
                true
            }
            (Flaw::CreatesMissing, PutMode::Update(_)) => self.inner.head(location).await.is_err(),
            (Flaw::Racy, PutMode::Create) => {
                let is_absent = self.inner.head(location).await.is_err();
                tokio::task::yield_now().await;
                is_absent
            }
            _ => false,
        };
        Ok(if overwrites { PutMode::Overwrite } else { mode })
    }
}

impl fmt::Display for Lax {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {}", self.flaw, self.inner)
    }
}

#[async_trait]
#[deny(clippy::missing_trait_methods)]
impl ObjectStore for Lax {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut options: PutOptions,
    ) -> object_store::Result<PutResult> {
        let is_create = matches!(options.mode, PutMode::Create);
        options.mode = self.mode(location, options.mode).await?;
        let outcome = self
            .inner
            .put_opts(location, payload.clone(), options)
            .await;
        if self.flaw == Flaw::WritesAndRefuses && is_create && outcome.is_err() {
            self.inner.put(location, payload).await?;
        }
        outcome
    }

    async fn get_opts(
        &self,
        location: &Path,
        mut options: GetOptions,
    ) -> object_store::Result<GetResult> {
        if self.flaw == Flaw::NoConditionalRead {
            options.if_none_match = None;
        }
        self.inner.get_opts(location, options).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        options: PutMultipartOptions,
    ) -> object_store::Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, options).await
    }

    async fn get_ranges(
        &self,
        location: &Path,
        ranges: &[Range<u64>],
    ) -> object_store::Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, object_store::Result<Path>>,
    ) -> BoxStream<'static, object_store::Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> object_store::Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(
        &self,
        from: &Path,
        to: &Path,
        options: CopyOptions,
    ) -> object_store::Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(
        &self,
        from: &Path,
        to: &Path,
        options: RenameOptions,
    ) -> object_store::Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}
