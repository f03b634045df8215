//! The object store that a gateway gives access to.

use super::Gateway;
use super::answers::{answered, failed, prepared};
use super::calls::OPS_MAX;
use super::listing::{Page, flat};
use super::signed::space_of;
use super::wire::{Outgoing, fault_text};
use crate::backend::wrapped;
use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use icecore_core::paths::SPACES;
use icecore_core::wire::Op;
use icecore_core::{Error, Result};
use object_store::path::Path;
use object_store::{
    CopyMode, CopyOptions, Error as StoreError, GetOptions, GetResult, ListResult, MultipartUpload,
    ObjectMeta, ObjectStore, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result as StoreResult,
};

#[async_trait]
impl ObjectStore for Gateway {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> StoreResult<PutResult> {
        self.write(location.as_ref(), payload.into(), &options)
            .await
    }

    async fn put_multipart_opts(
        &self,
        _location: &Path,
        _options: PutMultipartOptions,
    ) -> StoreResult<Box<dyn MultipartUpload>> {
        Err(StoreError::NotImplemented {
            operation: "put_multipart_opts".to_owned(),
            implementer: "Gateway".to_owned(),
        })
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> StoreResult<GetResult> {
        let now = self.inner.clock.monotonic();
        let whole = options.range.is_none() && !options.head;
        let body = whole
            .then(|| self.desk().take_body(location.as_ref(), now))
            .flatten();
        if let Some(body) = body {
            return prepared(location, body, &options);
        }
        let response = self
            .read(location.as_ref(), &options)
            .await
            .map_err(wrapped)?;
        answered(response, location).await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, StoreResult<Path>>,
    ) -> BoxStream<'static, StoreResult<Path>> {
        let gateway = self.clone();
        locations
            .ready_chunks(OPS_MAX)
            .then(move |chunk| {
                let gateway = gateway.clone();
                async move {
                    let (paths, mut failures) = split(chunk);
                    let mut results = gateway.delete_some(paths).await;
                    results.append(&mut failures);
                    results
                }
            })
            .flat_map(stream::iter)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.list_after(prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        self.list_after(prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> StoreResult<ListResult> {
        let folder = prefix.map(ToString::to_string).unwrap_or_default();
        if folder == SPACES {
            // A token need not see all of them.
            let names = self.spaces().await.map_err(wrapped)?.spaces;
            let page = Page {
                folders: names.iter().map(ToString::to_string).collect(),
                ..Page::default()
            };
            return Ok(flat(&folder, vec![page]));
        }
        let mut pages = Vec::new();
        let mut next = Some(None);
        while let Some(after) = next {
            let page = self
                .page(&folder, after.as_deref(), true, pages.is_empty())
                .await;
            let page = page.map_err(wrapped)?;
            next = page.next.clone().map(Some);
            pages.push(page);
        }
        Ok(flat(&folder, pages))
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> StoreResult<()> {
        if options.mode != CopyMode::Overwrite {
            return Err(StoreError::NotImplemented {
                operation: "copy_opts where nothing may be there".to_owned(),
                implementer: "Gateway".to_owned(),
            });
        }
        self.desk().note_write();
        let op = Op::Copy {
            from: from.to_string(),
            to: to.to_string(),
        };
        let space = space_of(to.as_ref());
        let signed = self.sign(space.as_ref(), vec![op]).await.map_err(wrapped)?;
        for signed in &signed {
            let sent = self.send(&Outgoing::signed(signed)).await;
            let response = sent.map_err(wrapped)?;
            if !response.status().is_success() {
                return Err(wrapped(
                    failed(response, "copy the object", from.as_ref()).await,
                ));
            }
            // A copy that fails on its way has begun its answer with 200 already.
            if !fault_text(response).await.contains("CopyObjectResult") {
                let error = Error::unavailable("the bucket did not finish a copy")
                    .with_object(from.to_string())
                    .with_hint("it is tried again; nothing is lost");
                return Err(wrapped(error));
            }
        }
        Ok(())
    }
}

fn split(chunk: Vec<StoreResult<Path>>) -> (Vec<Path>, Vec<StoreResult<Path>>) {
    let (good, bad): (Vec<_>, Vec<_>) = chunk.into_iter().partition(Result::is_ok);
    (good.into_iter().flatten().collect(), bad)
}
