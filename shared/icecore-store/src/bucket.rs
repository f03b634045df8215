//! The few requests that the protocol makes, with a time-out and a typed error each.

mod object;

pub use object::{Changed, Content, Got, Listed, PutNew, Swapped, Version};

use crate::backend::{from_object_store, is_already_exists, is_conditional_conflict};
use crate::ports::Clock;
use bytes::Bytes;
use futures::StreamExt;
use futures::future::{Either, select};
use icecore_core::layers::{UNPACKED_BYTES_MAX, UnpacksToMore};
use icecore_core::transient::TRANSIENT_BYTES_MAX;
use icecore_core::update::OBJECT_BYTES_MAX;
use icecore_core::wire::AUTHOR_METADATA;
use icecore_core::{Error, ObjectKey, Result};
use object_store::path::Path;
use object_store::{
    Attribute, CopyMode, CopyOptions, GetOptions, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode,
    PutOptions, PutPayload, UpdateVersion,
};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

/// The most objects that one listing returns: bounds its memory (24 bytes each).
pub const LIST_OBJECTS_MAX: usize = 20_000_000;

/// The objects of one store, below its root prefix.
#[derive(Clone)]
pub struct Bucket {
    objects: Arc<dyn ObjectStore>,
    prefix: Path,
    clock: Arc<dyn Clock>,
    timeout: Duration,
    layer_max: u64,
}

/// The most bytes that an object of this kind may have. Whoever may write to the bucket could put anything there:
/// what is larger is not read into memory.
pub fn bytes_max(key: &ObjectKey) -> u64 {
    match key {
        ObjectKey::Head(_) | ObjectKey::Joined(..) => 64 << 10,
        ObjectKey::Store | ObjectKey::Space(_) => 16 << 20,
        ObjectKey::Update(..) | ObjectKey::Quarantine(..) | ObjectKey::Reserved(..) => {
            OBJECT_BYTES_MAX as u64
        }
        ObjectKey::Transient(..) => TRANSIENT_BYTES_MAX as u64,
        ObjectKey::Segment(..) | ObjectKey::Snapshot(..) => UNPACKED_BYTES_MAX,
    }
}

impl Bucket {
    /// A bucket below `prefix`; no request takes longer than `timeout`.
    pub fn new(
        objects: Arc<dyn ObjectStore>,
        prefix: Path,
        clock: Arc<dyn Clock>,
        timeout: Duration,
    ) -> Self {
        Self {
            objects,
            prefix,
            clock,
            timeout,
            layer_max: UNPACKED_BYTES_MAX,
        }
    }

    /// Reads no segment and no snapshot with more bytes than these.
    #[must_use]
    pub fn with_layers_at_most(mut self, bytes: u64) -> Self {
        self.layer_max = bytes;
        self
    }

    /// The most bytes that an object may have to be read here.
    fn readable(&self, key: &ObjectKey) -> u64 {
        match key {
            ObjectKey::Segment(..) | ObjectKey::Snapshot(..) => self.layer_max,
            _ => bytes_max(key),
        }
    }

    /// The objects underneath.
    pub fn objects(&self) -> &Arc<dyn ObjectStore> {
        &self.objects
    }

    /// The root prefix.
    pub fn prefix(&self) -> &Path {
        &self.prefix
    }

    /// Where an object lies in the bucket.
    pub fn path(&self, key: &ObjectKey) -> Path {
        self.below(&key.to_string())
    }

    fn below(&self, relative: &str) -> Path {
        relative.split('/').fold(self.prefix.clone(), Path::join)
    }

    async fn limited<T>(
        &self,
        doing: &str,
        path: &Path,
        request: impl Future<Output = object_store::Result<T>> + Send,
    ) -> Result<object_store::Result<T>> {
        let request = std::pin::pin!(request);
        match select(request, self.clock.sleep(self.timeout)).await {
            Either::Left((result, _)) => Ok(result),
            Either::Right(_) => Err(Error::unavailable(format!(
                "could not {doing} within {:?}",
                self.timeout
            ))
            .with_object(path.to_string())
            .with_hint("check the network; nothing is lost, it is tried again")),
        }
    }

    /// Whether there is an object.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`.
    pub async fn exists(&self, key: &ObjectKey) -> Result<bool> {
        let path = self.path(key);
        let request = self.objects.head(&path);
        match self.limited("look at the object", &path, request).await? {
            Ok(_) => Ok(true),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(from_object_store(
                error,
                "look at the object",
                path.as_ref(),
            )),
        }
    }

