//! What a put says about its object beside the bytes, in one extended attribute of the file.
//!
//! What the protocol says of its own objects is not worth that, so that its files are plain: the bytes tell as much.

use object_store::{Attribute, Attributes, Error, Result};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io;

/// ext4 has one block for all attributes of a file, of 4 KiB as a rule.
const SIZE_MAX: usize = 3 << 10;

/// What begins so is kept by the S3 endpoint over a folder, as headers of an object: whoever put it did not send it.
const OF_ENDPOINT: &str = "icecore-";
const CHECKSUM: &str = "icecore-checksum";
/// What a slot says of an update.
const AUTHOR: &str = "author";

#[cfg(any(target_os = "linux", target_os = "macos"))]
const NAME: &str = "user.icecore";

/// The attributes as they are written.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Stored {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cache_control: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_disposition: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_encoding: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_language: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    content_type: Option<String>,
    metadata: BTreeMap<String, String>,
}

impl Stored {
    /// Each object of the protocol comes with a checksum, and those who read it check digests of their own.
    fn forget_what_the_protocol_checks(&mut self) {
        let is_json = self.content_type.as_deref() == Some("application/json");
        if is_json
            && self
                .metadata
                .keys()
                .all(|name| name == CHECKSUM || name == AUTHOR)
        {
            self.metadata.remove(CHECKSUM);
        }
    }

    /// Whether nothing is said but what the protocol says of each of its objects.
    fn is_plain(&self) -> bool {
        let is = |said: &Option<String>, plain: &str| said.as_deref().is_none_or(|s| s == plain);
        self.metadata.is_empty()
            && self.content_disposition.is_none()
            && self.content_language.is_none()
            && is(&self.content_type, "application/json")
            && is(&self.content_encoding, "gzip")
            && is(&self.cache_control, "max-age=31536000, immutable")
    }
}

/// The attributes as bytes, if they are worth it.
pub(super) fn encode(attributes: &Attributes) -> Result<Option<Vec<u8>>> {
    let mut stored = Stored::default();
    for (attribute, value) in attributes {
        let value = value.as_ref().to_owned();
        match attribute {
            Attribute::CacheControl => stored.cache_control = Some(value),
            Attribute::ContentDisposition => stored.content_disposition = Some(value),
            Attribute::ContentEncoding => stored.content_encoding = Some(value),
            Attribute::ContentLanguage => stored.content_language = Some(value),
            Attribute::ContentType => stored.content_type = Some(value),
            Attribute::Metadata(name) => drop(stored.metadata.insert(name.to_string(), value)),
            // A folder has one class of storage.
            _ => {}
        }
    }
    stored.forget_what_the_protocol_checks();
    if stored.is_plain() {
        return Ok(None);
    }
    let bytes = serde_json::to_vec(&stored).map_err(|source| Error::Generic {
        store: "Folder",
        source: source.into(),
    })?;
    if bytes.len() > SIZE_MAX {
        return Err(unsupported(
            "the metadata of an object in a folder must not exceed 3 KiB",
        ));
    }
    Ok(Some(bytes))
}

/// The attributes that were written.
pub(super) fn decode(bytes: &[u8]) -> io::Result<Attributes> {
    let stored: Stored = serde_json::from_slice(bytes)?;
    let headers = [
        (Attribute::CacheControl, stored.cache_control),
        (Attribute::ContentDisposition, stored.content_disposition),
        (Attribute::ContentEncoding, stored.content_encoding),
        (Attribute::ContentLanguage, stored.content_language),
        (Attribute::ContentType, stored.content_type),
    ];
    let headers = headers
        .into_iter()
        .filter_map(|(attribute, value)| Some((attribute, value?)));
    let metadata = stored.metadata.into_iter();
    let metadata = metadata.map(|(name, value)| (Attribute::Metadata(name.into()), value));
    Ok(headers.chain(metadata).collect())
}

/// Whether there are metadata of a client's among the attributes that were encoded.
pub(super) fn has_metadata(bytes: &[u8]) -> bool {
    let stored: Option<Stored> = serde_json::from_slice(bytes).ok();
    stored.is_none_or(|stored| {
        stored
            .metadata
            .keys()
            .any(|name| !name.starts_with(OF_ENDPOINT))
    })
}

/// Attaches the bytes to a file that has no name yet.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(super) fn write(file: &File, bytes: &[u8]) -> io::Result<()> {
    xattr::FileExt::set_xattr(file, NAME, bytes)
}

/// The bytes that were attached to a file.
#[cfg(any(target_os = "linux", target_os = "macos"))]
pub(super) fn read(file: &File) -> io::Result<Option<Vec<u8>>> {
    match xattr::FileExt::get_xattr(file, NAME) {
        // Where there can be none, there are none.
        Err(e) if e.kind() == io::ErrorKind::Unsupported => Ok(None),
        result => result,
    }
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(super) fn write(_file: &File, _bytes: &[u8]) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(any(target_os = "linux", target_os = "macos")))]
pub(super) fn read(_file: &File) -> io::Result<Option<Vec<u8>>> {
    Ok(None)
}

/// Metadata that were dropped would be missed later: a bound author, for one.
pub(super) fn unsupported(why: &'static str) -> Error {
    Error::NotSupported { source: why.into() }
}
