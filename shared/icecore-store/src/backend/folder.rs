//! A store in a local directory: each object is a file, and acknowledged means fsynced.

mod attributes;
mod directory;
mod durable;
mod error;
mod staged;
mod walk;

#[cfg(test)]
mod tests;

use async_trait::async_trait;
use bytes::Bytes;
use directory::Stat;
use durable::{Root, split};
use futures::stream::{self, BoxStream, StreamExt};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, CopyMode, CopyOptions, Error, GetOptions, GetResult, GetResultPayload,
    ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, Result,
};
use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use walk::Walk;

/// Files that are stat'ed, and objects that are deleted, in one go on the blocking pool.
const BATCH: usize = 256;

/// Up to this size an object is read in the same turn on the blocking pool that opens it: a second turn costs
/// more than the bytes.
const READ_AT_ONCE_MAX: u64 = 1024 * 1024;

/// The first bytes of a gzip stream (RFC 1952).
const GZIP_MAGIC: [u8; 2] = [0x1f, 0x8b];

/// An object store on a local directory, made for several processes that write at the same time.
///
/// # Contract
/// - A put that returns `Ok` survives a power cut: the file, its directory and every new parent are fsynced.
/// - What a get or a listing shows survives one too, even if its writer was killed half-way.
/// - An object is never visible half-written, and [`PutMode::Create`] has exactly one winner among all
///   processes.
/// - [`PutMode::Update`], overwriting and deleting exclude each other by a lock file, so that an update
///   replaces exactly the version that it names. The tag of an object changes with every put.
/// - Listings come in the order of their keys, as on S3, and one with an offset looks only at what follows it.
/// - A symbolic link below the root is never followed: neither read nor written through, and not listed; on Unix also if
///   somebody swaps it in at that very moment, for directories are opened one in the other.
/// - Names beginning with `.icecore-` belong to the folder: they are refused as keys and never listed.
///
/// Attributes are kept in an extended attribute of the file that appears together with it; a file system that has none
/// refuses a put with [metadata](Attribute::Metadata), and drops the rest. What the protocol says of each of its own objects is dropped instead: a gzip body reads back with
/// its `Content-Encoding`, and one that begins as a JSON object with its type. Multipart uploads are not supported, and one directory cannot hold both `a` and `a/b`: the second of them is refused.
#[derive(Clone)]
pub struct Folder {
    root: Arc<Root>,
}

impl Folder {
    /// The store in the directory `root`, which must exist by the time of the first request.
    ///
    /// A missing directory is never created silently: it may be a disk that is not mounted. See
    /// [`Folder::create`].
    pub fn new(root: impl Into<PathBuf>) -> Self {
        let root = Arc::new(Root::new(root.into()));
        Self { root }
    }

    /// Creates the directory and its parents, durably; does nothing if it exists.
    ///
    /// # Errors
    /// `Generic` or `PermissionDenied` when the directory cannot be made.
    pub async fn create(&self) -> Result<()> {
        self.blocking(Root::create).await
    }

    /// The directory.
    pub fn root(&self) -> &FilePath {
        self.root.directory()
    }

    /// Removes temporary files that crashed writers left behind, if last written before `older_than`, and
    /// returns how many. They are never listed, so this only frees space.
    ///
    /// # Errors
    /// `Generic` or `PermissionDenied` when a directory cannot be read or a file not removed.
    pub async fn remove_leftovers(&self, older_than: SystemTime) -> Result<usize> {
        self.blocking(move |root| walk::remove_leftovers(root, older_than))
            .await
    }

    /// Deletes an object if it still has this tag, in one step.
    ///
    /// # Errors
    /// `Precondition` when it has another, or is not there.
    pub async fn delete_version(&self, location: &Path, e_tag: &str) -> Result<()> {
        let (location, e_tag) = (location.clone(), e_tag.to_owned());
        self.blocking(move |root| root.delete_version(&location, &e_tag))
            .await
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Root) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let root = Arc::clone(&self.root);
        tokio::task::spawn_blocking(move || work(&root)).await?
    }

    fn walk(
        &self,
        prefix: Option<&Path>,
        offset: Option<&Path>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let root = Arc::clone(&self.root);
        let prefix = prefix.cloned();
        let offset = offset.cloned();
        let start = move || Walk::new(root, prefix.as_ref(), offset);
        let state = (Lazy::Unstarted(start), VecDeque::new());
        stream::try_unfold(state, |(mut walk, mut ready)| async move {
            if ready.is_empty() {
                (walk, ready) = tokio::task::spawn_blocking(move || next_batch(walk)).await??;
            }
            Ok(ready.pop_front().map(|meta| (meta, (walk, ready))))
        })
        .boxed()
    }
}

/// A walk that begins on the blocking pool, when the stream is first polled.
enum Lazy<F> {
    Unstarted(F),
    Started(Walk),
}

fn next_batch<F: FnOnce() -> Result<Walk>>(
    walk: Lazy<F>,
) -> Result<(Lazy<F>, VecDeque<ObjectMeta>)> {
    let mut walk = match walk {
        Lazy::Unstarted(start) => start()?,
        Lazy::Started(walk) => walk,
    };
    let mut ready = VecDeque::with_capacity(BATCH);
    while ready.len() < BATCH {
        match walk.next()? {
            Some(meta) => ready.push_back(meta),
            None => break,
        }
    }
    walk.rest();
    Ok((Lazy::Started(walk), ready))
}

impl fmt::Debug for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Folder").field(&self.root()).finish()
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "folder {}", self.root().display())
    }
}