    /// Reads an object; `None` when there is none.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`; `Corrupt` when it is larger than any of its kind.
    pub async fn get(&self, key: &ObjectKey) -> Result<Option<Got>> {
        match self.get_if_changed(key, None).await? {
            Changed::New(got) => Ok(Some(got)),
            Changed::Missing | Changed::Same => Ok(None),
        }
    }

    /// Reads an object unless it still is the named version.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`; `Corrupt` when it is larger than any of its kind.
    pub async fn get_if_changed(
        &self,
        key: &ObjectKey,
        version: Option<&Version>,
    ) -> Result<Changed> {
        let path = self.path(key);
        let if_none_match = version.and_then(|v| v.e_tag.clone());
        let options = GetOptions {
            if_none_match,
            ..GetOptions::default()
        };
        let request = async {
            let result = self.objects.get_opts(&path, options).await?;
            let meta = result.meta.clone();
            let author = result
                .attributes
                .get(&Attribute::Metadata(AUTHOR_METADATA.into()))
                .map(|value| value.as_ref().to_owned());
            let body = if meta.size > self.readable(key) {
                None
            } else {
                Some(result.bytes().await?)
            };
            Ok((meta, body, author))
        };
        match self.limited("read the object", &path, request).await? {
            Ok((meta, None, _)) if meta.size <= bytes_max(key) => Err(Error::invalid(format!(
                "the object has {} bytes, and this program may use {} for it",
                meta.size,
                self.readable(key)
            ))
            .with_object(key.to_string())
            .with_hint("give the program, or the function, more memory")
            .with_source(UnpacksToMore)),
            Ok((meta, None, _)) => Err(too_large(key, meta.size)),
            Ok((meta, Some(bytes), author)) => Ok(Changed::New(Got {
                bytes,
                version: Version {
                    e_tag: meta.e_tag,
                    version: meta.version,
                },
                last_modified: meta.last_modified.timestamp_millis(),
                author,
            })),
            Err(object_store::Error::NotFound { .. }) => Ok(Changed::Missing),
            Err(object_store::Error::NotModified { .. }) => Ok(Changed::Same),
            Err(error) => Err(from_object_store(error, "read the object", path.as_ref())),
        }
    }

    /// Stores an object only where there is none.
    ///
    /// # Errors
    /// `Unavailable`: the outcome is unknown, the object may be there or appear later; `Denied`.
    pub async fn put_new(&self, key: &ObjectKey, body: Bytes, content: Content) -> Result<PutNew> {
        match self.put_with(key, body, content, PutMode::Create).await {
            Ok(version) => Ok(PutNew::Stored(version)),
            Err(PutError::Store(error)) if is_already_exists(&error) => Ok(PutNew::Taken),
            Err(error) => Err(error.into_error(&self.path(key))),
        }
    }

    /// Replaces an object only if it still is the named version; `false` when it is not.
    ///
    /// # Errors
    /// `Unavailable`: the outcome is unknown; `Denied`.
    pub async fn put_if_match(
        &self,
        key: &ObjectKey,
        body: Bytes,
        version: &Version,
    ) -> Result<bool> {
        let version = UpdateVersion {
            e_tag: version.e_tag.clone(),
            version: version.version.clone(),
        };
        match self
            .put_with(key, body, Content::Json, PutMode::Update(version))
            .await
        {
            Ok(_) => Ok(true),
            Err(PutError::Store(error)) if is_already_exists(&error) => Ok(false),
            Err(PutError::Store(object_store::Error::NotFound { .. })) => Ok(false),
            Err(error) => Err(error.into_error(&self.path(key))),
        }
    }

    /// Stores an object only over the version that is known, or, where none is known, only where there is no object: for
    /// hints, whose writer goes on differently when somebody else was there.
    ///
    /// # Errors
    /// `Unavailable`: the outcome is unknown; `Denied`.
    pub async fn swap(
        &self,
        key: &ObjectKey,
        body: Bytes,
        known: Option<&Version>,
    ) -> Result<Swapped> {
        let mode = known.map_or(PutMode::Create, |version| {
            PutMode::Update(UpdateVersion {
                e_tag: version.e_tag.clone(),
                version: version.version.clone(),
            })
        });
        match self.put_with(key, body, Content::Json, mode).await {
            Ok(version) => Ok(Swapped::Stored(version)),
            Err(PutError::Store(error))
                if is_already_exists(&error) || is_conditional_conflict(&error) =>
            {
                Ok(Swapped::Lost)
            }
            Err(PutError::Store(object_store::Error::NotFound { .. })) => Ok(Swapped::Lost),
            Err(error) => Err(error.into_error(&self.path(key))),
        }
    }

