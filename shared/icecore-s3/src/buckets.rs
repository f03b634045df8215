//! The operations of S3 that icecore and its clients need, on an object store.

mod conditions;
mod copy;
mod delete;
mod listing;
mod multipart;
mod put;
mod read;

use crate::endpoint::{DeleteVersion, Now};
use crate::error::{failed, unsupported_key};
use crate::memory::Memory;
use crate::objects::timestamp;
use crate::uploads::Uploads;
use async_trait::async_trait;
use futures::TryStreamExt;
use object_store::ObjectStore;
use object_store::path::Path;
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Bucket, CompleteMultipartUploadInput,
    CompleteMultipartUploadOutput, CopyObjectInput, CopyObjectOutput, CopySource,
    CreateBucketInput, CreateBucketOutput, CreateMultipartUploadInput, CreateMultipartUploadOutput,
    DeleteBucketInput, DeleteBucketOutput, DeleteObjectInput, DeleteObjectOutput,
    DeleteObjectsInput, DeleteObjectsOutput, GetBucketLocationInput, GetBucketLocationOutput,
    GetBucketVersioningInput, GetBucketVersioningOutput, GetObjectInput, GetObjectOutput,
    HeadBucketInput, HeadBucketOutput, HeadObjectInput, HeadObjectOutput, ListBucketsInput,
    ListBucketsOutput, ListMultipartUploadsInput, ListMultipartUploadsOutput,
    ListObjectVersionsInput, ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput,
    ListObjectsV2Input, ListObjectsV2Output, ListPartsInput, ListPartsOutput, PutObjectInput,
    PutObjectOutput, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3, S3Request, S3Response, S3Result, s3_error};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Clients could otherwise fill the memory with names.
const BUCKETS_MAX: usize = 1000;

/// An object store, seen as buckets.
pub(crate) struct Buckets {
    store: Arc<dyn ObjectStore>,
    /// By name, where each begins in the store.
    prefixes: Mutex<BTreeMap<String, Path>>,
    allow_create: bool,
    bounds: Bounds,
    uploads: Uploads,
    delete_version: Option<DeleteVersion>,
    now: Option<Now>,
    /// When the endpoint was built: buckets have no other time.
    began: i64,
}

/// How much may be on its way in.
#[derive(Debug)]
pub(crate) struct Bounds {
    /// Of one object.
    pub(crate) body_max: u64,
    /// Of all.
    pub(crate) memory: Arc<Memory>,
}

impl Buckets {
    pub(crate) fn new(
        store: Arc<dyn ObjectStore>,
        (buckets, allow_create): (Vec<(String, Path)>, bool),
        bounds: Bounds,
        (delete_version, now): (Option<DeleteVersion>, Option<Now>),
    ) -> Self {
        Self {
            began: now.as_ref().map_or(0, |now| now()),
            uploads: Uploads::default(),
            now,
            store,
            prefixes: Mutex::new(buckets.into_iter().collect()),
            allow_create,
            bounds,
            delete_version,
        }
    }

    /// The time in milliseconds since 1970, where it is known.
    fn now(&self) -> i64 {
        self.now.as_ref().map_or(0, |now| now())
    }

    fn prefixes(&self) -> MutexGuard<'_, BTreeMap<String, Path>> {
        self.prefixes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a bucket begins in the store.
    fn prefix(&self, bucket: &str) -> S3Result<Path> {
        let prefixes = self.prefixes();
        let prefix = prefixes.get(bucket).cloned();
        prefix.ok_or_else(|| s3_error!(NoSuchBucket))
    }

    /// The path of an object. Keys that a path cannot say exactly (`a//b`, `a/`, `../a`) are refused: they would
    /// stand for other objects.
    fn path(&self, bucket: &str, key: &str) -> S3Result<Path> {
        let prefix = self.prefix(bucket)?;
        below(&prefix, key).ok_or_else(unsupported_key)
    }

    /// The path of an object to read; nothing can be there under a key that is refused.
    fn path_to_read(&self, bucket: &str, key: &str) -> S3Result<Path> {
        let prefix = self.prefix(bucket)?;
        below(&prefix, key).ok_or_else(|| s3_error!(NoSuchKey))
    }

    /// The path of what is to be copied, which has one version.
    fn source(&self, source: &CopySource) -> S3Result<Path> {
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = source
        else {
            return Err(s3_error!(
                NotImplemented,
                "only objects of this endpoint can be copied"
            ));
        };
        if version_id
            .as_deref()
            .is_some_and(|version| version != "null")
        {
            return Err(s3_error!(NoSuchVersion));
        }
        self.path_to_read(bucket, key)
    }

    fn create(&self, bucket: &str) -> S3Result<()> {
        let mut prefixes = self.prefixes();
        if prefixes.contains_key(bucket) {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        if !self.allow_create {
            return Err(s3_error!(AccessDenied, "buckets are not created here"));
        }
        if prefixes.len() >= BUCKETS_MAX {
            return Err(s3_error!(TooManyBuckets));
        }
        prefixes.insert(bucket.to_owned(), Path::from(bucket));
        Ok(())
    }

    /// Forgets a bucket that clients might have created, and in which nothing is.
    async fn remove(&self, bucket: &str) -> S3Result<()> {
        let prefix = self.prefix(bucket)?;
        if !self.allow_create {
            return Err(s3_error!(AccessDenied, "buckets are not deleted here"));
        }
        let mut objects = self.store.list(Some(&prefix));
        if objects.try_next().await.map_err(failed)?.is_some() {
            return Err(s3_error!(BucketNotEmpty));
        }
        self.prefixes().remove(bucket);
        Ok(())
    }
}

/// Whose memory a body takes: the first parts of a path, as `spaces/todo` is.
fn place(path: &str) -> String {
    const PARTS: usize = 2;
    let parts: Vec<_> = path.splitn(PARTS + 1, '/').take(PARTS).collect();
    parts.join("/")
}

/// A key as a path under a prefix, if the path says exactly the same.
fn below(prefix: &Path, key: &str) -> Option<Path> {
    let text = if prefix.as_ref().is_empty() {
        key.to_owned()
    } else {
        format!("{prefix}/{key}")
    };
    let path = Path::parse(&text).ok()?;
    (path.as_ref() == text && !key.is_empty()).then_some(path)
}

#[async_trait]
impl S3 for Buckets {
    async fn create_bucket(
        &self,
        req: S3Request<CreateBucketInput>,
    ) -> S3Result<S3Response<CreateBucketOutput>> {
        let bucket = req.input.bucket;
        self.create(&bucket)?;
        let location = Some(format!("/{bucket}"));
        Ok(S3Response::new(CreateBucketOutput { location }))
    }

