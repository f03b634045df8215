//! `ListObjectsV2`, as far as clients of a gateway use it.

use futures::TryStreamExt;
use object_store::path::Path;
use object_store::{ObjectStore, Result};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use crate::bucket::SimBucket;

/// One page of a listing.
pub(super) async fn list(bucket: &SimBucket, query: &BTreeMap<String, String>) -> Result<String> {
    let text = |name: &str| query.get(name).map(String::as_str).unwrap_or_default();
    let (prefix, after) = (text("prefix"), text("start-after"));
    let size: usize = text("max-keys").parse().unwrap_or(1_000);
    let folder = Path::parse(prefix.trim_end_matches('/'))?;
    let offset = Path::parse(after)?;
    let mut found = match after {
        "" => bucket.list(Some(&folder)),
        _ => bucket.list_with_offset(Some(&folder), &offset),
    };
    let (mut contents, mut folders, mut count, mut truncated) =
        (String::new(), BTreeSet::new(), 0, false);
    while let Some(meta) = found.try_next().await? {
        let key = meta.location.as_ref();
        let Some(rest) = key.strip_prefix(prefix) else {
            continue;
        };
        if let Some((folder, _)) = rest.split_once('/').filter(|_| text("delimiter") == "/") {
            let folder = format!("{prefix}{folder}/");
            // A folder that was on an earlier page stands before the start.
            if !after.starts_with(&folder) {
                folders.insert(folder);
            }
            continue;
        }
        if count == size {
            truncated = true;
            break;
        }
        count += 1;
        let modified = meta.last_modified.format("%Y-%m-%dT%H:%M:%S%.3fZ");
        let written = write!(
            contents,
            "<Contents><Key>{key}</Key><LastModified>{modified}</LastModified><ETag>{}</ETag><Size>{}</Size></Contents>",
            meta.e_tag
                .as_deref()
                .unwrap_or_default()
                .replace('"', "&quot;"),
            meta.size
        );
        written.expect("a text takes everything");
    }
    for folder in folders {
        let written = write!(
            contents,
            "<CommonPrefixes><Prefix>{folder}</Prefix></CommonPrefixes>"
        );
        written.expect("a text takes everything");
    }
    Ok(format!(
        "<ListBucketResult><Prefix>{prefix}</Prefix><IsTruncated>{truncated}</IsTruncated>{contents}</ListBucketResult>"
    ))
}
