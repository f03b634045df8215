//! `GetObject` and `HeadObject`.

use super::Buckets;
use crate::error::{failed, range_failed};
use crate::objects::{Headers, condition, length, modified, range, tag, to_date};
use futures::{StreamExt, TryStreamExt};
use http_body_util::StreamBody;
use object_store::path::Path;
use object_store::{Error as StoreError, GetOptions, GetResult, ObjectStore};
use s3s::dto::{GetObjectInput, GetObjectOutput, HeadObjectInput, HeadObjectOutput, StreamingBlob};
use s3s::{Body, S3Error, S3Result, s3_error};

/// Up to this size a body is read before the response begins, so that a failure is still a response.
const READ_AT_ONCE_MAX: u64 = 1 << 20;

pub(super) async fn get(buckets: &Buckets, input: GetObjectInput) -> S3Result<GetObjectOutput> {
    let path = buckets.path_to_read(&input.bucket, &input.key)?;
    let sealed = input.sse_customer_algorithm.is_some();
    refuse_unknown(input.version_id.as_deref(), input.part_number, sealed)?;
    let options = GetOptions {
        if_match: input.if_match.as_ref().map(condition),
        if_none_match: input.if_none_match.as_ref().map(condition),
        if_modified_since: input.if_modified_since.as_ref().map(to_date).transpose()?,
        if_unmodified_since: input
            .if_unmodified_since
            .as_ref()
            .map(to_date)
            .transpose()?,
        range: input.range.map(range),
        ..GetOptions::default()
    };
    let got = open(buckets, &path, options).await?;
    let headers = Headers::stored(&got.attributes);
    let (meta, span) = (got.meta.clone(), got.range.clone());
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
        content_type: headers.content_type,
        content_encoding: headers.content_encoding,
        cache_control: headers.cache_control,
        content_disposition: headers.content_disposition,
        content_language: headers.content_language,
        metadata: headers.metadata,
        ..GetObjectOutput::default()
    })
}

pub(super) async fn head(buckets: &Buckets, input: HeadObjectInput) -> S3Result<HeadObjectOutput> {
    let path = buckets.path_to_read(&input.bucket, &input.key)?;
    let sealed = input.sse_customer_algorithm.is_some();
    refuse_unknown(input.version_id.as_deref(), input.part_number, sealed)?;
    let options = GetOptions {
        if_match: input.if_match.as_ref().map(condition),
        if_none_match: input.if_none_match.as_ref().map(condition),
        if_modified_since: input.if_modified_since.as_ref().map(to_date).transpose()?,
        if_unmodified_since: input
            .if_unmodified_since
            .as_ref()
            .map(to_date)
            .transpose()?,
        head: true,
        ..GetOptions::default()
    };
    let got = open(buckets, &path, options).await?;
    let headers = Headers::stored(&got.attributes);
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
        metadata: headers.metadata,
        ..HeadObjectOutput::default()
    })
}

/// There is one version of an object, which S3 calls `null` where versions are not kept, and it has no parts.
fn refuse_unknown(version: Option<&str>, part: Option<i32>, sealed: bool) -> S3Result<()> {
    if version.is_some_and(|version| version != "null") {
        return Err(s3_error!(NoSuchVersion));
    }
    if part.is_some() || sealed {
        return Err(s3_error!(
            NotImplemented,
            "parts and keys of the client are not implemented"
        ));
    }
    Ok(())
}

async fn open(buckets: &Buckets, path: &Path, options: GetOptions) -> S3Result<GetResult> {
    let ranged = options.range.is_some();
    let wanted = options.if_none_match.clone();
    let got = buckets.store.get_opts(path, options).await;
    let got = got.map_err(|error| match error {
        error @ StoreError::NotModified { .. } => not_modified(error, wanted.as_deref()),
        error if ranged => range_failed(error),
        error => failed(error),
    })?;
    if ranged && got.range.is_empty() {
        return Err(s3_error!(InvalidRange));
    }
    Ok(got)
}

/// A 304 repeats the tag that the client has.
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
