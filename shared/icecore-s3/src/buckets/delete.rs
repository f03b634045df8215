//! `DeleteObject` and `DeleteObjects`: what is not there is deleted.

use super::Buckets;
use crate::error::failed;
use futures::{StreamExt, stream};
use object_store::{Error as StoreError, ObjectStoreExt};
use s3s::dto::{
    DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput, DeleteObjectsOutput, DeletedObject,
    Error as DeleteError, ObjectIdentifier,
};
use s3s::{S3Error, S3Result, s3_error};

/// S3 deletes no more with one request.
const KEYS_MAX: usize = 1000;

/// Deletions of one request that are on their way at the same time.
const CONCURRENT: usize = 16;

pub(super) async fn one(
    buckets: &Buckets,
    input: DeleteObjectInput,
) -> S3Result<DeleteObjectOutput> {
    let is_conditional = input.if_match.is_some()
        || input.if_match_size.is_some()
        || input.if_match_last_modified_time.is_some();
    if is_conditional {
        return Err(no_conditions());
    }
    delete(buckets, &input.bucket, &input.key, input.version_id).await?;
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
    let is_conditional =
        object.e_tag.is_some() || object.size.is_some() || object.last_modified_time.is_some();
    let outcome = if is_conditional {
        Err(no_conditions())
    } else {
        delete(buckets, bucket, &object.key, object.version_id).await
    };
    (object.key, outcome)
}

async fn delete(
    buckets: &Buckets,
    bucket: &str,
    key: &str,
    version: Option<String>,
) -> S3Result<()> {
    if version.is_some_and(|version| version != "null") {
        return Err(s3_error!(NoSuchVersion));
    }
    let path = buckets.path(bucket, key)?;
    match buckets.store.delete(&path).await {
        Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
        Err(error) => Err(failed(error)),
    }
}

fn no_conditions() -> S3Error {
    s3_error!(
        NotImplemented,
        "conditions on a deletion are not implemented"
    )
}
