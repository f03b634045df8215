//! Multipart uploads, as tools that copy whole buckets send large files: parts come in any order, and become one object with one
//! write, with its conditions.

use super::conditions::{on_read, put_mode};
use super::copy::unmet;
use super::put::{body_length, read_body, write};
use super::{Buckets, place};
use crate::checksums::{Announced, Claimed, Claims, Named, hex_of_md5, verify_parts};
use crate::endpoint::Peer;
use crate::error::{failed, is_outside, too_large};
use crate::memory::Share;
use crate::objects::{Headers, keep_checksum, length, range, timestamp, to_tag};
use crate::uploads::{Part, Upload};
use bytes::Bytes;
use object_store::path::Path;
use object_store::{GetOptions, ObjectStore, PutPayload};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Checksum, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CompletedPart, CopyPartResult, CreateMultipartUploadInput,
    CreateMultipartUploadOutput, ETag, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListPartsInput, ListPartsOutput, MultipartUpload, Part as PartInfo, Range, UploadPartCopyInput,
    UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Error, S3Request, S3Result, s3_error};

/// S3 has no part of a higher number.
const PARTS_MAX: i32 = 10_000;
/// All parts but the last have as many bytes in S3, and tools rely on being told.
const PART_MIN: usize = 5 << 20;
/// So many are told of in one answer.
const PAGE_MAX: usize = 1_000;

pub(super) fn create(
    buckets: &Buckets,
    mut input: CreateMultipartUploadInput,
) -> S3Result<CreateMultipartUploadOutput> {
    let path = buckets.path(&input.bucket, &input.key)?;
    if input.sse_customer_algorithm.is_some() || input.object_lock_mode.is_some() {
        return Err(s3_error!(
            NotImplemented,
            "keys of the client and locks are not implemented"
        ));
    }
    let algorithm = input.checksum_algorithm.as_ref();
    let announced = Announced::new(algorithm, input.checksum_type.as_ref())?;
    let attributes = Headers::of_upload(&mut input).into_attributes()?;
    let (bucket, key) = (input.bucket, input.key);
    let object = (bucket.clone(), key.clone(), path);
    let id = buckets
        .uploads
        .begin(object, (attributes, announced), buckets.now())?;
    Ok(CreateMultipartUploadOutput {
        bucket: Some(bucket),
        key: Some(key),
        upload_id: Some(id),
        checksum_algorithm: announced.map(|announced| announced.algorithm.name()),
        checksum_type: announced.map(Announced::kind),
        ..CreateMultipartUploadOutput::default()
    })
}

pub(super) async fn part(
    buckets: &Buckets,
    req: S3Request<UploadPartInput>,
) -> S3Result<UploadPartOutput> {
    let mut input = req.input;
    let object = (input.bucket.as_str(), input.key.as_str());
    check_number(input.part_number)?;
    let path = path_of(buckets, object, &input.upload_id)?;
    if input.sse_customer_algorithm.is_some() {
        return Err(s3_error!(
            NotImplemented,
            "keys of the client are not implemented"
        ));
    }
    let length = body_length(input.content_length, &req.headers)?;
    check_room(
        buckets,
        object,
        (&input.upload_id, input.part_number),
        length,
    )?;
    let peer = req.extensions.get::<Peer>().copied();
    let mut share = buckets
        .bounds
        .memory
        .share(peer, Some(&place(path.as_ref())));
    let body = read_body(input.body.take(), length, &mut share).await?;
    let trailers = req.trailing_headers.and_then(|trailers| trailers.take());
    let verified = Claims::new(&req.headers, trailers.as_ref())?.verify(&body)?;
    let tag = keep(
        buckets,
        (object, &input.upload_id),
        input.part_number,
        (body, verified.clone(), share),
    )?;
    Ok(UploadPartOutput {
        e_tag: Some(tag),
        checksum_crc32: verified.checksum_crc32,
        checksum_crc32c: verified.checksum_crc32c,
        checksum_crc64nvme: verified.checksum_crc64nvme,
        checksum_sha1: verified.checksum_sha1,
        checksum_sha256: verified.checksum_sha256,
        ..UploadPartOutput::default()
    })
}

