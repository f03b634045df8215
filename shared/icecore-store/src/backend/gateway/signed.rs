//! Presigned requests at hand or asked for, sent, and sent anew where the bucket refuses them.

use super::Gateway;
use super::answers::{failed, is_refused};
use super::calls::OPS_MAX;
use super::listing::{Page, meta};
use super::wire::{ObjectHeaders, Outgoing};
use crate::backend::wrapped;
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use http::StatusCode;
use http::header::{IF_MATCH, IF_NONE_MATCH, RANGE};
use icecore_core::wire::{
    BodyInfo, Condition, Content, KeyWish, Op, Signed, SyncRequest, WriteRequest,
};
use icecore_core::{Error, ObjectKey, Result, SpaceName, UpdateObject};
use object_store::path::Path;
use object_store::{
    Attribute, Error as StoreError, GetOptions, GetRange, ObjectMeta, PutMode, PutOptions,
    PutResult, Result as StoreResult,
};

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

impl Gateway {
    /// One presigned request, at hand or new.
    pub(super) async fn signed(&self, op: Op, path: &str) -> Result<Signed> {
        let now = self.inner.clock.monotonic();
        let kept = self.desk().find(&op, now);
        match kept {
            Some(signed) => Ok(signed),
            None => self.sign_one(space_of(path).as_ref(), op).await,
        }
    }

    pub(super) async fn sign_one(&self, space: Option<&SpaceName>, op: Op) -> Result<Signed> {
        let mut ops = vec![op.clone()];
        if let Some(space) = space {
            let now = self.inner.clock.monotonic();
            let ended = self.desk().ended_polls(space, now);
            ops.extend(ended.into_iter().filter(|other| *other != op));
        }
        let signed = self.sign_and_keep(space, ops).await?;
        let first = signed.into_iter().next();
        first.ok_or_else(|| Error::internal("BUG: one request was to be signed"))
    }

    /// Reads an object; a signature that the bucket refuses is made anew once.
    pub(super) async fn read(
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
    pub(super) async fn signed_put(
        &self,
        path: &str,
        body: &Bytes,
        options: &PutOptions,
    ) -> Result<Signed> {
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

    pub(super) async fn write(
        &self,
        path: &str,
        body: Bytes,
        options: &PutOptions,
    ) -> StoreResult<PutResult> {
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

    pub(super) async fn delete_one(&self, path: Path, signed: Signed) -> StoreResult<Path> {
        let sent = self.send(&Outgoing::signed(&signed)).await;
        let response = sent.map_err(wrapped)?;
        if response.status().is_success() || response.status() == StatusCode::NOT_FOUND {
            return Ok(path);
        }
        Err(wrapped(
            failed(response, "delete the object", path.as_ref()).await,
        ))
    }

    pub(super) async fn delete_some(&self, paths: Vec<Path>) -> Vec<StoreResult<Path>> {
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

    pub(super) fn list_after(
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

    pub(super) async fn page_or_prepared(
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