    /// Stores an object, whatever was there: for hints and quarantine only.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`.
    pub async fn put(&self, key: &ObjectKey, body: Bytes) -> Result<()> {
        let result = self
            .put_with(key, body, Content::Json, PutMode::Overwrite)
            .await;
        match result {
            Ok(_) => Ok(()),
            Err(error) => Err(error.into_error(&self.path(key))),
        }
    }

    async fn put_with(
        &self,
        key: &ObjectKey,
        body: Bytes,
        content: Content,
        mode: PutMode,
    ) -> Result<Option<Version>, PutError> {
        let path = self.path(key);
        let options = PutOptions {
            mode,
            attributes: content.attributes(),
            tags: content.tags(),
            ..PutOptions::default()
        };
        let request = self
            .objects
            .put_opts(&path, PutPayload::from(body), options);
        match self.limited("write the object", &path, request).await {
            Err(timeout) => Err(PutError::Timeout(timeout)),
            Ok(Err(error)) => Err(PutError::Store(error)),
            Ok(Ok(put)) => Ok(Version::of(put.e_tag, put.version)),
        }
    }

    /// Deletes an object; that it is gone already is no error.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`.
    pub async fn delete(&self, relative: &str) -> Result<()> {
        let path = self.below(relative);
        match self
            .limited("delete the object", &path, self.objects.delete(&path))
            .await?
        {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(from_object_store(error, "delete the object", path.as_ref())),
        }
    }

    /// Copies an object without reading it.
    ///
    /// # Errors
    /// `Unavailable`, `Denied` or `NotFound`.
    pub async fn copy(&self, from: &str, to: &str) -> Result<()> {
        let (from, to) = (self.below(from), self.below(to));
        let options = CopyOptions {
            mode: CopyMode::Overwrite,
            ..CopyOptions::default()
        };
        let request = self.objects.copy_opts(&from, &to, options);
        let result = self.limited("copy the object", &from, request).await?;
        result.map_err(|error| from_object_store(error, "copy the object", from.as_ref()))
    }

    /// Reads a file that is no object of this program's, by its path; `None` when there is none.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`; `Corrupt` when it has more than `bytes_max` bytes.
    pub async fn get_stray(&self, relative: &str, bytes_max: u64) -> Result<Option<Bytes>> {
        let path = self.below(relative);
        let request = async {
            let got = self.objects.get(&path).await?;
            if got.meta.size > bytes_max {
                return Ok(Err(got.meta.size));
            }
            Ok(Ok(got.bytes().await?))
        };
        match self.limited("read the file", &path, request).await? {
            Ok(Ok(bytes)) => Ok(Some(bytes)),
            Ok(Err(size)) => Err(Error::corrupt(format!("the file has {size} bytes"))
                .with_object(relative.to_owned())),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(from_object_store(error, "read the file", path.as_ref())),
        }
    }

    /// Lists the objects directly in `folder` whose names come after `after`, in order of their names; what
    /// `parse` does not take is left out.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`; then nothing is returned: half a listing is none.
    pub async fn list<K>(
        &self,
        folder: &str,
        after: Option<String>,
        parse: impl Fn(&str) -> Option<K>,
    ) -> Result<Vec<Listed<K>>> {
        let listed = self
            .list_at_most(folder, after, LIST_OBJECTS_MAX, parse)
            .await?;
        listed.ok_or_else(|| {
            Error::invalid(format!("more than {LIST_OBJECTS_MAX} objects in a folder"))
                .with_object(folder.to_owned())
                .with_hint("run `icecore prune`")
        })
    }

    /// As [`Bucket::list`], unless there are more than `most`: then it stops, and returns nothing.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`.
    pub async fn list_at_most<K>(
        &self,
        folder: &str,
        after: Option<String>,
        most: usize,
        parse: impl Fn(&str) -> Option<K>,
    ) -> Result<Option<Vec<Listed<K>>>> {
        let (listed, _) = self.list_some(folder, after, most + 1, parse).await?;
        Ok((listed.len() <= most).then_some(listed))
    }