pub(super) async fn part_copy(
    buckets: &Buckets,
    input: UploadPartCopyInput,
) -> S3Result<UploadPartCopyOutput> {
    let object = (input.bucket.as_str(), input.key.as_str());
    check_number(input.part_number)?;
    let path = path_of(buckets, object, &input.upload_id)?;
    let from = source_of(buckets, &input)?;
    let wanted = match input.copy_source_range.as_deref() {
        Some(text) => Some(Range::parse(text).map_err(|_| s3_error!(InvalidArgument))?),
        None => None,
    };
    let options = GetOptions {
        range: wanted.map(range),
        ..on_read(
            (
                input.copy_source_if_match.as_ref(),
                input.copy_source_if_none_match.as_ref(),
            ),
            (
                input.copy_source_if_modified_since.as_ref(),
                input.copy_source_if_unmodified_since.as_ref(),
            ),
        )?
    };
    let source = buckets.store.get_opts(&from, options).await;
    let source = source.map_err(|e| {
        if wanted.is_some() && is_outside(&e) {
            s3_error!(InvalidRange)
        } else {
            unmet(e)
        }
    })?;
    let bytes = source.range.end - source.range.start;
    if let Some(Range::Int {
        last: Some(last), ..
    }) = wanted
        && last >= source.meta.size
    {
        return Err(s3_error!(
            InvalidRange,
            "the source ends before the range does"
        ));
    }
    check_room(
        buckets,
        object,
        (&input.upload_id, input.part_number),
        bytes,
    )?;
    let mut share = buckets
        .bounds
        .memory
        .share(None, Some(&place(path.as_ref())));
    share.grow(bytes)?;
    let body = source.bytes().await.map_err(failed)?;
    let tag = keep(
        buckets,
        (object, &input.upload_id),
        input.part_number,
        (body, Checksum::default(), share),
    )?;
    Ok(UploadPartCopyOutput {
        copy_part_result: Some(CopyPartResult {
            e_tag: Some(tag),
            last_modified: timestamp(buckets.now()),
            ..CopyPartResult::default()
        }),
        ..UploadPartCopyOutput::default()
    })
}

/// Where a part is copied from.
fn source_of(buckets: &Buckets, input: &UploadPartCopyInput) -> S3Result<Path> {
    if input.copy_source_sse_customer_algorithm.is_some() {
        return Err(s3_error!(
            NotImplemented,
            "keys of the client are not implemented"
        ));
    }
    buckets.source(&input.copy_source)
}

/// All parts together must not be larger than an object may be: who sends them learns it with the first one that is too much.
fn check_room(
    buckets: &Buckets,
    object: (&str, &str),
    (id, number): (&str, i32),
    bytes: u64,
) -> S3Result<()> {
    let others = |upload: &mut Upload| {
        let others = upload.parts.iter().filter(|(other, _)| **other != number);
        others.map(|(_, part)| part.bytes.len() as u64).sum::<u64>()
    };
    let others = buckets.uploads.with(object, id, buckets.now(), others)?;
    if others.saturating_add(bytes) > buckets.bounds.body_max {
        return Err(too_large());
    }
    Ok(())
}

/// The path that an upload leads to.
fn path_of(buckets: &Buckets, object: (&str, &str), id: &str) -> S3Result<Path> {
    let look = |upload: &mut Upload| upload.path.clone();
    buckets.uploads.with(object, id, buckets.now(), look)
}

fn keep(
    buckets: &Buckets,
    (object, id): ((&str, &str), &str),
    number: i32,
    (bytes, checksum, share): (Bytes, Checksum, Share),
) -> S3Result<ETag> {
    let now = buckets.now();
    let tag = hex_of_md5(&bytes);
    let part = Part {
        bytes,
        tag: tag.clone(),
        came: now,
        checksum,
        _share: share,
    };
    let put = |upload: &mut Upload| {
        if let Some(announced) = upload.announced {
            announced.check(&part.checksum)?;
        }
        Ok::<_, S3Error>(upload.parts.insert(number, part))
    };
    // What it replaces is freed behind the lock.
    drop(buckets.uploads.with(object, id, now, put)??);
    Ok(ETag::Strong(tag))
}

fn check_number(number: i32) -> S3Result<()> {
    if (1..=PARTS_MAX).contains(&number) {
        Ok(())
    } else {
        Err(s3_error!(
            InvalidArgument,
            "parts have numbers from 1 to 10000"
        ))
    }
}

