//! `ListObjectsV2`: pages of a listing, by prefix and start, with or without common prefixes.

use super::bucket::Buckets;
use super::objects::{failed, length, modified, tag};
use futures::TryStreamExt;
use object_store::ObjectMeta;
use object_store::path::Path;
use s3s::S3Result;
use s3s::dto::{CommonPrefix, EncodingType, ListObjectsV2Input, ListObjectsV2Output, Object};

/// S3 never returns more in one page.
const PAGE_MAX: usize = 1000;

/// One page, while it is being filled.
struct Page {
    prefix: String,
    delimiter: Option<String>,
    /// Keys up to this one are skipped; where it is a common prefix of the page before, all that it stands
    /// for are.
    after: String,
    size: usize,
    objects: Vec<(String, ObjectMeta)>,
    common_prefixes: Vec<String>,
    last: String,
    is_full: bool,
}

pub(super) async fn list(
    buckets: &Buckets,
    input: ListObjectsV2Input,
) -> S3Result<ListObjectsV2Output> {
    let mut page = Page::new(&input);
    let bucket = input.bucket.clone();
    // The store's prefixes are whole parts of a path, those of S3 are any strings.
    let (directory, _) = page.prefix.rsplit_once('/').unwrap_or_default();
    let directory = buckets.path(&bucket, directory)?;
    let skip = Path::parse(format!("{bucket}/{}", page.after))
        .ok()
        .filter(|_| !page.after.is_empty());
    let store = buckets.store();
    let mut objects = match skip {
        Some(offset) => store.list_with_offset(Some(&directory), &offset),
        None => store.list(Some(&directory)),
    };
    while page.size > 0 && !page.is_full {
        let Some(meta) = objects.try_next().await.map_err(failed)? else {
            break;
        };
        let key = meta.location.as_ref().strip_prefix(&format!("{bucket}/"));
        if let Some(key) = key.map(str::to_owned) {
            page.add(key, meta);
        }
    }
    page.output(input)
}

impl Page {
    fn new(input: &ListObjectsV2Input) -> Self {
        let after = input
            .continuation_token
            .clone()
            .or_else(|| input.start_after.clone());
        let size = input
            .max_keys
            .and_then(|n| usize::try_from(n).ok())
            .unwrap_or(PAGE_MAX);
        Self {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input
                .delimiter
                .clone()
                .filter(|delimiter| !delimiter.is_empty()),
            after: after.unwrap_or_default(),
            size: size.min(PAGE_MAX),
            objects: Vec::new(),
            common_prefixes: Vec::new(),
            last: String::new(),
            is_full: false,
        }
    }

    fn add(&mut self, key: String, meta: ObjectMeta) {
        let Some(rest) = key.strip_prefix(self.prefix.as_str()) else {
            return;
        };
        if key <= self.after {
            return;
        }
        let group = self.delimiter.as_deref().and_then(|delimiter| {
            let at = rest.find(delimiter)?;
            Some(key[..key.len() - rest.len() + at + delimiter.len()].to_owned())
        });
        if group
            .as_ref()
            .is_some_and(|group| *group == self.last || *group == self.after)
        {
            return;
        }
        if self.objects.len() + self.common_prefixes.len() == self.size {
            self.is_full = true;
            return;
        }
        self.last = group.clone().unwrap_or_else(|| key.clone());
        match group {
            Some(group) => self.common_prefixes.push(group),
            None => self.objects.push((key, meta)),
        }
    }

    fn output(self, input: ListObjectsV2Input) -> S3Result<ListObjectsV2Output> {
        let url = input
            .encoding_type
            .as_ref()
            .is_some_and(|e| e.as_str() == EncodingType::URL);
        let encode = |key: String| if url { url_encode(&key) } else { key };
        let count = i32::try_from(self.objects.len() + self.common_prefixes.len()).ok();
        let contents = self.objects.into_iter().map(|(key, meta)| {
            Ok(Object {
                key: Some(encode(key)),
                e_tag: tag(&meta),
                last_modified: Some(modified(&meta)),
                size: Some(length(meta.size)?),
                ..Object::default()
            })
        });
        let prefixes = self.common_prefixes.into_iter().map(|prefix| CommonPrefix {
            prefix: Some(encode(prefix)),
        });
        Ok(ListObjectsV2Output {
            contents: Some(contents.collect::<S3Result<_>>()?),
            common_prefixes: Some(prefixes.collect()),
            key_count: count,
            max_keys: i32::try_from(self.size).ok(),
            is_truncated: Some(self.is_full),
            next_continuation_token: self.is_full.then_some(self.last),
            name: Some(input.bucket),
            prefix: input.prefix,
            delimiter: input.delimiter,
            continuation_token: input.continuation_token,
            start_after: input.start_after,
            encoding_type: input.encoding_type,
            ..ListObjectsV2Output::default()
        })
    }
}

/// Percent-encodes all but the unreserved characters of RFC 3986 and the slash.
fn url_encode(key: &str) -> String {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = String::with_capacity(key.len());
    for byte in key.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push(char::from(HEX[usize::from(byte >> 4)]));
            encoded.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
    encoded
}
