//! The operations of S3 that icecore and its clients need, on an object store.

use super::listing;
use super::objects::{
    Headers, check_body, condition, failed, length, modified, put_mode, range, read_body, tag,
    to_attributes, to_tag,
};
use async_trait::async_trait;
use object_store::path::Path;
use object_store::{
    Error as StoreError, GetOptions, GetResult, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
};
use s3s::dto::{
    CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, CreateBucketInput,
    CreateBucketOutput, DeleteObjectInput, DeleteObjectOutput, DeleteObjectsInput,
    DeleteObjectsOutput, DeletedObject, Error as DeleteError, GetObjectInput, GetObjectOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListObjectsV2Input,
    ListObjectsV2Output, PutObjectInput, PutObjectOutput, StreamingBlob,
};
use s3s::{S3, S3Error, S3Request, S3Response, S3Result, s3_error};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

/// An object store, seen as buckets.
#[derive(Debug)]
pub(super) struct Buckets {
    store: Arc<dyn ObjectStore>,
    names: Mutex<BTreeSet<String>>,
}

impl Buckets {
    pub(super) fn new(store: Arc<dyn ObjectStore>, first: &str) -> Self {
        let names = Mutex::new(BTreeSet::from([first.to_owned()]));
        Self { store, names }
    }

    pub(super) fn store(&self) -> &dyn ObjectStore {
        &self.store
    }

    /// The path of a key, or of a bucket where the key is empty.
    pub(super) fn path(&self, bucket: &str, key: &str) -> S3Result<Path> {
        let names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.contains(bucket) {
            return Err(s3_error!(NoSuchBucket));
        }
        Path::parse(format!("{bucket}/{key}")).map_err(|e| failed(e.into()))
    }

    async fn get(&self, path: &Path, options: GetOptions) -> S3Result<GetResult> {
        let ranged = options.range.is_some();
        let wanted = options.if_none_match.clone();
        self.store
            .get_opts(path, options)
            .await
            .map_err(|error| match error {
                StoreError::Generic { .. } if ranged => s3_error!(InvalidRange),
                error @ StoreError::NotModified { .. } => not_modified(error, wanted.as_deref()),
                error => failed(error),
            })
    }
}

/// A 304 repeats the tag that the client has.
fn not_modified(error: StoreError, tag: Option<&str>) -> S3Error {
    let mut error = failed(error);
    if let Some(tag) = tag.and_then(|tag| tag.parse().ok()) {
        error.set_headers([(http::header::ETAG, tag)].into_iter().collect());
    }
    error
}

