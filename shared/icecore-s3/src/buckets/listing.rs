//! `ListObjectsV2`, `ListObjects` and `ListObjectVersions`: pages of a listing, by prefix and start, with or without common prefixes.

use super::{Buckets, below};
use crate::error::failed;
use crate::objects::{length, modified, tag};
use futures::TryStreamExt;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore};
use s3s::dto::{
    CommonPrefix, EncodingType, ListObjectVersionsInput, ListObjectVersionsOutput,
    ListObjectsInput, ListObjectsOutput, ListObjectsV2Input, ListObjectsV2Output, Object,
    ObjectVersion,
};
use s3s::{S3Result, s3_error};

/// S3 never returns more in one page.
const PAGE_MAX: usize = 1000;

/// After so many keys of one common prefix the listing begins anew behind it, so that the cost of a page does not
/// depend on what it leaves out.
const GROUP_MAX: usize = 1000;

/// What a page is asked for.
#[derive(Debug, Default)]
struct Query {
    bucket: String,
    prefix: String,
    delimiter: Option<String>,
    /// Keys up to this one are skipped; where it is a common prefix of the page before, all that it stands
    /// for are.
    after: String,
    size: usize,
    encodes: bool,
}

/// One page, while it is being filled.
struct Page {
    query: Query,
    objects: Vec<(String, ObjectMeta)>,
    common_prefixes: Vec<String>,
    last: String,
    /// How many keys have fallen into the last common prefix.
    grouped: usize,
    is_full: bool,
}

pub(super) async fn list_v2(
    buckets: &Buckets,
    input: ListObjectsV2Input,
) -> S3Result<ListObjectsV2Output> {
    let after = match input.continuation_token.as_deref() {
        Some(token) => from_token(token).ok_or_else(|| {
            s3_error!(InvalidArgument, "the continuation token is not one of ours")
        })?,
        None => input.start_after.clone().unwrap_or_default(),
    };
    let query = Query {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().filter(|d| !d.is_empty()),
        after,
        size: page_size(input.max_keys)?,
        encodes: encodes(input.encoding_type.as_ref()),
    };
    let page = fill(buckets, query).await?;
    let encode = |text: String| page.query.encode(text);
    Ok(ListObjectsV2Output {
        contents: Some(page.contents()?),
        common_prefixes: Some(page.groups()),
        key_count: i32::try_from(page.len()).ok(),
        max_keys: i32::try_from(page.query.size).ok(),
        is_truncated: Some(page.is_full),
        next_continuation_token: page.is_full.then(|| to_token(&page.last)),
        name: Some(input.bucket),
        prefix: Some(encode(input.prefix.unwrap_or_default())),
        delimiter: page.query.delimiter.clone().map(encode),
        continuation_token: input.continuation_token,
        start_after: input.start_after.map(encode),
        encoding_type: input.encoding_type,
        ..ListObjectsV2Output::default()
    })
}

pub(super) async fn list_v1(
    buckets: &Buckets,
    input: ListObjectsInput,
) -> S3Result<ListObjectsOutput> {
    let query = Query {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().filter(|d| !d.is_empty()),
        after: input.marker.clone().unwrap_or_default(),
        size: page_size(input.max_keys)?,
        encodes: encodes(input.encoding_type.as_ref()),
    };
    let page = fill(buckets, query).await?;
    let encode = |text: String| page.query.encode(text);
    Ok(ListObjectsOutput {
        contents: Some(page.contents()?),
        common_prefixes: Some(page.groups()),
        max_keys: i32::try_from(page.query.size).ok(),
        is_truncated: Some(page.is_full),
        next_marker: page.is_full.then(|| encode(page.last.clone())),
        name: Some(input.bucket),
        prefix: Some(encode(input.prefix.unwrap_or_default())),
        delimiter: page.query.delimiter.clone().map(encode),
        marker: Some(encode(input.marker.unwrap_or_default())),
        encoding_type: input.encoding_type,
        ..ListObjectsOutput::default()
    })
}

/// What S3 calls the only version of an object where versions are not kept.
const NULL: &str = "null";