    /// As [`Bucket::list`], but no more than `enough` objects; and whether there may be more after them.
    ///
    /// # Errors
    /// As [`Bucket::list`].
    pub async fn list_some<K>(
        &self,
        folder: &str,
        after: Option<String>,
        enough: usize,
        parse: impl Fn(&str) -> Option<K>,
    ) -> Result<(Vec<Listed<K>>, bool)> {
        let take = |name: &str, meta: &ObjectMeta| Some(Listed::of(parse(name)?, meta));
        self.list_as(folder, after, enough, take).await
    }

    /// As [`Bucket::list_at_most`], with the tag of each object, where the server gives one: for the few objects whose
    /// versions are told apart by it.
    ///
    /// # Errors
    /// As [`Bucket::list_at_most`].
    pub async fn list_tagged<K>(
        &self,
        folder: &str,
        after: Option<String>,
        most: usize,
        parse: impl Fn(&str) -> Option<K>,
    ) -> Result<Option<Vec<(Listed<K>, Option<String>)>>> {
        let (listed, _) = self
            .list_some_tagged(folder, after, most + 1, parse)
            .await?;
        Ok((listed.len() <= most).then_some(listed))
    }

    /// As [`Bucket::list_some`], with the tag of each object, where the server gives one.
    ///
    /// # Errors
    /// As [`Bucket::list`].
    pub async fn list_some_tagged<K>(
        &self,
        folder: &str,
        after: Option<String>,
        enough: usize,
        parse: impl Fn(&str) -> Option<K>,
    ) -> Result<(Vec<(Listed<K>, Option<String>)>, bool)> {
        let take = |name: &str, meta: &ObjectMeta| {
            Some((Listed::of(parse(name)?, meta), meta.e_tag.clone()))
        };
        self.list_as(folder, after, enough, take).await
    }

    async fn list_as<T>(
        &self,
        folder: &str,
        after: Option<String>,
        enough: usize,
        take: impl Fn(&str, &ObjectMeta) -> Option<T>,
    ) -> Result<(Vec<T>, bool)> {
        let path = self.below(folder);
        let skip = path.as_ref().len() + 1;
        let mut stream = match after {
            Some(after) => self
                .objects
                .list_with_offset(Some(&path), &path.clone().join(after)),
            None => self.objects.list(Some(&path)),
        };
        let mut listed = Vec::new();
        while let Some(meta) = self.next(&path, &mut stream).await? {
            let name = meta.location.as_ref().get(skip..).unwrap_or_default();
            listed.extend(take(name, &meta));
            if listed.len() >= enough {
                return Ok((listed, true));
            }
        }
        Ok((listed, false))
    }

    async fn next(
        &self,
        path: &Path,
        stream: &mut (impl futures::Stream<Item = object_store::Result<ObjectMeta>> + Unpin + Send),
    ) -> Result<Option<ObjectMeta>> {
        let next = async { stream.next().await.transpose() };
        let result = self.limited("list the objects", path, next).await?;
        result.map_err(|error| from_object_store(error, "list the objects", path.as_ref()))
    }

    /// The names of the folders directly in `folder`.
    ///
    /// # Errors
    /// `Unavailable` or `Denied`.
    pub async fn folders(&self, folder: &str) -> Result<Vec<String>> {
        let path = self.below(folder);
        let request = self.objects.list_with_delimiter(Some(&path));
        let result = self.limited("list the folders", &path, request).await?;
        let listed =
            result.map_err(|error| from_object_store(error, "list the folders", path.as_ref()))?;
        Ok(listed
            .common_prefixes
            .iter()
            .filter_map(|p| p.filename().map(str::to_owned))
            .collect())
    }
}

fn too_large(key: &ObjectKey, size: u64) -> Error {
    Error::corrupt(format!(
        "the object has {size} bytes, one of its kind has at most {}",
        bytes_max(key)
    ))
    .with_object(key.to_string())
    .with_hint("somebody else wrote it: move it elsewhere, or restore the object from a backup or a versioned bucket")
}

impl fmt::Debug for Bucket {
    // Not derived: the clients of object_store hold credentials.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bucket")
            .field("prefix", &self.prefix)
            .finish_non_exhaustive()
    }
}

enum PutError {
    Timeout(Error),
    Store(object_store::Error),
}

impl PutError {
    fn into_error(self, path: &Path) -> Error {
        match self {
            Self::Timeout(error) => error,
            Self::Store(error) => from_object_store(error, "write the object", path.as_ref()),
        }
    }
}
