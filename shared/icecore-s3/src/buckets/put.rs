//! `PutObject`: checked as a whole, then written as a whole.

use super::conditions::put_mode;
use super::{Buckets, place};
use crate::checksums::Claims;
use crate::endpoint::Peer;
use crate::error::{broken_body, failed, too_large};
use crate::memory::Share;
use crate::objects::{Headers, to_tag};
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use http::HeaderMap;
use object_store::path::Path;
use object_store::{
    Attributes, Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload,
    PutResult,
};
use s3s::dto::{PutObjectInput, PutObjectOutput, StreamingBlob};
use s3s::{S3Request, S3Result, s3_error};

/// Memory is taken in such portions as a body comes.
const PORTION: usize = 64 << 10;

pub(super) async fn put(
    buckets: &Buckets,
    req: S3Request<PutObjectInput>,
) -> S3Result<PutObjectOutput> {
    let mut input = req.input;
    let path = buckets.path(&input.bucket, &input.key)?;
    refuse_unknown(&input)?;
    let length = body_length(input.content_length, &req.headers)?;
    if length > buckets.bounds.body_max {
        return Err(too_large());
    }
    let peer = req.extensions.get::<Peer>().copied();
    let memory = &buckets.bounds.memory;
    let mut share = memory.share(peer, Some(&place(path.as_ref())));
    let body = read_body(input.body.take(), length, &mut share).await?;
    let trailers = req.trailing_headers.and_then(|trailers| trailers.take());
    let verified = Claims::new(&req.headers, trailers.as_ref())?.verify(&body)?;
    let conditions = (input.if_none_match.as_ref(), input.if_match.as_ref());
    let mode = put_mode(buckets, &path, conditions).await?;
    let headers = Headers {
        checksum: verified.clone(),
        ..Headers::of_put(&mut input)
    };
    let put = write(
        buckets,
        &path,
        body.into(),
        (mode, headers.into_attributes()?),
    )
    .await?;
    Ok(PutObjectOutput {
        e_tag: put.e_tag.as_deref().map(to_tag),
        checksum_crc32: verified.checksum_crc32,
        checksum_crc32c: verified.checksum_crc32c,
        checksum_crc64nvme: verified.checksum_crc64nvme,
        checksum_sha1: verified.checksum_sha1,
        checksum_sha256: verified.checksum_sha256,
        ..PutObjectOutput::default()
    })
}

/// Writes an object as a whole, if its condition holds.
pub(super) async fn write(
    buckets: &Buckets,
    path: &Path,
    payload: PutPayload,
    (mode, attributes): (PutMode, Attributes),
) -> S3Result<PutResult> {
    let is_update = matches!(mode, PutMode::Update(_));
    let options = PutOptions {
        mode,
        attributes,
        ..PutOptions::default()
    };
    match buckets.store.put_opts(path, payload, options).await {
        Ok(put) => Ok(put),
        // S3 tells a wrong version (412) from a missing object (404).
        Err(error @ StoreError::Precondition { .. }) if is_update => {
            buckets.store.head(path).await.map_err(failed)?;
            Err(failed(error))
        }
        Err(error) => Err(failed(error)),
    }
}

/// What would mean something else when it is not done.
fn refuse_unknown(input: &PutObjectInput) -> S3Result<()> {
    let is_sealed = input.sse_customer_algorithm.is_some() || input.sse_customer_key.is_some();
    let is_locked =
        input.object_lock_mode.is_some() || input.object_lock_legal_hold_status.is_some();
    if is_sealed || is_locked || input.write_offset_bytes.is_some() {
        return Err(s3_error!(
            NotImplemented,
            "keys of the client, locks and appending are not implemented"
        ));
    }
    Ok(())
}

/// The length of the object: of the body, or of what is in its chunks.
pub(super) fn body_length(announced: Option<i64>, headers: &HeaderMap) -> S3Result<u64> {
    let decoded = || {
        let length = headers.get("x-amz-decoded-content-length")?.to_str();
        length.ok()?.parse().ok()
    };
    let length = match announced {
        Some(length) => u64::try_from(length).ok(),
        None => decoded(),
    };
    length.ok_or_else(|| s3_error!(MissingContentLength))
}

/// Reads a whole body, which s3s checks against the signature as it passes. It takes memory for what came, not for what was
/// announced.
pub(super) async fn read_body(
    body: Option<StreamingBlob>,
    length: u64,
    share: &mut Share,
) -> S3Result<Bytes> {
    let mut bytes = BytesMut::new();
    if let Some(mut body) = body {
        while let Some(chunk) = body.try_next().await.map_err(broken_body)? {
            if (bytes.len() + chunk.len()) as u64 > length {
                return Err(s3_error!(
                    IncompleteBody,
                    "the body is longer than it was announced"
                ));
            }
            if bytes.capacity() - bytes.len() < chunk.len() {
                make_room(&mut bytes, (chunk.len(), length), share)?;
            }
            bytes.extend_from_slice(&chunk);
        }
    }
    if (bytes.len() as u64) < length {
        return Err(s3_error!(IncompleteBody));
    }
    Ok(bytes.freeze())
}

/// Room for as much again as there is, so that few bytes are moved, but not for more than is to come.
fn make_room(
    bytes: &mut BytesMut,
    (least, length): (usize, u64),
    share: &mut Share,
) -> S3Result<()> {
    let to_come = usize::try_from(length).unwrap_or(usize::MAX) - bytes.len();
    let more = bytes.len().max(PORTION).max(least).min(to_come);
    let room = bytes.capacity() - bytes.len();
    share.grow(more.saturating_sub(room) as u64)?;
    bytes.reserve(more);
    Ok(())
}
