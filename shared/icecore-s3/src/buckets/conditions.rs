//! What a read, a write or a deletion asks for: that there is no object, that there is one, or that it is this one.

use super::Buckets;
use crate::error::{failed, unmet};
use crate::objects::{condition, to_date};
use object_store::path::Path;
use object_store::{
    Error as StoreError, GetOptions, ObjectMeta, ObjectStoreExt, PutMode, UpdateVersion,
};
use s3s::S3Result;
use s3s::dto::{ETagCondition, Timestamp};

/// What a PUT with `If-None-Match` and `If-Match` asks of the store. Where the store has no word for it, the object that is there
/// is looked at, and the write asks for that one: if it is replaced meanwhile, the client hears of a conflict, as of any other.
pub(super) async fn put_mode(
    buckets: &Buckets,
    path: &Path,
    conditions: (Option<&ETagCondition>, Option<&ETagCondition>),
) -> S3Result<PutMode> {
    match conditions {
        (None, None) => return Ok(PutMode::Overwrite),
        (Some(ETagCondition::Any), None) => return Ok(PutMode::Create),
        (None, Some(one)) if tags(one).len() == 1 && !one.is_any() => {
            return Ok(PutMode::Update(UpdateVersion {
                e_tag: Some(condition(one)),
                version: None,
            }));
        }
        _ => {}
    }
    let (unwanted, wanted) = conditions;
    match found(buckets, path).await? {
        None if wanted.is_some() => Err(failed(StoreError::NotFound {
            path: path.to_string(),
            source: "there is no object that a condition asks for".into(),
        })),
        None => Ok(PutMode::Create),
        Some(there) => {
            let is = |condition: &ETagCondition| names(condition, &there);
            if unwanted.is_some_and(is) || !wanted.is_none_or(is) {
                return Err(unmet());
            }
            Ok(PutMode::Update(UpdateVersion {
                e_tag: there.e_tag,
                version: there.version,
            }))
        }
    }
}

/// What a read asks for, and a copy of its source: the tags that the object must and must not have, and the times since and
/// until which it must have changed.
pub(super) fn on_read(
    (wanted, unwanted): (Option<&ETagCondition>, Option<&ETagCondition>),
    (since, until): (Option<&Timestamp>, Option<&Timestamp>),
) -> S3Result<GetOptions> {
    Ok(GetOptions {
        if_match: wanted.map(condition),
        if_none_match: unwanted.map(condition),
        if_modified_since: since.map(to_date).transpose()?,
        if_unmodified_since: until.map(to_date).transpose()?,
        ..GetOptions::default()
    })
}

/// What is there under a path, if anything is.
pub(super) async fn found(buckets: &Buckets, path: &Path) -> S3Result<Option<ObjectMeta>> {
    match buckets.store.head(path).await {
        Ok(there) => Ok(Some(there)),
        Err(StoreError::NotFound { .. }) => Ok(None),
        Err(error) => Err(failed(error)),
    }
}

/// Whether a condition names this object: by one of its tags, or by `*`.
pub(super) fn names(condition: &ETagCondition, there: &ObjectMeta) -> bool {
    let tag = there.e_tag.as_deref().map(|tag| tag.trim_matches('"'));
    condition.is_any() || tag.is_some_and(|tag| tags(condition).contains(&tag))
}

/// The tags of a condition. A list of them is one tag to the library, with quotes inside: `a", "b`.
fn tags(condition: &ETagCondition) -> Vec<&str> {
    let list = condition.as_etag().map_or("", |tag| tag.value());
    let tags = list.split(',').map(str::trim);
    tags.map(|tag| tag.trim_start_matches("W/").trim_matches('"'))
        .collect()
}
