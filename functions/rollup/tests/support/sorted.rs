//! A store in memory that lists from where it is told to, without a look at all that lies before.

#![allow(
    missing_docs,
    unreachable_pub,
    clippy::unwrap_used,
    reason = "a test stops at what it did not expect"
)]

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{Arc, Mutex};

/// Objects that one look at the names takes.
const PAGE: usize = 1_000;

#[derive(Debug, Default)]
pub struct Sorted {
    objects: InMemory,
    names: Arc<Mutex<BTreeMap<Path, ObjectMeta>>>,
}

impl std::fmt::Display for Sorted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Sorted")
    }
}

impl Sorted {
    fn after(
        &self,
        prefix: Option<&Path>,
        start: Bound<Path>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let names = Arc::clone(&self.names);
        let prefix = prefix.map(|p| format!("{p}/")).unwrap_or_default();
        let pages = stream::unfold(Some(start), move |start| {
            let (names, prefix) = (Arc::clone(&names), prefix.clone());
            async move {
                let names = names.lock().unwrap();
                let page: Vec<_> = names
                    .range((start?, Bound::Unbounded))
                    .take_while(|(path, _)| path.as_ref().starts_with(&prefix))
                    .take(PAGE)
                    .map(|(_, meta)| Ok(meta.clone()))
                    .collect();
                let last = page.last().map(|meta: &Result<ObjectMeta>| {
                    Bound::Excluded(meta.as_ref().unwrap().location.clone())
                });
                Some((stream::iter(page), last))
            }
        });
        pages.flatten().boxed()
    }
}

#[async_trait]
impl ObjectStore for Sorted {
    async fn put_opts(
        &self,
        path: &Path,
        body: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let put = self.objects.put_opts(path, body, options).await?;
        let meta = self.objects.head(path).await?;
        self.names.lock().unwrap().insert(path.clone(), meta);
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        path: &Path,
        options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.objects.put_multipart_opts(path, options).await
    }

    async fn get_opts(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        self.objects.get_opts(path, options).await
    }

    fn delete_stream(
        &self,
        paths: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let names = Arc::clone(&self.names);
        let deleted = self.objects.delete_stream(paths);
        deleted
            .inspect(move |path| {
                if let Ok(path) = path {
                    names.lock().unwrap().remove(path);
                }
            })
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        let start = prefix.map_or(Bound::Unbounded, |p| Bound::Included(p.clone()));
        self.after(prefix, start)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        // An offset before the prefix begins where the prefix does.
        let start = match prefix {
            Some(prefix) if offset < prefix => Bound::Included(prefix.clone()),
            _ => Bound::Excluded(offset.clone()),
        };
        self.after(prefix, start)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.objects.copy_opts(from, to, options).await?;
        let meta = self.objects.head(to).await?;
        self.names.lock().unwrap().insert(to.clone(), meta);
        Ok(())
    }
}
