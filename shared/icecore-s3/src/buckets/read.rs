//! `GetObject` and `HeadObject`.

use super::Buckets;
use super::conditions::{found, names, on_read};
use crate::error::{failed, is_outside};
use crate::objects::{Headers, length, modified, range, tag};
use futures::{StreamExt, TryStreamExt};
use http_body_util::StreamBody;
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, GetResult, ObjectMeta, ObjectStore};
use s3s::dto::{
    Checksum, ETagCondition, GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput,
    StreamingBlob,
};
use s3s::{Body, S3Error, S3Result, s3_error};

/// Up to this size a body is read before the response begins, so that a failure is still a response.
const READ_AT_ONCE_MAX: u64 = 1 << 20;

pub(super) async fn get(buckets: &Buckets, input: GetObjectInput) -> S3Result<GetObjectOutput> {
    let path = buckets.path_to_read(&input.bucket, &input.key)?;
    let sealed = input.sse_customer_algorithm.is_some();
    refuse_unknown(input.version_id.as_deref(), input.part_number, sealed)?;
    let unwanted = input.if_none_match.as_ref();
    let options = GetOptions {
        range: input.range.map(range),
        ..on_read(
            (input.if_match.as_ref(), unwanted),
            (
                input.if_modified_since.as_ref(),
                input.if_unmodified_since.as_ref(),
            ),
        )?
    };
    let got = open(buckets, &path, options, unwanted).await?;
    let headers = Headers::stored(&got.attributes);
    let (meta, span) = (got.meta.clone(), got.range.clone());
    // Of all bytes, so it says nothing of a part.
    let asked = input.checksum_mode.is_some() && span == (0..meta.size);
    let checksum = told(headers.checksum, asked);
    let expires = match &input.response_expires {
        Some(_) => input.response_expires,
        None => headers.expires,
    };
    let content_range = input.range.map(|_| {
        let last = span.end.saturating_sub(1);
        format!("bytes {}-{last}/{}", span.start, meta.size)
    });
    Ok(GetObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        body: Some(body(got).await?),
        content_length: Some(length(span.end - span.start)?),
        content_range,
        e_tag: tag(&meta),
        last_modified: Some(modified(&meta)),
        content_type: input.response_content_type.or(headers.content_type),
        content_encoding: input.response_content_encoding.or(headers.content_encoding),
        cache_control: input.response_cache_control.or(headers.cache_control),
        content_disposition: input
            .response_content_disposition
            .or(headers.content_disposition),
        content_language: input.response_content_language.or(headers.content_language),
        expires,
        metadata: headers.metadata,
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        checksum_type: checksum.checksum_type,
        ..GetObjectOutput::default()
    })
}

pub(super) async fn head(buckets: &Buckets, input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
    let path = buckets.path_to_read(&input.bucket, &input.key)?;
    let sealed = input.sse_customer_algorithm.is_some();
    refuse_unknown(input.version_id.as_deref(), input.part_number, sealed)?;
    let unwanted = input.if_none_match.as_ref();
    let options = GetOptions {
        head: true,
        ..on_read(
            (input.if_match.as_ref(), unwanted),
            (
                input.if_modified_since.as_ref(),
                input.if_unmodified_since.as_ref(),
            ),
        )?
    };
    let got = open(buckets, &path, options, unwanted).await?;
    let headers = Headers::stored(&got.attributes);
    let checksum = told(headers.checksum, input.checksum_mode.is_some());
    Ok(HeadObjectOutput {
        accept_ranges: Some("bytes".to_owned()),
        content_length: Some(length(got.meta.size)?),
        e_tag: tag(&got.meta),
        last_modified: Some(modified(&got.meta)),
        content_type: headers.content_type,
        content_encoding: headers.content_encoding,
        cache_control: headers.cache_control,
        content_disposition: headers.content_disposition,
        content_language: headers.content_language,
        expires: headers.expires,
        metadata: headers.metadata,
        checksum_crc32: checksum.checksum_crc32,
        checksum_crc32c: checksum.checksum_crc32c,
        checksum_crc64nvme: checksum.checksum_crc64nvme,
        checksum_sha1: checksum.checksum_sha1,
        checksum_sha256: checksum.checksum_sha256,
        checksum_type: checksum.checksum_type,
        ..HeadObjectOutput::default()
    })
}

/// A checksum, if it was asked for.
fn told(checksum: Checksum, asked: bool) -> Checksum {
    if asked { checksum } else { Checksum::default() }
}

/// There is one version of an object, which S3 calls `null` where versions are not kept, and it is its own only part.
fn refuse_unknown(version: Option<&str>, part: Option<i32>, sealed: bool) -> S3Result<()> {
    if version.is_some_and(|version| version != "null") {
        return Err(s3_error!(NoSuchVersion));
    }
    if part.is_some_and(|part| part != 1) {
        return Err(s3_error!(InvalidPart, "an object has one part here"));
    }
    if sealed {
        return Err(s3_error!(
            NotImplemented,
            "keys of the client are not implemented"
        ));
    }
    Ok(())
}

async fn open(
    buckets: &Buckets,
    path: &Path,
    options: GetOptions,
    unwanted: Option<&ETagCondition>,
) -> S3Result<GetResult> {
    let ranged = options.range.is_some();
    // It may be replaced before it is looked at once more: the client has what its condition names.
    let is_had = |meta: &ObjectMeta| unwanted.is_none_or(|tags| names(tags, meta));
    let got = buckets.store.get_opts(path, options).await;
    let failure = match got {
        Ok(got) if ranged && got.range.is_empty() => return Err(outside(Some(got.meta.size))),
        Ok(got) => return Ok(got),
        Err(error @ StoreError::NotModified { .. }) => {
            let there = found(buckets, path).await.ok().flatten();
            let tag = there.filter(is_had).and_then(|meta| meta.e_tag);
            not_modified(error, tag.as_deref())
        }
        Err(error) if ranged && is_outside(&error) => {
            let there = found(buckets, path).await.ok().flatten();
            outside(there.map(|meta| meta.size))
        }
        Err(error) => failed(error),
    };
    Err(failure)
}

/// A part that begins behind the end. HTTP tells with it how long the object is.
fn outside(size: Option<u64>) -> S3Error {
    let mut error = s3_error!(InvalidRange, "the object ends before the range begins");
    let range = size.and_then(|size| format!("bytes */{size}").parse().ok());
    if let Some(range) = range {
        error.set_headers([(http::header::CONTENT_RANGE, range)].into_iter().collect());
    }
    error
}

/// A 304 tells the tag of what the client has.
fn not_modified(error: StoreError, tag: Option<&str>) -> S3Error {
    let mut error = failed(error);
    if let Some(tag) = tag.and_then(|tag| tag.parse().ok()) {
        error.set_headers([(http::header::ETAG, tag)].into_iter().collect());
    }
    error
}

async fn body(got: GetResult) -> S3Result<StreamingBlob> {
    let body = if got.range.end - got.range.start <= READ_AT_ONCE_MAX {
        Body::from(got.bytes().await.map_err(failed)?)
    } else {
        let frames = got.into_stream().map_ok(http_body::Frame::data).boxed();
        Body::http_body_unsync(StreamBody::new(frames))
    };
    Ok(StreamingBlob::from(body))
}