#[async_trait]
impl S3 for Buckets {
    async fn create_bucket(
        &self,
        req: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let bucket = req.input.bucket;
        let mut names = self.names.lock().unwrap_or_else(PoisonError::into_inner);
        if !names.insert(bucket.clone()) {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        let location = Some(format!("/{bucket}"));
        Ok(S3Response::new(CreateBucketOutput { location }))
    }

    async fn head_bucket(
        &self,
        req: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.path(&req.input.bucket, "")?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        let mut input = req.input;
        let path = self.path(&input.bucket, &input.key)?;
        let body = read_body(input.body.take()).await?;
        check_body(&input, &body)?;
        let mode = put_mode(&input)?;
        let is_update = matches!(mode, PutMode::Update(_));
        let attributes = to_attributes(&mut input);
        let options = PutOptions {
            mode,
            attributes,
            ..PutOptions::default()
        };
        match self.store.put_opts(&path, body.into(), options).await {
            Ok(put) => {
                let e_tag = put.e_tag.as_deref().map(to_tag);
                Ok(S3Response::new(PutObjectOutput {
                    e_tag,
                    ..Default::default()
                }))
            }
            // S3 tells a wrong version (412) from a missing object (404).
            Err(error @ StoreError::Precondition { .. }) if is_update => {
                self.store.head(&path).await.map_err(failed)?;
                Err(failed(error))
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        let input = req.input;
        let path = self.path(&input.bucket, &input.key)?;
        let options = GetOptions {
            if_match: input.if_match.as_ref().map(condition),
            if_none_match: input.if_none_match.as_ref().map(condition),
            range: input.range.map(range),
            ..GetOptions::default()
        };
        let got = self.get(&path, options).await?;
        let headers = Headers::new(&got.attributes);
        let (meta, span) = (got.meta.clone(), got.range.clone());
        let content_range = input.range.map(|_| {
            format!(
                "bytes {}-{}/{}",
                span.start,
                span.end.saturating_sub(1),
                meta.size
            )
        });
        let body = got.bytes().await.map_err(failed)?;
        let body = StreamingBlob::from(s3s::Body::from(body));
        Ok(S3Response::new(GetObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            body: Some(body),
            content_length: Some(length(span.end - span.start)?),
            content_range,
            e_tag: tag(&meta),
            last_modified: Some(modified(&meta)),
            content_type: headers.content_type,
            content_encoding: headers.content_encoding,
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_language: headers.content_language,
            metadata: headers.metadata,
            ..Default::default()
        }))
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        let input = req.input;
        let path = self.path(&input.bucket, &input.key)?;
        let options = GetOptions {
            if_match: input.if_match.as_ref().map(condition),
            if_none_match: input.if_none_match.as_ref().map(condition),
            head: true,
            ..GetOptions::default()
        };
        let got = self.get(&path, options).await?;
        let headers = Headers::new(&got.attributes);
        Ok(S3Response::new(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(length(got.meta.size)?),
            e_tag: tag(&got.meta),
            last_modified: Some(modified(&got.meta)),
            content_type: headers.content_type,
            content_encoding: headers.content_encoding,
            cache_control: headers.cache_control,
            content_disposition: headers.content_disposition,
            content_language: headers.content_language,
            metadata: headers.metadata,
            ..Default::default()
        }))
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        listing::list(self, req.input).await.map(S3Response::new)
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        let path = self.path(&req.input.bucket, &req.input.key)?;
        match self.store.delete(&path).await {
            // What is not there is deleted.
            Ok(()) | Err(StoreError::NotFound { .. }) => {
                Ok(S3Response::new(DeleteObjectOutput::default()))
            }
            Err(error) => Err(failed(error)),
        }
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        let input = req.input;
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for object in input.delete.objects {
            let path = self.path(&input.bucket, &object.key)?;
            let key = Some(object.key);
            match self.store.delete(&path).await {
                Ok(()) | Err(StoreError::NotFound { .. }) => {
                    deleted.push(DeletedObject {
                        key,
                        ..Default::default()
                    });
                }
                Err(error) => {
                    let error = failed(error);
                    let code = Some(error.code().as_str().to_owned());
                    let message = error.message().map(str::to_owned);
                    errors.push(DeleteError {
                        key,
                        code,
                        message,
                        ..Default::default()
                    });
                }
            }
        }
        let deleted = Some(deleted).filter(|_| !input.delete.quiet.unwrap_or(false));
        let output = DeleteObjectsOutput {
            deleted,
            errors: Some(errors),
            ..Default::default()
        };
        Ok(S3Response::new(output))
    }

    async fn copy_object(
        &self,
        req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        let input = req.input;
        let CopySource::Bucket { bucket, key, .. } = &input.copy_source else {
            return Err(s3_error!(
                NotImplemented,
                "only objects of this server can be copied"
            ));
        };
        let from = self.path(bucket, key)?;
        let to = self.path(&input.bucket, &input.key)?;
        self.store.copy(&from, &to).await.map_err(failed)?;
        let meta = self.store.head(&to).await.map_err(failed)?;
        let result = CopyObjectResult {
            e_tag: tag(&meta),
            last_modified: Some(modified(&meta)),
            ..Default::default()
        };
        Ok(S3Response::new(CopyObjectOutput {
            copy_object_result: Some(result),
            ..Default::default()
        }))
    }
}
