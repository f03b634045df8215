//! Pages of a bucket's listing (`ListObjectsV2`), and where in the folder each object lies.

use super::Gateway;
use super::answers::{failed, is_refused};
use super::desk::Item;
use super::signed::space_of;
use super::wire::{Outgoing, fault_text, read_body};
use chrono::DateTime;
use icecore_core::wire::{Op, Signed};
use icecore_core::{Error, Result};
use object_store::path::Path;
use object_store::{ListResult, ObjectMeta};
use serde::Deserialize;

/// A page has at most 1,000 keys of at most 1,024 bytes, and some XML around each.
const PAGE_BYTES_MAX: usize = 8 << 20;

/// A page of a listing: names within the folder.
#[derive(Debug, Default)]
pub(super) struct Page {
    pub(super) items: Vec<Item>,
    pub(super) folders: Vec<String>,
    /// Where the next page starts, if there is one.
    pub(super) next: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ListBucketResult {
    #[serde(default)]
    prefix: String,
    #[serde(default)]
    is_truncated: bool,
    #[serde(default)]
    contents: Vec<Contents>,
    #[serde(default)]
    common_prefixes: Vec<CommonPrefix>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Contents {
    key: String,
    last_modified: String,
    size: u64,
    #[serde(default, rename = "ETag")]
    e_tag: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CommonPrefix {
    prefix: String,
}

impl Gateway {
    /// One page of what comes after `after`. The first page may be one that was signed for an earlier start.
    pub(super) async fn page(
        &self,
        folder: &str,
        after: Option<&str>,
        flat: bool,
        first: bool,
    ) -> Result<Page> {
        let op = Op::List {
            folder: folder.to_owned(),
            after: after.map(str::to_owned),
            flat,
        };
        let now = self.inner.clock.monotonic();
        let kept = {
            let desk = self.desk();
            desk.find(&op, now).or_else(|| {
                (first && !flat)
                    .then(|| desk.find_list(folder, after, now))
                    .flatten()
            })
        };
        if let Some(signed) = kept {
            match self.fetch_page(&signed, folder).await? {
                Some(page) => return Ok(page),
                None => self.desk().drop_url(&signed),
            }
        }
        // One that was just signed may have ended on its way, on a slow network.
        for _ in 0..2 {
            let signed = self.sign_one(space_of(folder).as_ref(), op.clone()).await?;
            match self.fetch_page(&signed, folder).await? {
                Some(page) => return Ok(page),
                None => self.desk().drop_url(&signed),
            }
        }
        Err(
            Error::denied("the bucket refuses what the gateway has signed")
                .with_object(folder.to_owned())
                .with_hint(
                    "the gateway's own credentials may lack rights or its clock may be wrong",
                ),
        )
    }

    /// Fetches a page; `None` when the bucket refuses the signature.
    async fn fetch_page(&self, signed: &Signed, folder: &str) -> Result<Option<Page>> {
        let response = self.send(&Outgoing::signed(signed)).await?;
        if is_refused(response.status()) {
            let answer = fault_text(response).await;
            tracing::debug!(answer, "a presigned listing was refused");
            return Ok(None);
        }
        if !response.status().is_success() {
            return Err(failed(response, "list the objects", folder).await);
        }
        let body = read_body(response, PAGE_BYTES_MAX).await?;
        parse(&body, folder).map(Some)
    }
}

/// Reads a page. What the bucket calls its objects ends with what the store calls them: how deep the store lies in
/// the bucket is the gateway's matter.
fn parse(xml: &[u8], folder: &str) -> Result<Page> {
    let broken = |what: &str| {
        Error::unavailable(format!("the bucket's listing cannot be read: {what}"))
            .with_object(folder.to_owned())
            .with_hint("somebody between this machine and the bucket may have changed it; it is tried again")
    };
    let text = std::str::from_utf8(xml).map_err(|e| broken(&e.to_string()))?;
    let result: ListBucketResult =
        quick_xml::de::from_str(text).map_err(|e| broken(&e.to_string()))?;
    let within = |key: &str| key.strip_prefix(result.prefix.as_str()).map(str::to_owned);
    let mut page = Page::default();
    let mut last = None;
    for object in &result.contents {
        let name = within(&object.key).ok_or_else(|| broken("a key lies elsewhere"))?;
        let modified = DateTime::parse_from_rfc3339(&object.last_modified)
            .map_err(|e| broken(&e.to_string()))?;
        last = last.max(Some(name.clone()));
        page.items.push(Item {
            name,
            bytes: object.size,
            last_modified: modified.timestamp_millis(),
            e_tag: object.e_tag.clone(),
        });
    }
    for common in &result.common_prefixes {
        let name = within(&common.prefix).ok_or_else(|| broken("a prefix lies elsewhere"))?;
        last = last.max(Some(name.clone()));
        page.folders.push(name.trim_end_matches('/').to_owned());
    }
    if result.is_truncated {
        // A prefix stands for all that begins with it: go on after the last of these.
        let last = last.ok_or_else(|| broken("a page without objects is not the last"))?;
        page.next = Some(match last.strip_suffix('/') {
            Some(folder) => format!("{folder}/\u{10ffff}"),
            None => last,
        });
    }
    Ok(page)
}

/// A listed object as `object_store` describes it.
pub(super) fn meta(folder: &str, item: Item) -> ObjectMeta {
    let location = match folder {
        "" => Path::from(item.name),
        folder => Path::from(format!("{folder}/{}", item.name)),
    };
    ObjectMeta {
        location,
        last_modified: DateTime::from_timestamp_millis(item.last_modified).unwrap_or_default(),
        size: item.bytes,
        e_tag: item.e_tag,
        version: None,
    }
}

/// A whole flat listing.
pub(super) fn flat(folder: &str, pages: Vec<Page>) -> ListResult {
    let below = |name: String| match folder {
        "" => Path::from(name),
        folder => Path::from(format!("{folder}/{name}")),
    };
    let mut result = ListResult {
        common_prefixes: Vec::new(),
        objects: Vec::new(),
        extensions: object_store::Extensions::default(),
    };
    for page in pages {
        result
            .common_prefixes
            .extend(page.folders.into_iter().map(below));
        result
            .objects
            .extend(page.items.into_iter().map(|item| meta(folder, item)));
    }
    result
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>b</Name><Prefix>demo/spaces/notes/0001/updates/</Prefix>
<IsTruncated>true</IsTruncated><Contents><Key>demo/spaces/notes/0001/updates/1763640000000</Key>
<LastModified>2025-11-20T12:00:00.000Z</LastModified><ETag>&quot;ab&quot;</ETag><Size>17</Size></Contents>
<Contents><Key>demo/spaces/notes/0001/updates/1763640000001</Key>
<LastModified>2025-11-20T12:00:01Z</LastModified><ETag>"cd"</ETag><Size>18</Size></Contents></ListBucketResult>"#;

    #[test]
    fn a_page_names_objects_within_their_folder() {
        let page = parse(PAGE.as_bytes(), "spaces/notes/0001/updates").unwrap();
        assert_eq!(page.items.len(), 2);
        assert_eq!(page.items[0].name, "1763640000000");
        assert_eq!(page.items[0].last_modified, 1_763_640_000_000);
        assert_eq!(page.items[0].e_tag.as_deref(), Some("\"ab\""));
        assert_eq!(page.next.as_deref(), Some("1763640000001"));
        let located = meta("spaces/notes/0001/updates", page.items[0].clone()).location;
        assert_eq!(located.as_ref(), "spaces/notes/0001/updates/1763640000000");
    }

    #[test]
    fn what_is_no_listing_is_refused() {
        let elsewhere = PAGE.replace("<Key>demo", "<Key>other");
        for xml in ["", "<html></html>", "not xml", elsewhere.as_str()] {
            let parsed = parse(xml.as_bytes(), "x");
            assert!(parsed.is_err() || parsed.unwrap().items.is_empty(), "{xml}");
        }
        assert!(parse(elsewhere.as_bytes(), "x").is_err());
    }
}
