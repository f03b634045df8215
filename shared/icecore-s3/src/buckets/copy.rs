//! `CopyObject`, within the store.

use super::conditions::on_read;
use super::{Buckets, place};
use crate::error::{failed, too_large, unmet as condition_unmet};
use crate::objects::{Headers, keep_checksum, modified, tag};
use http::HeaderMap;
use http::header::{IF_MATCH, IF_NONE_MATCH};
use object_store::path::Path;
use object_store::{
    Attributes, CopyMode, CopyOptions, Error as StoreError, GetOptions, ObjectStore,
    ObjectStoreExt, PutMode, PutOptions,
};
use s3s::dto::{CopyObjectInput, CopyObjectOutput, CopyObjectResult, MetadataDirective};
use s3s::{S3Error, S3Request, S3Result, s3_error};

pub(super) async fn copy(
    buckets: &Buckets,
    req: S3Request<CopyObjectInput>,
) -> S3Result<CopyObjectOutput> {
    let mut input = req.input;
    let (from, to) = ends(buckets, &input)?;
    let is_new = must_be_new(&req.headers)?;
    if input.sse_customer_algorithm.is_some() || input.copy_source_sse_customer_algorithm.is_some()
    {
        return Err(s3_error!(
            NotImplemented,
            "keys of the client are not implemented"
        ));
    }
    let directive = input.metadata_directive.as_ref();
    let replaces = directive.is_some_and(|d| d.as_str() == MetadataDirective::REPLACE);
    if from == to && !replaces {
        return Err(s3_error!(
            InvalidRequest,
            "a copy onto itself must replace the metadata"
        ));
    }
    let conditions = conditions(&input)?;
    let replacement = replaces
        .then(|| Headers::of_copy(&mut input).into_attributes())
        .transpose()?;
    if let Some(attributes) = replacement {
        rewrite(buckets, (&from, &to), conditions, (attributes, is_new)).await?;
    } else {
        let conditions = GetOptions {
            head: true,
            ..conditions
        };
        let source = buckets.store.get_opts(&from, conditions).await;
        source.map_err(unmet)?;
        let mode = if is_new {
            CopyMode::Create
        } else {
            CopyMode::Overwrite
        };
        let options = CopyOptions {
            mode,
            ..CopyOptions::default()
        };
        let copied = buckets.store.copy_opts(&from, &to, options).await;
        copied.map_err(failed)?;
    }
    let meta = buckets.store.head(&to).await.map_err(failed)?;
    Ok(CopyObjectOutput {
        copy_object_result: Some(CopyObjectResult {
            e_tag: tag(&meta),
            last_modified: Some(modified(&meta)),
            ..CopyObjectResult::default()
        }),
        ..CopyObjectOutput::default()
    })
}

/// From where to where.
fn ends(buckets: &Buckets, input: &CopyObjectInput) -> S3Result<(Path, Path)> {
    let from = buckets.source(&input.copy_source)?;
    Ok((from, buckets.path(&input.bucket, &input.key)?))
}

/// The conditions on the target, which the library does not read.
fn must_be_new(headers: &HeaderMap) -> S3Result<bool> {
    match (headers.get(IF_NONE_MATCH), headers.get(IF_MATCH)) {
        (None, None) => Ok(false),
        (Some(condition), None) if condition == "*" => Ok(true),
        _ => Err(s3_error!(
            NotImplemented,
            "this condition is not implemented"
        )),
    }
}

fn conditions(input: &CopyObjectInput) -> S3Result<GetOptions> {
    on_read(
        (
            input.copy_source_if_match.as_ref(),
            input.copy_source_if_none_match.as_ref(),
        ),
        (
            input.copy_source_if_modified_since.as_ref(),
            input.copy_source_if_unmodified_since.as_ref(),
        ),
    )
}

/// Writes the bytes of an object with other metadata.
async fn rewrite(
    buckets: &Buckets,
    (from, to): (&Path, &Path),
    conditions: GetOptions,
    (mut attributes, is_new): (Attributes, bool),
) -> S3Result<()> {
    let source = buckets.store.get_opts(from, conditions).await;
    let source = source.map_err(unmet)?;
    if source.meta.size > buckets.bounds.body_max {
        return Err(too_large());
    }
    // The bytes are the same ones.
    keep_checksum(
        &mut attributes,
        &Headers::stored(&source.attributes).checksum,
    );
    let mut share = buckets.bounds.memory.share(None, Some(&place(to.as_ref())));
    share.grow(source.meta.size)?;
    let body = source.bytes().await.map_err(failed)?;
    let mode = if is_new {
        PutMode::Create
    } else {
        PutMode::Overwrite
    };
    let options = PutOptions {
        mode,
        attributes,
        ..PutOptions::default()
    };
    let put = buckets.store.put_opts(to, body.into(), options).await;
    put.map(drop).map_err(failed)
}

/// A source that has not changed fails a copy, which has no 304.
pub(super) fn unmet(error: StoreError) -> S3Error {
    match error {
        StoreError::NotModified { .. } => condition_unmet(),
        error => failed(error),
    }
}
