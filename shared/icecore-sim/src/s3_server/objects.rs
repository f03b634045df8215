//! Between the words of S3 and those of `object_store`.

use bytes::{Bytes, BytesMut};
use futures::TryStreamExt;
use object_store::{
    Attribute, Attributes, Error as StoreError, GetRange, ObjectMeta, PutMode, UpdateVersion,
};
use s3s::checksum::ChecksumHasher;
use s3s::crypto::Checksum as _;
use s3s::dto::{ETag, ETagCondition, Metadata, PutObjectInput, Range, StreamingBlob, Timestamp};
use s3s::{S3Error, S3Result, s3_error};
use std::time::SystemTime;

/// The largest body that S3 accepts in one PUT is 5 GiB; here everything is held in memory.
const BODY_MAX: usize = 256 << 20;

pub(super) fn failed(error: StoreError) -> S3Error {
    match error {
        StoreError::NotFound { .. } => s3_error!(NoSuchKey),
        StoreError::AlreadyExists { .. } | StoreError::Precondition { .. } => {
            s3_error!(
                PreconditionFailed,
                "a condition of the request does not hold"
            )
        }
        StoreError::NotModified { .. } => s3_error!(NotModified),
        StoreError::PermissionDenied { .. } => s3_error!(AccessDenied),
        StoreError::NotSupported { .. } | StoreError::InvalidPath { .. } => {
            s3_error!(InvalidArgument, "the key is not supported")
        }
        error => S3Error::internal_error(error),
    }
}

/// The tag without the quotes that both sides write differently.
pub(super) fn tag(meta: &ObjectMeta) -> Option<ETag> {
    meta.e_tag.as_deref().map(to_tag)
}

pub(super) fn to_tag(e_tag: &str) -> ETag {
    ETag::Strong(e_tag.trim_matches('"').to_owned())
}

pub(super) fn condition(condition: &ETagCondition) -> String {
    match condition {
        ETagCondition::Any => "*".to_owned(),
        ETagCondition::ETag(tag) => format!("\"{}\"", tag.value()),
    }
}

/// What the conditions of a PUT ask for.
pub(super) fn put_mode(input: &PutObjectInput) -> S3Result<PutMode> {
    match (&input.if_none_match, &input.if_match) {
        (None, None) => Ok(PutMode::Overwrite),
        (Some(ETagCondition::Any), None) => Ok(PutMode::Create),
        (None, Some(matched @ ETagCondition::ETag(_))) => {
            let e_tag = Some(condition(matched));
            Ok(PutMode::Update(UpdateVersion {
                e_tag,
                version: None,
            }))
        }
        _ => Err(s3_error!(
            NotImplemented,
            "this condition is not implemented"
        )),
    }
}

pub(super) fn modified(meta: &ObjectMeta) -> Timestamp {
    Timestamp::from(SystemTime::from(meta.last_modified))
}

pub(super) fn length(length: u64) -> S3Result<i64> {
    i64::try_from(length).map_err(S3Error::internal_error)
}

pub(super) fn range(range: Range) -> GetRange {
    match range {
        Range::Int {
            first,
            last: Some(last),
        } => GetRange::Bounded(first..last.saturating_add(1)),
        Range::Int { first, last: None } => GetRange::Offset(first),
        Range::Suffix { length } => GetRange::Suffix(length),
    }
}

/// Reads a whole body, which s3s checks against the signature as it passes.
pub(super) async fn read_body(body: Option<StreamingBlob>) -> S3Result<Bytes> {
    let Some(mut body) = body else {
        return Ok(Bytes::new());
    };
    let mut bytes = BytesMut::new();
    while let Some(chunk) = body.try_next().await.map_err(broken_body)? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > BODY_MAX {
            return Err(s3_error!(EntityTooLarge));
        }
    }
    Ok(bytes.freeze())
}

fn broken_body(error: s3s::StdError) -> S3Error {
    match error.downcast::<S3Error>() {
        Ok(error) => *error,
        Err(error) => S3Error::with_source(s3s::S3ErrorCode::IncompleteBody, error),
    }
}

