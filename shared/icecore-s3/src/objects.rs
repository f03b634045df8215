//! Between the words of S3 and those of `object_store`.

use crate::checksums;
use chrono::{DateTime, TimeDelta, Utc};
use object_store::{Attribute, Attributes, GetRange, ObjectMeta};
use s3s::dto::{
    Checksum, CopyObjectInput, CreateMultipartUploadInput, ETag, ETagCondition, Metadata,
    PutObjectInput, Range, Timestamp, TimestampFormat,
};
use s3s::{S3Error, S3Result, s3_error};
use std::time::{Duration, SystemTime};

/// The tag without the quotes that both sides write differently.
pub(crate) fn tag(meta: &ObjectMeta) -> Option<ETag> {
    meta.e_tag.as_deref().map(to_tag)
}

pub(crate) fn to_tag(e_tag: &str) -> ETag {
    ETag::Strong(e_tag.trim_matches('"').to_owned())
}

pub(crate) fn condition(condition: &ETagCondition) -> String {
    match condition {
        ETagCondition::Any => "*".to_owned(),
        ETagCondition::ETag(tag) => format!("\"{}\"", tag.value()),
    }
}

pub(crate) fn modified(meta: &ObjectMeta) -> Timestamp {
    Timestamp::from(SystemTime::from(meta.last_modified))
}

/// A time in milliseconds since 1970.
pub(crate) fn timestamp(millis: i64) -> Option<Timestamp> {
    let since = Duration::from_millis(u64::try_from(millis).ok()?);
    Some(Timestamp::from(SystemTime::UNIX_EPOCH.checked_add(since)?))
}

/// A time that a client read in a header, which has whole seconds only: the last moment that it may stand for.
pub(crate) fn to_date(time: &Timestamp) -> S3Result<DateTime<Utc>> {
    let mut text = Vec::new();
    time.format(TimestampFormat::DateTime, &mut text)
        .map_err(S3Error::internal_error)?;
    let text = String::from_utf8(text).map_err(S3Error::internal_error)?;
    let time = DateTime::parse_from_rfc3339(&text).map_err(S3Error::internal_error)?;
    Ok(time.to_utc() + TimeDelta::nanoseconds(999_999_999))
}

pub(crate) fn length(length: u64) -> S3Result<i64> {
    i64::try_from(length).map_err(S3Error::internal_error)
}

pub(crate) fn range(range: Range) -> GetRange {
    match range {
        Range::Int {
            first,
            last: Some(last),
        } => GetRange::Bounded(first..last.saturating_add(1)),
        Range::Int { first, last: None } => GetRange::Offset(first),
        Range::Suffix { length } => GetRange::Suffix(length),
    }
}

/// What S3 allows for the names and values of all metadata of one object.
const METADATA_MAX: usize = 2048;

/// What begins so among the metadata of an object in the store is the endpoint's own: S3 has headers for it that the store has
/// no attribute for.
const RESERVED: &str = "icecore-";
const EXPIRES: &str = "icecore-expires";
const CHECKSUM: &str = "icecore-checksum";

/// The headers of an object that are stored with it and come back with every GET.
#[derive(Debug, Default)]
pub(crate) struct Headers {
    pub(crate) content_type: Option<String>,
    pub(crate) content_encoding: Option<String>,
    pub(crate) cache_control: Option<String>,
    pub(crate) content_disposition: Option<String>,
    pub(crate) content_language: Option<String>,
    pub(crate) expires: Option<Timestamp>,
    /// Of all bytes, as their sender said it; only a client that asks for it is told.
    pub(crate) checksum: Checksum,
    pub(crate) metadata: Option<Metadata>,
}

impl Headers {
    /// Those of a PUT.
    pub(crate) fn of_put(input: &mut PutObjectInput) -> Self {
        Self {
            content_type: input.content_type.take(),
            content_encoding: input.content_encoding.take(),
            cache_control: input.cache_control.take(),
            content_disposition: input.content_disposition.take(),
            content_language: input.content_language.take(),
            expires: input.expires.take(),
            checksum: Checksum::default(),
            metadata: input.metadata.take(),
        }
    }

