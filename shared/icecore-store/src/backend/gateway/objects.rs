//! The object store that a gateway gives access to.

use super::Gateway;
use super::calls::OPS_MAX;
use super::desk::PreparedBody;
use super::listing::{Page, flat, meta};
use super::wire::{ObjectHeaders, Outgoing, fault_text, header};
use crate::backend::wrapped;
use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use http::StatusCode;
use http::header::{CONTENT_RANGE, IF_MATCH, IF_NONE_MATCH, RANGE};
use icecore_core::paths::SPACES;
use icecore_core::wire::{
    AUTHOR_HEADER, AUTHOR_METADATA, BodyInfo, Condition, Content, KeyWish, Op, Signed, SyncRequest,
    WriteRequest,
};
use icecore_core::{Error, ObjectKey, Result, SpaceName, UpdateObject};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, CopyMode, CopyOptions, Error as StoreError, GetOptions, GetRange,
    GetResult, GetResultPayload, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result as StoreResult,
};
use std::ops::Range;

/// Objects that are deleted at once.
const DELETES_UNDER_WAY_MAX: usize = 8;

/// The space that a path or a folder lies in.
pub(super) fn space_of(path: &str) -> Option<SpaceName> {
    let mut parts = path.split('/');
    match parts.next()? {
        "spaces" | "heads" => parts.next()?.parse().ok(),
        _ => None,
    }
}

/// Whether the bucket may have refused a presigned request for its signature: it has ended, or the credentials that it
/// was signed with have (400 `ExpiredToken`).
pub(super) fn is_refused(status: StatusCode) -> bool {
    matches!(
        status,
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED | StatusCode::BAD_REQUEST
    )
}

/// The error for an answer of the bucket that is no success.
pub(super) async fn failed(
    response: object_store::client::HttpResponse,
    doing: &str,
    path: &str,
) -> Error {
    let status = response.status();
    let text = fault_text(response).await;
    let message = format!("cannot {doing}: the bucket answered {status}");
    let error = match status {
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Error::denied(message).with_hint(
            "the gateway's own credentials may lack rights, or its clock may be wrong; nothing is lost",
        ),
        StatusCode::NOT_FOUND => Error::not_found(message),
        // Two conditional writes met: the same one again decides.
        StatusCode::CONFLICT => Error::unavailable(message)
            .with_hint("another writer was at the same object: try again"),
        status if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS
            && status != StatusCode::REQUEST_TIMEOUT => Error::invalid(message),
        _ => Error::unavailable(message).with_hint("it is tried again; nothing is lost"),
    };
    error
        .with_object(path.to_owned())
        .with_source(std::io::Error::other(text))
}

impl Gateway {
    /// One presigned request, at hand or new.
    async fn signed(&self, op: Op, path: &str) -> Result<Signed> {
        let now = self.inner.clock.monotonic();
        let kept = self.desk().find(&op, now);
        match kept {
            Some(signed) => Ok(signed),
            None => self.sign_one(space_of(path).as_ref(), op).await,
        }
    }

    pub(super) async fn sign_one(&self, space: Option<&SpaceName>, op: Op) -> Result<Signed> {
        let signed = self.sign_and_keep(space, vec![op]).await?;
        let first = signed.into_iter().next();
        first.ok_or_else(|| Error::internal("BUG: one request was to be signed"))
    }

    /// Reads an object; a signature that the bucket refuses is made anew once.
    async fn read(
        &self,
        path: &str,
        options: &GetOptions,
    ) -> Result<object_store::client::HttpResponse> {
        let path_owned = path.to_owned();
        let op = if options.head {
            Op::Head { path: path_owned }
        } else {
            Op::Get { path: path_owned }
        };
        let mut renewed = false;
        loop {
            let signed = self.signed(op.clone(), path).await?;
            let mut outgoing = Outgoing::signed(&signed);
            if let Some(tag) = &options.if_none_match {
                outgoing = outgoing.with_header(IF_NONE_MATCH.as_str(), tag.clone());
            }
            if let Some(tag) = &options.if_match {
                outgoing = outgoing.with_header(IF_MATCH.as_str(), tag.clone());
            }
            if let Some(range) = &options.range {
                outgoing = outgoing.with_header(RANGE.as_str(), range_text(range));
            }
            let response = self.send(&outgoing).await?;
            if is_refused(response.status()) && !renewed {
                self.desk().drop_url(&signed);
                renewed = true;
                continue;
            }
            return Ok(response);
        }
    }