    async fn delete_bucket(
        &self,
        req: S3Request<DeleteBucketInput>,
    ) -> S3Result<S3Response<DeleteBucketOutput>> {
        self.remove(&req.input.bucket).await?;
        Ok(S3Response::new(DeleteBucketOutput::default()))
    }

    async fn head_bucket(
        &self,
        req: S3Request<HeadBucketInput>,
    ) -> S3Result<S3Response<HeadBucketOutput>> {
        self.prefix(&req.input.bucket)?;
        Ok(S3Response::new(HeadBucketOutput::default()))
    }

    /// No constraint stands for the first region, and any region is accepted in a signature.
    async fn get_bucket_location(
        &self,
        req: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.prefix(&req.input.bucket)?;
        Ok(S3Response::new(GetBucketLocationOutput::default()))
    }

    async fn list_buckets(
        &self,
        _req: S3Request<ListBucketsInput>,
    ) -> S3Result<S3Response<ListBucketsOutput>> {
        let prefixes = self.prefixes();
        let buckets = prefixes.keys().map(|name| Bucket {
            name: Some(name.clone()),
            creation_date: timestamp(self.began),
            ..Bucket::default()
        });
        Ok(S3Response::new(ListBucketsOutput {
            buckets: Some(buckets.collect()),
            ..ListBucketsOutput::default()
        }))
    }

    async fn put_object(
        &self,
        req: S3Request<PutObjectInput>,
    ) -> S3Result<S3Response<PutObjectOutput>> {
        put::put(self, req).await.map(S3Response::new)
    }

    async fn get_object(
        &self,
        req: S3Request<GetObjectInput>,
    ) -> S3Result<S3Response<GetObjectOutput>> {
        read::get(self, req.input).await.map(S3Response::new)
    }

    async fn head_object(
        &self,
        req: S3Request<HeadObjectInput>,
    ) -> S3Result<S3Response<HeadObjectOutput>> {
        read::head(self, req.input).await.map(S3Response::new)
    }

    async fn list_objects(
        &self,
        req: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        listing::list_v1(self, req.input).await.map(S3Response::new)
    }

    async fn list_objects_v2(
        &self,
        req: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        listing::list_v2(self, req.input).await.map(S3Response::new)
    }

    async fn list_object_versions(
        &self,
        req: S3Request<ListObjectVersionsInput>,
    ) -> S3Result<S3Response<ListObjectVersionsOutput>> {
        let listed = listing::list_versions(self, req.input).await;
        listed.map(S3Response::new)
    }

    /// Without a status they were never kept.
    async fn get_bucket_versioning(
        &self,
        req: S3Request<GetBucketVersioningInput>,
    ) -> S3Result<S3Response<GetBucketVersioningOutput>> {
        self.prefix(&req.input.bucket)?;
        Ok(S3Response::new(GetBucketVersioningOutput::default()))
    }

    async fn delete_object(
        &self,
        req: S3Request<DeleteObjectInput>,
    ) -> S3Result<S3Response<DeleteObjectOutput>> {
        delete::one(self, req.input).await.map(S3Response::new)
    }

    async fn delete_objects(
        &self,
        req: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        delete::many(self, req.input).await.map(S3Response::new)
    }

    async fn create_multipart_upload(
        &self,
        req: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        multipart::create(self, req.input).map(S3Response::new)
    }

    async fn upload_part(
        &self,
        req: S3Request<UploadPartInput>,
    ) -> S3Result<S3Response<UploadPartOutput>> {
        multipart::part(self, req).await.map(S3Response::new)
    }

    async fn upload_part_copy(
        &self,
        req: S3Request<UploadPartCopyInput>,
    ) -> S3Result<S3Response<UploadPartCopyOutput>> {
        multipart::part_copy(self, req.input)
            .await
            .map(S3Response::new)
    }

    async fn complete_multipart_upload(
        &self,
        req: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        multipart::complete(self, req.input)
            .await
            .map(S3Response::new)
    }

    async fn abort_multipart_upload(
        &self,
        req: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        multipart::abort(self, &req.input).map(S3Response::new)
    }

    async fn list_parts(
        &self,
        req: S3Request<ListPartsInput>,
    ) -> S3Result<S3Response<ListPartsOutput>> {
        multipart::list_parts(self, req.input).map(S3Response::new)
    }

    async fn list_multipart_uploads(
        &self,
        req: S3Request<ListMultipartUploadsInput>,
    ) -> S3Result<S3Response<ListMultipartUploadsOutput>> {
        multipart::list_uploads(self, req.input).map(S3Response::new)
    }

    async fn copy_object(
        &self,
        req: S3Request<CopyObjectInput>,
    ) -> S3Result<S3Response<CopyObjectOutput>> {
        copy::copy(self, req).await.map(S3Response::new)
    }
}