    /// Those of an upload in parts.
    pub(crate) fn of_upload(input: &mut CreateMultipartUploadInput) -> Self {
        Self {
            content_type: input.content_type.take(),
            content_encoding: input.content_encoding.take(),
            cache_control: input.cache_control.take(),
            content_disposition: input.content_disposition.take(),
            content_language: input.content_language.take(),
            expires: input.expires.take(),
            checksum: Checksum::default(),
            metadata: input.metadata.take(),
        }
    }

    /// Those that replace the headers of a copy.
    pub(crate) fn of_copy(input: &mut CopyObjectInput) -> Self {
        Self {
            content_type: input.content_type.take(),
            content_encoding: input.content_encoding.take(),
            cache_control: input.cache_control.take(),
            content_disposition: input.content_disposition.take(),
            content_language: input.content_language.take(),
            expires: input.expires.take(),
            checksum: Checksum::default(),
            metadata: input.metadata.take(),
        }
    }

    /// Those that the store has kept.
    pub(crate) fn stored(attributes: &Attributes) -> Self {
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
                Attribute::Metadata(name) if name == EXPIRES => {
                    headers.expires = Timestamp::parse(TimestampFormat::HttpDate, &value).ok();
                }
                Attribute::Metadata(name) if name == CHECKSUM => {
                    headers.checksum = checksums::from_text(&value);
                }
                Attribute::Metadata(name) if name.starts_with(RESERVED) => {}
                Attribute::Metadata(name) => drop(metadata.insert(name.to_string(), value)),
                _ => {}
            }
        }
        headers.metadata = Some(metadata).filter(|metadata| !metadata.is_empty());
        headers
    }

    /// As the store keeps them.
    pub(crate) fn into_attributes(self) -> S3Result<Attributes> {
        let mut attributes = Attributes::new();
        let encoding = self.content_encoding.as_deref().and_then(stored_encoding);
        let headers = [
            (Attribute::ContentType, self.content_type),
            (Attribute::ContentEncoding, encoding),
            (Attribute::CacheControl, self.cache_control),
            (Attribute::ContentDisposition, self.content_disposition),
            (Attribute::ContentLanguage, self.content_language),
        ];
        for (attribute, value) in headers {
            if let Some(value) = value {
                attributes.insert(attribute, value.into());
            }
        }
        if let Some(expires) = self.expires {
            let text = http_date(&expires)?;
            attributes.insert(Attribute::Metadata(EXPIRES.into()), text.into());
        }
        keep_checksum(&mut attributes, &self.checksum);
        let mut size = 0;
        for (name, value) in self.metadata.unwrap_or_default() {
            size += name.len() + value.len();
            if name.starts_with(RESERVED) {
                return Err(s3_error!(
                    InvalidArgument,
                    "names of metadata that begin with icecore- are the endpoint's own"
                ));
            }
            attributes.insert(Attribute::Metadata(name.into()), value.into());
        }
        if size > METADATA_MAX {
            return Err(s3_error!(MetadataTooLarge));
        }
        Ok(attributes)
    }
}

/// Adds the checksum of the bytes to what is stored with them.
pub(crate) fn keep_checksum(attributes: &mut Attributes, checksum: &Checksum) {
    if let Some(text) = checksums::to_text(checksum) {
        attributes.insert(Attribute::Metadata(CHECKSUM.into()), text.into());
    }
}

fn http_date(time: &Timestamp) -> S3Result<String> {
    let mut text = Vec::new();
    time.format(TimestampFormat::HttpDate, &mut text)
        .map_err(S3Error::internal_error)?;
    String::from_utf8(text).map_err(S3Error::internal_error)
}

/// `aws-chunked` is how the body was sent, and is not stored.
fn stored_encoding(encoding: &str) -> Option<String> {
    let kept: Vec<_> = encoding
        .split(',')
        .map(str::trim)
        .filter(|encoding| !encoding.eq_ignore_ascii_case("aws-chunked"))
        .collect();
    Some(kept.join(", ")).filter(|encoding| !encoding.is_empty())
}