/// The tag of a version: every put makes a new inode, and puts on one path have increasing times.
fn e_tag(stat: &Stat) -> String {
    let since = stat.modified.duration_since(SystemTime::UNIX_EPOCH);
    let modified = since.unwrap_or_default().as_nanos();
    format!("\"{:x}-{modified:x}-{:x}\"", stat.inode, stat.length)
}

fn object_meta(location: Path, stat: &Stat) -> ObjectMeta {
    ObjectMeta {
        location,
        last_modified: stat.modified.into(),
        size: stat.length,
        e_tag: Some(e_tag(stat)),
        version: None,
    }
}

fn read(root: &Root, location: &Path, options: &GetOptions) -> Result<GetResult> {
    let (above, name) = split(location)?;
    let directory = root.open(above)?;
    let failed = |source| root.failed_in("read", (&directory, name), source);
    let mut file = directory.open_file(name).map_err(failed)?;
    let stat = Stat::from(&file.metadata().map_err(failed)?);
    root.settle(&directory)?;
    let meta = object_meta(location.clone(), &stat);
    options.check_preconditions(&meta)?;
    let range = match &options.range {
        Some(range) => range.as_range(meta.size).map_err(|source| Error::Generic {
            store: "Folder",
            source: source.to_string().into(),
        })?,
        None => 0..meta.size,
    };
    let attributes = match attributes::read(&file).map_err(failed)? {
        Some(stored) => attributes::decode(&stored)
            .map_err(|e| root.failed_in("understand the metadata of", (&directory, name), e))?,
        None => recognise(&mut file).map_err(failed)?,
    };
    let payload = if options.head || range.end - range.start > READ_AT_ONCE_MAX {
        GetResultPayload::File(file, directory.path().join(name))
    } else {
        let bytes = read_range(&mut file, &range).map_err(failed)?;
        GetResultPayload::Stream(stream::once(async { Ok(bytes) }).boxed())
    };
    Ok(GetResult {
        payload,
        meta,
        range,
        attributes,
        extensions: object_store::Extensions::default(),
    })
}

fn read_range(file: &mut std::fs::File, range: &Range<u64>) -> io::Result<Bytes> {
    let length = range.end - range.start;
    let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
    file.seek(SeekFrom::Start(range.start))?;
    file.take(length).read_to_end(&mut bytes)?;
    if bytes.len() as u64 == length {
        Ok(bytes.into())
    } else {
        Err(io::ErrorKind::UnexpectedEof.into())
    }
}

/// The attributes that the bytes themselves tell, so that a browser served from a folder can read them.
fn recognise(file: &mut std::fs::File) -> io::Result<Attributes> {
    let mut magic = Vec::with_capacity(GZIP_MAGIC.len());
    file.take(GZIP_MAGIC.len() as u64).read_to_end(&mut magic)?;
    file.rewind()?;
    let mut attributes = Attributes::new();
    if magic.first() == Some(&b'{') {
        attributes.insert(Attribute::ContentType, "application/json".into());
    }
    if magic == GZIP_MAGIC {
        attributes.insert(Attribute::ContentEncoding, "gzip".into());
    }
    Ok(attributes)
}

fn not_implemented(operation: &str) -> Error {
    Error::NotImplemented {
        operation: operation.to_owned(),
        implementer: "Folder".to_owned(),
    }
}

#[async_trait]
impl ObjectStore for Folder {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        options: PutOptions,
    ) -> Result<PutResult> {
        let location = location.clone();
        let attributes = attributes::encode(&options.attributes)?;
        let put =
            move |root: &Root| root.put(&location, &payload, attributes.as_deref(), &options.mode);
        let e_tag = self.blocking(put).await?;
        Ok(PutResult {
            e_tag: Some(e_tag),
            version: None,
            extensions: object_store::Extensions::default(),
        })
    }

    async fn put_multipart_opts(
        &self,
        _location: &Path,
        _options: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        Err(not_implemented("put_multipart_opts"))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let location = location.clone();
        self.blocking(move |root| read(root, &location, &options))
            .await
    }

    fn delete_stream(
        &self,
        locations: BoxStream<'static, Result<Path>>,
    ) -> BoxStream<'static, Result<Path>> {
        let folder = self.clone();
        locations
            .ready_chunks(BATCH)
            .then(move |chunk| {
                let folder = folder.clone();
                async move {
                    match folder.blocking(move |root| Ok(root.delete(chunk))).await {
                        Ok(results) => results,
                        Err(error) => vec![Err(error)],
                    }
                }
            })
            .flat_map(stream::iter)
            .boxed()
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.walk(prefix, None)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.walk(prefix, Some(offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let root = Arc::clone(&self.root);
        let prefix = prefix.cloned();
        let list = move |_: &Root| {
            let (objects, common_prefixes) = walk::one_level(&root, prefix.as_ref())?;
            Ok(ListResult {
                common_prefixes,
                objects,
                extensions: object_store::Extensions::default(),
            })
        };
        self.blocking(list).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let (from, to) = (from.clone(), to.clone());
        let mode = match options.mode {
            CopyMode::Overwrite => PutMode::Overwrite,
            CopyMode::Create => PutMode::Create,
        };
        // A copy is a new file, not a second name of the old one: otherwise both would share a tag.
        let copy = move |root: &Root| {
            let (above, name) = split(&from)?;
            let directory = root.open(above)?;
            let read = || {
                let mut file = directory.open_file(name)?;
                let mut bytes = Vec::new();
                file.read_to_end(&mut bytes)?;
                Ok((bytes, attributes::read(&file)?))
            };
            let read = read().map_err(|e| root.failed_in("read", (&directory, name), e));
            let (bytes, attributes) = read?;
            root.put(&to, &bytes.into(), attributes.as_deref(), &mode)
                .map(drop)
        };
        self.blocking(copy).await
    }
}