    /// The presigned PUT for a body.
    async fn signed_put(&self, path: &str, body: &Bytes, options: &PutOptions) -> Result<Signed> {
        let info = BodyInfo::of(body);
        if let Ok(ObjectKey::Update(space, epoch, key)) = path.parse::<ObjectKey>() {
            let now = self.inner.clock.monotonic();
            if let Some(signed) = self.desk().find_slot(path, info.sha256, now) {
                return Ok(signed);
            }
            let request = SyncRequest {
                look: None,
                write: Some(WriteRequest {
                    epoch,
                    author: UpdateObject::from_json(body)?.author,
                    keys: KeyWish::At { key },
                    objects: vec![info],
                    spare: 0,
                }),
            };
            let answer = self.sync(&space, &request).await?;
            let slot = answer.slots.into_iter().flatten().next();
            let slot = slot.filter(|slot| slot.key == key);
            return slot.map(|slot| slot.signed).ok_or_else(|| {
                Error::corrupt("the gateway did not sign what it was asked to").with_object(path)
            });
        }
        let content = match options.attributes.get(&Attribute::ContentEncoding) {
            Some(_) => Content::Layer,
            None => Content::Json,
        };
        let condition = match &options.mode {
            PutMode::Create => Condition::Absent,
            PutMode::Overwrite => Condition::None,
            PutMode::Update(version) => {
                Condition::Matches(version.e_tag.clone().unwrap_or_default())
            }
        };
        let op = Op::Put {
            path: path.to_owned(),
            body: info,
            content,
            condition,
        };
        // Signed for this one body: not worth keeping.
        let signed = self.sign(space_of(path).as_ref(), vec![op]).await?;
        let first = signed.into_iter().next();
        first.ok_or_else(|| Error::internal("BUG: one request was to be signed"))
    }

    async fn write(&self, path: &str, body: Bytes, options: &PutOptions) -> StoreResult<PutResult> {
        let signed = self
            .signed_put(path, &body, options)
            .await
            .map_err(wrapped)?;
        self.desk().note_write();
        let outgoing = Outgoing::signed(&signed).with_body(body.clone());
        let mut response = self.send(&outgoing).await.map_err(wrapped)?;
        if is_refused(response.status()) {
            // It may have ended on a slow way, and nothing was written: once more with a new one.
            self.desk().drop_url(&signed);
            let signed = self
                .signed_put(path, &body, options)
                .await
                .map_err(wrapped)?;
            let outgoing = Outgoing::signed(&signed).with_body(body);
            response = self.send(&outgoing).await.map_err(wrapped)?;
        }
        self.desk().note_write();
        let status = response.status();
        if status.is_success() {
            return Ok(PutResult {
                e_tag: ObjectHeaders::of(response.headers()).e_tag,
                version: None,
                extensions: object_store::Extensions::default(),
            });
        }
        let error = failed(response, "write the object", path).await;
        Err(match (status, &options.mode) {
            (StatusCode::PRECONDITION_FAILED, PutMode::Create) => StoreError::AlreadyExists {
                path: path.to_owned(),
                source: Box::new(error),
            },
            (StatusCode::PRECONDITION_FAILED, _) => StoreError::Precondition {
                path: path.to_owned(),
                source: Box::new(error),
            },
            (StatusCode::NOT_FOUND, _) => StoreError::NotFound {
                path: path.to_owned(),
                source: Box::new(error),
            },
            _ => wrapped(error),
        })
    }

    async fn delete_one(&self, path: Path, signed: Signed) -> StoreResult<Path> {
        let sent = self.send(&Outgoing::signed(&signed)).await;
        let response = sent.map_err(wrapped)?;
        if response.status().is_success() || response.status() == StatusCode::NOT_FOUND {
            return Ok(path);
        }
        Err(wrapped(
            failed(response, "delete the object", path.as_ref()).await,
        ))
    }

    async fn delete_some(&self, paths: Vec<Path>) -> Vec<StoreResult<Path>> {
        self.desk().note_write();
        let mut results = Vec::with_capacity(paths.len());
        let mut left = paths.into_iter().peekable();
        while let Some(first) = left.next() {
            // Deletions come folder by folder: those of one space are signed together.
            let space = space_of(first.as_ref());
            let mut some = vec![first];
            while some.len() < OPS_MAX
                && let Some(path) = left.next_if(|path| space_of(path.as_ref()) == space)
            {
                some.push(path);
            }
            let op = |path: &Path| Op::Delete {
                path: path.to_string(),
            };
            match self
                .sign(space.as_ref(), some.iter().map(op).collect())
                .await
            {
                Ok(signed) => {
                    let deletes = some.into_iter().zip(signed);
                    let deletes = deletes.map(|(path, signed)| self.delete_one(path, signed));
                    let done = stream::iter(deletes).buffered(DELETES_UNDER_WAY_MAX);
                    results.extend(done.collect::<Vec<_>>().await);
                }
                Err(error) => {
                    results.push(Err(wrapped(error)));
                }
            }
        }
        results
    }