/// Each object once: versions are not kept, so there is nothing else, and no delete marker.
pub(super) async fn list_versions(
    buckets: &Buckets,
    input: ListObjectVersionsInput,
) -> S3Result<ListObjectVersionsOutput> {
    let version = input.version_id_marker.as_deref();
    match version.filter(|version| !version.is_empty()) {
        None => {}
        Some(NULL) if input.key_marker.is_some() => {}
        Some(_) => {
            return Err(s3_error!(
                InvalidArgument,
                "a version-id-marker goes with a key-marker, and there is only the version null"
            ));
        }
    }
    let query = Query {
        bucket: input.bucket.clone(),
        prefix: input.prefix.clone().unwrap_or_default(),
        delimiter: input.delimiter.clone().filter(|d| !d.is_empty()),
        after: input.key_marker.clone().unwrap_or_default(),
        size: page_size(input.max_keys)?,
        encodes: encodes(input.encoding_type.as_ref()),
    };
    let page = fill(buckets, query).await?;
    let encode = |text: String| page.query.encode(text);
    // A common prefix that comes last has no version.
    let is_object = page
        .objects
        .last()
        .is_some_and(|(key, _)| *key == page.last);
    let next_version = page.is_full && is_object;
    Ok(ListObjectVersionsOutput {
        versions: Some(page.versions()?),
        common_prefixes: Some(page.groups()),
        max_keys: i32::try_from(page.query.size).ok(),
        is_truncated: Some(page.is_full),
        next_key_marker: page.is_full.then(|| encode(page.last.clone())),
        next_version_id_marker: next_version.then(|| NULL.to_owned()),
        name: Some(input.bucket),
        prefix: Some(encode(input.prefix.unwrap_or_default())),
        delimiter: page.query.delimiter.clone().map(encode),
        key_marker: Some(encode(input.key_marker.unwrap_or_default())),
        version_id_marker: input.version_id_marker,
        encoding_type: input.encoding_type,
        ..ListObjectVersionsOutput::default()
    })
}

fn page_size(max_keys: Option<i32>) -> S3Result<usize> {
    let size = usize::try_from(max_keys.unwrap_or(1000));
    size.map(|size| size.min(PAGE_MAX))
        .map_err(|_| s3_error!(InvalidArgument, "max-keys must not be negative"))
}

fn encodes(encoding: Option<&EncodingType>) -> bool {
    encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL)
}

async fn fill(buckets: &Buckets, query: Query) -> S3Result<Page> {
    let root = buckets.prefix(&query.bucket)?;
    let mut page = Page::new(query);
    // The store's prefixes are whole parts of a path, those of S3 are any strings.
    let directory = match page.query.prefix.rsplit_once('/') {
        None => root.clone(),
        Some((directory, _)) => match below(&root, directory) {
            Some(directory) => directory,
            // No key can begin like that.
            None => return Ok(page),
        },
    };
    let start = page.query.after.clone();
    let mut objects = list_after(buckets, &root, &directory, &start);
    while page.query.size > 0 && !page.is_full {
        let Some(meta) = objects.try_next().await.map_err(failed)? else {
            break;
        };
        let Some(key) = key_of(&root, &meta.location) else {
            continue;
        };
        page.add(key, meta);
        if page.grouped > GROUP_MAX {
            page.grouped = 0;
            // No key of the group comes after this, as far as its next character is a common one.
            let behind = format!("{}\u{10ffff}", page.last);
            objects = list_after(buckets, &root, &directory, &behind);
        }
    }
    Ok(page)
}

fn list_after(
    buckets: &Buckets,
    root: &Path,
    directory: &Path,
    after: &str,
) -> BoxStream<'static, object_store::Result<ObjectMeta>> {
    let offset = offset(root, after);
    let directory = Some(directory).filter(|directory| !directory.as_ref().is_empty());
    match offset {
        Some(offset) => buckets.store.list_with_offset(directory, &offset),
        None => buckets.store.list(directory),
    }
}