pub(super) async fn complete(
    buckets: &Buckets,
    input: CompleteMultipartUploadInput,
) -> S3Result<CompleteMultipartUploadOutput> {
    let object = (input.bucket.as_str(), input.key.as_str());
    let id = &input.upload_id;
    let named = input.multipart_upload.and_then(|upload| upload.parts);
    let named = named.unwrap_or_default();
    if let Some(ended) = buckets.uploads.completed(object, id) {
        // Its answer was lost, and the client asks again.
        return Ok(completed((input.bucket, input.key), ended.e_tag.as_deref()));
    }
    let _alone = buckets.uploads.completing(object, id, buckets.now())?;
    let look = |upload: &mut Upload| {
        let parts = chosen(upload, &named)?;
        Ok::<_, S3Error>((parts, upload.path.clone(), upload.attributes.clone()))
    };
    let ((announced, parts), path, mut attributes) =
        buckets.uploads.with(object, id, buckets.now(), look)??;
    let bytes: u64 = parts.iter().map(|(body, _)| body.len() as u64).sum();
    if bytes > buckets.bounds.body_max {
        return Err(too_large());
    }
    let claimed = Claimed {
        checksum: Checksum {
            checksum_crc32: input.checksum_crc32,
            checksum_crc32c: input.checksum_crc32c,
            checksum_crc64nvme: input.checksum_crc64nvme,
            checksum_sha1: input.checksum_sha1,
            checksum_sha256: input.checksum_sha256,
            ..Checksum::default()
        },
        kind: input.checksum_type,
    };
    let bodies: PutPayload = parts.iter().map(|(body, _)| body.clone()).collect();
    let verified = verified(announced, claimed, parts).await?;
    keep_checksum(&mut attributes, &verified);
    let announced = input.mpu_object_size;
    if announced.is_some_and(|size| u64::try_from(size) != Ok(bytes)) {
        return Err(s3_error!(
            InvalidRequest,
            "the parts have another size together"
        ));
    }
    let conditions = (input.if_none_match.as_ref(), input.if_match.as_ref());
    let mode = put_mode(buckets, &path, conditions).await?;
    let put = write(buckets, &path, bodies, (mode, attributes)).await?;
    // Only now: where a condition does not hold, the client may complete it otherwise, or abort it.
    buckets
        .uploads
        .complete(id, put.e_tag.clone(), buckets.now());
    Ok(CompleteMultipartUploadOutput {
        checksum_crc32: verified.checksum_crc32,
        checksum_crc32c: verified.checksum_crc32c,
        checksum_crc64nvme: verified.checksum_crc64nvme,
        checksum_sha1: verified.checksum_sha1,
        checksum_sha256: verified.checksum_sha256,
        checksum_type: verified.checksum_type,
        ..completed((input.bucket, input.key), put.e_tag.as_deref())
    })
}

fn completed(
    (bucket, key): (String, String),
    e_tag: Option<&str>,
) -> CompleteMultipartUploadOutput {
    CompleteMultipartUploadOutput {
        e_tag: e_tag.map(to_tag),
        location: Some(format!("/{bucket}/{key}")),
        bucket: Some(bucket),
        key: Some(key),
        ..CompleteMultipartUploadOutput::default()
    }
}

/// The checksum of the object. A large one keeps a processor busy for a while: not one that others wait for.
async fn verified(
    announced: Option<Announced>,
    claimed: Claimed,
    parts: Vec<Named>,
) -> S3Result<Checksum> {
    let verify = move || verify_parts(announced, claimed, &parts);
    let verified = tokio::task::spawn_blocking(verify).await;
    verified.map_err(S3Error::internal_error)?
}

/// The bodies of the parts that a client names, in the order of their numbers, and what was announced of their checksum.
fn chosen(upload: &Upload, named: &[CompletedPart]) -> S3Result<(Option<Announced>, Vec<Named>)> {
    if named.is_empty() {
        return Err(s3_error!(MalformedXML, "no parts are named"));
    }
    let number = |part: &CompletedPart| part.part_number.unwrap_or_default();
    if !named.is_sorted_by(|a, b| number(a) < number(b)) {
        return Err(s3_error!(InvalidPartOrder));
    }
    let mut parts = Vec::with_capacity(named.len());
    for (n, part) in named.iter().enumerate() {
        let number = number(part);
        let came = upload.parts.get(&number);
        let is_it = |came: &&Part| {
            part.e_tag
                .as_ref()
                .is_some_and(|tag| tag.value() == came.tag)
        };
        let came = came.filter(is_it).ok_or_else(|| s3_error!(InvalidPart))?;
        if came.bytes.len() < PART_MIN && n + 1 < named.len() {
            return Err(s3_error!(EntityTooSmall));
        }
        let claimed = Checksum {
            checksum_crc32: part.checksum_crc32.clone(),
            checksum_crc32c: part.checksum_crc32c.clone(),
            checksum_crc64nvme: part.checksum_crc64nvme.clone(),
            checksum_sha1: part.checksum_sha1.clone(),
            checksum_sha256: part.checksum_sha256.clone(),
            ..Checksum::default()
        };
        parts.push((came.bytes.clone(), claimed));
    }
    Ok((upload.announced, parts))
}