/// Compares a body with the length and the checksums that its sender named.
pub(super) fn check_body(input: &PutObjectInput, body: &[u8]) -> S3Result<()> {
    if input
        .content_length
        .is_some_and(|expected| usize::try_from(expected) != Ok(body.len()))
    {
        return Err(s3_error!(IncompleteBody));
    }
    let mut hasher = ChecksumHasher {
        crc32: input.checksum_crc32.is_some().then(s3s::crypto::Crc32::new),
        crc32c: input
            .checksum_crc32c
            .is_some()
            .then(s3s::crypto::Crc32c::new),
        sha1: input.checksum_sha1.is_some().then(s3s::crypto::Sha1::new),
        sha256: input
            .checksum_sha256
            .is_some()
            .then(s3s::crypto::Sha256::new),
        crc64nvme: input
            .checksum_crc64nvme
            .is_some()
            .then(s3s::crypto::Crc64Nvme::new),
    };
    hasher.update(body);
    let found = hasher.finalize();
    let equal = found.checksum_crc32 == input.checksum_crc32
        && found.checksum_crc32c == input.checksum_crc32c
        && found.checksum_sha1 == input.checksum_sha1
        && found.checksum_sha256 == input.checksum_sha256
        && found.checksum_crc64nvme == input.checksum_crc64nvme;
    if equal {
        Ok(())
    } else {
        Err(s3_error!(BadDigest, "a checksum does not match the body"))
    }
}

/// The headers of a PUT that come back with every GET.
pub(super) fn to_attributes(input: &mut PutObjectInput) -> Attributes {
    let mut attributes = Attributes::new();
    let encoding = input
        .content_encoding
        .take()
        .and_then(|encoding| stored_encoding(&encoding));
    let headers = [
        (Attribute::ContentType, input.content_type.take()),
        (Attribute::ContentEncoding, encoding),
        (Attribute::CacheControl, input.cache_control.take()),
        (
            Attribute::ContentDisposition,
            input.content_disposition.take(),
        ),
        (Attribute::ContentLanguage, input.content_language.take()),
    ];
    for (attribute, value) in headers {
        if let Some(value) = value {
            attributes.insert(attribute, value.into());
        }
    }
    for (name, value) in input.metadata.take().unwrap_or_default() {
        attributes.insert(Attribute::Metadata(name.into()), value.into());
    }
    attributes
}

/// `aws-chunked` is how the body was sent, and is not stored.
fn stored_encoding(encoding: &str) -> Option<String> {
    let kept: Vec<_> = encoding
        .split(',')
        .map(str::trim)
        .filter(|e| *e != "aws-chunked")
        .collect();
    Some(kept.join(",")).filter(|encoding| !encoding.is_empty())
}

/// The stored headers, as GET and HEAD give them back.
#[derive(Debug, Default)]
pub(super) struct Headers {
    pub(super) content_type: Option<String>,
    pub(super) content_encoding: Option<String>,
    pub(super) cache_control: Option<String>,
    pub(super) content_disposition: Option<String>,
    pub(super) content_language: Option<String>,
    pub(super) metadata: Option<Metadata>,
}

impl Headers {
    pub(super) fn new(attributes: &Attributes) -> Self {
        let mut headers = Self::default();
        let mut metadata = Metadata::default();
        for (attribute, value) in attributes {
            let value = value.as_ref().to_owned();
            match attribute {
                Attribute::ContentType => headers.content_type = Some(value),
                Attribute::ContentEncoding => headers.content_encoding = Some(value),
                Attribute::CacheControl => headers.cache_control = Some(value),
                Attribute::ContentDisposition => headers.content_disposition = Some(value),
                Attribute::ContentLanguage => headers.content_language = Some(value),
                Attribute::Metadata(name) => drop(metadata.insert(name.to_string(), value)),
                _ => {}
            }
        }
        headers.metadata = Some(metadata).filter(|metadata| !metadata.is_empty());
        headers
    }
}