/// The longest path that is no key after `after`: what cannot be said as a path is cut off, and skipped later.
fn offset(root: &Path, after: &str) -> Option<Path> {
    let whole = below(root, after);
    whole.or_else(|| below(root, after.rsplit_once('/')?.0))
}

fn key_of(root: &Path, location: &Path) -> Option<String> {
    let location = location.as_ref();
    if root.as_ref().is_empty() {
        return Some(location.to_owned());
    }
    let key = location.strip_prefix(root.as_ref())?.strip_prefix('/')?;
    Some(key.to_owned())
}

impl Page {
    fn new(query: Query) -> Self {
        Self {
            query,
            objects: Vec::new(),
            common_prefixes: Vec::new(),
            last: String::new(),
            grouped: 0,
            is_full: false,
        }
    }

    fn len(&self) -> usize {
        self.objects.len() + self.common_prefixes.len()
    }

    fn add(&mut self, key: String, meta: ObjectMeta) {
        let Some(rest) = key.strip_prefix(self.query.prefix.as_str()) else {
            return;
        };
        if key <= self.query.after {
            return;
        }
        let group = self.query.delimiter.as_deref().and_then(|delimiter| {
            let at = rest.find(delimiter)?;
            Some(key[..key.len() - rest.len() + at + delimiter.len()].to_owned())
        });
        let is_known = |group: &String| *group == self.last || *group == self.query.after;
        if let Some(group) = group.as_ref().filter(|group| is_known(group)) {
            self.last.clone_from(group);
            self.grouped += 1;
            return;
        }
        if self.len() == self.query.size {
            self.is_full = true;
            return;
        }
        self.grouped = 0;
        self.last = group.clone().unwrap_or_else(|| key.clone());
        match group {
            Some(group) => self.common_prefixes.push(group),
            None => self.objects.push((key, meta)),
        }
    }

    fn contents(&self) -> S3Result<Vec<Object>> {
        let contents = self.objects.iter().map(|(key, meta)| {
            Ok(Object {
                key: Some(self.query.encode(key.clone())),
                e_tag: tag(meta),
                last_modified: Some(modified(meta)),
                size: Some(length(meta.size)?),
                ..Object::default()
            })
        });
        contents.collect()
    }

    fn versions(&self) -> S3Result<Vec<ObjectVersion>> {
        let versions = self.contents()?.into_iter().map(|object| ObjectVersion {
            key: object.key,
            e_tag: object.e_tag,
            last_modified: object.last_modified,
            size: object.size,
            version_id: Some(NULL.to_owned()),
            is_latest: Some(true),
            ..ObjectVersion::default()
        });
        Ok(versions.collect())
    }

    fn groups(&self) -> Vec<CommonPrefix> {
        let groups = self.common_prefixes.iter().map(|prefix| CommonPrefix {
            prefix: Some(self.query.encode(prefix.clone())),
        });
        groups.collect()
    }
}

impl Query {
    fn encode(&self, text: String) -> String {
        if self.encodes {
            url_encode(&text)
        } else {
            text
        }
    }
}

const HEX: &[u8; 16] = b"0123456789ABCDEF";

fn push_hex(text: &mut String, byte: u8) {
    text.push(char::from(HEX[usize::from(byte >> 4)]));
    text.push(char::from(HEX[usize::from(byte & 15)]));
}

/// A token says where to go on, and has no characters that XML or a URL would change.
fn to_token(last: &str) -> String {
    let mut token = String::with_capacity(2 * last.len());
    last.bytes().for_each(|byte| push_hex(&mut token, byte));
    token
}

fn from_token(token: &str) -> Option<String> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let pairs = token.as_bytes().chunks(2).map(|pair| match pair {
        [high, low] => u8::try_from(digit(*high)? * 16 + digit(*low)?).ok(),
        _ => None,
    });
    String::from_utf8(pairs.collect::<Option<_>>()?).ok()
}

/// Percent-encodes all but the unreserved characters of RFC 3986 and the slash.
fn url_encode(key: &str) -> String {
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            push_hex(&mut encoded, byte);
        }
    }
    encoded
}