pub(super) fn abort(
    buckets: &Buckets,
    input: &AbortMultipartUploadInput,
) -> S3Result<AbortMultipartUploadOutput> {
    path_of(buckets, (&input.bucket, &input.key), &input.upload_id)?;
    buckets.uploads.end(&input.upload_id);
    Ok(AbortMultipartUploadOutput::default())
}

pub(super) fn list_parts(buckets: &Buckets, input: ListPartsInput) -> S3Result<ListPartsOutput> {
    let object = (input.bucket.as_str(), input.key.as_str());
    let marker = input.part_number_marker.unwrap_or_default();
    let page = page_size(input.max_parts)?;
    let look = |upload: &mut Upload| {
        let after = upload.parts.range(marker.saturating_add(1)..);
        let parts = after.take(page + 1).map(|(number, part)| {
            Ok(PartInfo {
                part_number: Some(*number),
                e_tag: Some(ETag::Strong(part.tag.clone())),
                size: Some(length(part.bytes.len() as u64)?),
                last_modified: timestamp(part.came),
                checksum_crc32: part.checksum.checksum_crc32.clone(),
                checksum_crc32c: part.checksum.checksum_crc32c.clone(),
                checksum_crc64nvme: part.checksum.checksum_crc64nvme.clone(),
                checksum_sha1: part.checksum.checksum_sha1.clone(),
                checksum_sha256: part.checksum.checksum_sha256.clone(),
            })
        });
        let parts = parts.collect::<S3Result<Vec<_>>>();
        parts.map(|parts| (upload.announced, parts))
    };
    let id = &input.upload_id;
    let (announced, mut parts) = buckets.uploads.with(object, id, buckets.now(), look)??;
    let is_truncated = parts.len() > page;
    parts.truncate(page);
    let last = parts.last().and_then(|part| part.part_number);
    Ok(ListPartsOutput {
        next_part_number_marker: last,
        is_truncated: Some(is_truncated),
        max_parts: i32::try_from(page).ok(),
        part_number_marker: input.part_number_marker,
        parts: Some(parts),
        bucket: Some(input.bucket),
        key: Some(input.key),
        upload_id: Some(input.upload_id),
        checksum_algorithm: announced.map(|announced| announced.algorithm.name()),
        checksum_type: announced.map(Announced::kind),
        ..ListPartsOutput::default()
    })
}

pub(super) fn list_uploads(
    buckets: &Buckets,
    input: ListMultipartUploadsInput,
) -> S3Result<ListMultipartUploadsOutput> {
    buckets.prefix(&input.bucket)?;
    let after = (
        input.key_marker.clone().unwrap_or_default(),
        input.upload_id_marker.clone(),
    );
    let prefix = input.prefix.clone().unwrap_or_default();
    let page = page_size(input.max_uploads)?;
    let all = buckets.uploads.of_bucket(&input.bucket, buckets.now());
    // Behind the marker: of the same key only those with a later id, where one is named.
    let follows = |key: &str, id: &str| {
        let same = after
            .1
            .as_deref()
            .is_some_and(|marker| key == after.0 && id > marker);
        key > after.0.as_str() || same
    };
    let mut here: Vec<_> = all
        .into_iter()
        .filter(|(key, id, _)| key.starts_with(&prefix) && follows(key, id))
        .collect();
    let is_truncated = here.len() > page;
    here.truncate(page);
    let last = here.last().filter(|_| is_truncated).cloned();
    let uploads = here.into_iter().map(|(key, id, began)| MultipartUpload {
        key: Some(key),
        upload_id: Some(id),
        initiated: timestamp(began),
        ..MultipartUpload::default()
    });
    Ok(ListMultipartUploadsOutput {
        uploads: Some(uploads.collect()),
        is_truncated: Some(is_truncated),
        next_key_marker: last.as_ref().map(|(key, ..)| key.clone()),
        next_upload_id_marker: last.map(|(_, id, _)| id),
        max_uploads: i32::try_from(page).ok(),
        bucket: Some(input.bucket),
        prefix: input.prefix,
        key_marker: input.key_marker,
        upload_id_marker: input.upload_id_marker,
        ..ListMultipartUploadsOutput::default()
    })
}

fn page_size(asked: Option<i32>) -> S3Result<usize> {
    let asked = usize::try_from(asked.unwrap_or(1_000));
    let asked = asked.map_err(|_| s3_error!(InvalidArgument, "a number must not be negative"))?;
    Ok(asked.min(PAGE_MAX))
}