    fn list_after(
        &self,
        prefix: Option<&Path>,
        offset: Option<&Path>,
    ) -> BoxStream<'static, StoreResult<ObjectMeta>> {
        let folder = prefix.map(ToString::to_string).unwrap_or_default();
        let skip = if folder.is_empty() {
            0
        } else {
            folder.len() + 1
        };
        let after = offset.and_then(|path| path.as_ref().get(skip..).map(str::to_owned));
        let gateway = self.clone();
        let start = Some((after.clone(), true));
        let pages = stream::try_unfold(start, move |next| {
            let (gateway, folder, least) = (gateway.clone(), folder.clone(), after.clone());
            async move {
                let Some((after, first)) = next else {
                    return Ok(None);
                };
                let page = gateway
                    .page_or_prepared(&folder, after.as_deref(), first)
                    .await;
                let page = page.map_err(wrapped)?;
                let next = page.next.clone().map(|after| (Some(after), false));
                let metas = page
                    .items
                    .into_iter()
                    .map(move |item| (item.name.clone(), meta(&folder, item)));
                // A page that was signed for an earlier start holds more, and so do those that follow it.
                let metas: Vec<StoreResult<ObjectMeta>> = metas
                    .filter(|(name, _)| least.as_ref().is_none_or(|least| name > least))
                    .map(|(_, meta)| Ok(meta))
                    .collect();
                Ok::<_, StoreError>(Some((stream::iter(metas), next)))
            }
        });
        pages.try_flatten().boxed()
    }

    async fn page_or_prepared(
        &self,
        folder: &str,
        after: Option<&str>,
        first: bool,
    ) -> Result<Page> {
        let now = self.inner.clock.monotonic();
        if first && let Some(items) = self.desk().take_list(folder, after, now) {
            return Ok(Page {
                items,
                ..Page::default()
            });
        }
        self.page(folder, after, false, first).await
    }
}

fn range_text(range: &GetRange) -> String {
    match range {
        GetRange::Bounded(range) => {
            format!("bytes={}-{}", range.start, range.end.saturating_sub(1))
        }
        GetRange::Offset(start) => format!("bytes={start}-"),
        GetRange::Suffix(length) => format!("bytes=-{length}"),
    }
}

/// The range and the whole size that `bytes 0-9/100` tells.
fn parse_content_range(text: &str) -> Option<(Range<u64>, u64)> {
    let (range, size) = text.strip_prefix("bytes ")?.split_once('/')?;
    let (first, last) = range.split_once('-')?;
    let last: u64 = last.parse().ok()?;
    Some((
        first.parse().ok()?..last.checked_add(1)?,
        size.parse().ok()?,
    ))
}

fn author_attribute(author: Option<&str>) -> Attributes {
    let mut attributes = Attributes::new();
    if let Some(author) = author {
        attributes.insert(
            Attribute::Metadata(AUTHOR_METADATA.into()),
            author.to_owned().into(),
        );
    }
    attributes
}

/// An object that came with the answer to a look.
fn prepared(location: &Path, body: PreparedBody, options: &GetOptions) -> StoreResult<GetResult> {
    let bytes = Bytes::from(body.body);
    let meta = ObjectMeta {
        location: location.clone(),
        last_modified: DateTime::from_timestamp_millis(body.last_modified).unwrap_or_default(),
        size: bytes.len() as u64,
        e_tag: body.e_tag,
        version: None,
    };
    options.check_preconditions(&meta)?;
    Ok(GetResult {
        range: 0..meta.size,
        meta,
        attributes: author_attribute(body.author.as_deref()),
        payload: GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed()),
        extensions: object_store::Extensions::default(),
    })
}

async fn answered(
    response: object_store::client::HttpResponse,
    location: &Path,
) -> StoreResult<GetResult> {
    let path = location.to_string();
    match response.status() {
        status if status.is_success() => {}
        StatusCode::NOT_MODIFIED => {
            return Err(StoreError::NotModified {
                path,
                source: "not modified".into(),
            });
        }
        status => {
            let source = Box::new(failed(response, "read the object", location.as_ref()).await);
            return Err(match status {
                StatusCode::NOT_FOUND => StoreError::NotFound { path, source },
                StatusCode::PRECONDITION_FAILED => StoreError::Precondition { path, source },
                _ => wrapped(*source),
            });
        }
    }
    let headers = ObjectHeaders::of(response.headers());
    let length = headers.length.unwrap_or_default();
    let (range, size) = header(response.headers(), CONTENT_RANGE)
        .and_then(parse_content_range)
        .unwrap_or((0..length, length));
    let author = response.headers().get(AUTHOR_HEADER);
    let attributes = author_attribute(author.and_then(|a| a.to_str().ok()));
    let body = response.into_body().bytes_stream();
    let body = body
        .map_err(|e| wrapped(Error::unavailable("the object broke off on its way").with_source(e)));
    Ok(GetResult {
        payload: GetResultPayload::Stream(body.boxed()),
        meta: ObjectMeta {
            location: location.clone(),
            last_modified: DateTime::from_timestamp_millis(headers.last_modified)
                .unwrap_or_default(),
            size,
            e_tag: headers.e_tag,
            version: None,
        },
        range,
        attributes,
        extensions: object_store::Extensions::default(),
    })
}

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
