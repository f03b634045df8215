//! `DeleteObject` and `DeleteObjects`: what is not there is deleted.

use super::Buckets;
use super::conditions::{found, names};
use crate::error::{failed, unmet};
use crate::objects::to_date;
use futures::{StreamExt, stream};
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectMeta, ObjectStoreExt};
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    ETagCondition, Error as DeleteError, ObjectIdentifier, Timestamp,
};
use s3s::{S3Result, s3_error};

/// S3 deletes no more with one request.
const KEYS_MAX: usize = 1000;

/// Deletions of one request that are on their way at the same time.
const CONCURRENT: usize = 16;

pub(super) async fn one(
    buckets: &Buckets,
    input: DeleteObjectInput,
) -> S3Result<DeleteObjectOutput> {
    let conditions = Conditions {
        tag: input.if_match,
        bytes: input.if_match_size,
        modified: input.if_match_last_modified_time,
    };
    let object = (input.bucket.as_str(), input.key.as_str());
    delete(buckets, object, input.version_id, &conditions).await?;
    Ok(DeleteObjectOutput::default())
}

pub(super) async fn many(
    buckets: &Buckets,
    input: DeleteObjectsInput,
) -> S3Result<DeleteObjectsOutput> {
    buckets.prefix(&input.bucket)?;
    if input.delete.objects.len() > KEYS_MAX {
        return Err(s3_error!(MalformedXML, "there are more than 1000 keys"));
    }
    let bucket = input.bucket.as_str();
    let outcomes: Vec<_> = stream::iter(input.delete.objects)
        .map(|object| delete_listed(buckets, bucket, object))
        .buffered(CONCURRENT)
        .collect()
        .await;
    let (mut deleted, mut errors) = (Vec::new(), Vec::new());
    for (key, outcome) in outcomes {
        let key = Some(key);
        match outcome {
            Ok(()) => deleted.push(DeletedObject {
                key,
                ..DeletedObject::default()
            }),
            Err(error) => errors.push(DeleteError {
                key,
                code: Some(error.code().as_str().to_owned()),
                message: error.message().map(str::to_owned),
                ..DeleteError::default()
            }),
        }
    }
    Ok(DeleteObjectsOutput {
        deleted: Some(deleted).filter(|_| !input.delete.quiet.unwrap_or(false)),
        errors: Some(errors),
        ..DeleteObjectsOutput::default()
    })
}

async fn delete_listed(
    buckets: &Buckets,
    bucket: &str,
    object: ObjectIdentifier,
) -> (String, S3Result<()>) {
    let conditions = Conditions {
        tag: object.e_tag.map(ETagCondition::ETag),
        bytes: object.size,
        modified: object.last_modified_time,
    };
    let named = (bucket, object.key.as_str());
    let outcome = delete(buckets, named, object.version_id, &conditions).await;
    (object.key, outcome)
}

/// What an object must be for a deletion to touch it.
#[derive(Debug)]
struct Conditions {
    tag: Option<ETagCondition>,
    bytes: Option<i64>,
    modified: Option<Timestamp>,
}

impl Conditions {
    fn are_none(&self) -> bool {
        self.tag.is_none() && self.bytes.is_none() && self.modified.is_none()
    }

    /// A time has whole seconds, as clients read it in a header.
    fn hold_for(&self, there: &ObjectMeta) -> S3Result<bool> {
        let second = match &self.modified {
            Some(time) => Some(to_date(time)?.timestamp()),
            None => None,
        };
        let is_bytes = |bytes: i64| u64::try_from(bytes) == Ok(there.size);
        Ok(self.tag.as_ref().is_none_or(|tag| names(tag, there))
            && self.bytes.is_none_or(is_bytes)
            && second.is_none_or(|second| second == there.last_modified.timestamp()))
    }
}

async fn delete(
    buckets: &Buckets,
    (bucket, key): (&str, &str),
    version: Option<String>,
    conditions: &Conditions,
) -> S3Result<()> {
    if version.is_some_and(|version| version != "null") {
        return Err(s3_error!(NoSuchVersion));
    }
    if let Some(folder) = key.strip_suffix('/')
        && buckets.path(bucket, folder).is_ok()
    {
        // Some tools make an object for a folder, which is refused here, and delete it with what was in the folder.
        return Ok(());
    }
    let path = buckets.path(bucket, key)?;
    if !conditions.are_none() {
        return delete_if(buckets, &path, conditions).await;
    }
    match buckets.store.delete(&path).await {
        Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

/// Deletes the object for which the conditions hold, and no other that took its place meanwhile.
async fn delete_if(buckets: &Buckets, path: &Path, conditions: &Conditions) -> S3Result<()> {
    let Some(delete_version) = &buckets.delete_version else {
        return Err(s3_error!(
            NotImplemented,
            "the store has no conditions on a deletion"
        ));
    };
    let Some(there) = found(buckets, path).await? else {
        return Ok(());
    };
    if !conditions.hold_for(&there)? {
        return Err(unmet());
    }
    let tag = there.e_tag.unwrap_or_default();
    delete_version(path.clone(), tag).await.map_err(failed)
}
