use super::*;
use futures::TryStreamExt;
use object_store::{ObjectStoreExt, UpdateVersion};
use std::collections::BTreeSet;
use std::fs;
use std::time::Duration;
use tempfile::TempDir;

fn folder() -> (TempDir, Folder) {
    let directory = tempfile::tempdir().unwrap();
    let folder = Folder::new(directory.path());
    (directory, folder)
}

async fn keys(listing: BoxStream<'static, Result<ObjectMeta>>) -> Vec<String> {
    listing
        .map_ok(|meta| meta.location.to_string())
        .try_collect()
        .await
        .unwrap()
}

fn update(version: &PutResult) -> PutOptions {
    PutMode::Update(UpdateVersion {
        e_tag: version.e_tag.clone(),
        version: None,
    })
    .into()
}

#[tokio::test]
async fn a_missing_folder_is_an_error_and_stays_missing() {
    let (directory, _) = folder();
    let path = directory.path().join("not/mounted");
    let folder = Folder::new(&path);
    let key = Path::from("a/b");
    let errors = [
        folder.put(&key, "x".into()).await.map(drop).unwrap_err(),
        folder.get(&key).await.map(drop).unwrap_err(),
        folder.delete(&key).await.unwrap_err(),
        folder
            .list(None)
            .try_collect::<Vec<_>>()
            .await
            .map(drop)
            .unwrap_err(),
        folder
            .list_with_delimiter(None)
            .await
            .map(drop)
            .unwrap_err(),
    ];
    for error in errors {
        let error = super::super::from_object_store(error, "write", "a/b");
        assert_eq!(error.kind(), icecore_core::ErrorKind::NotFound, "{error:?}");
        assert!(
            error.hint().unwrap().contains("create the folder"),
            "{error:?}"
        );
    }
    assert!(!path.exists());
    folder.create().await.unwrap();
    folder.put(&key, "x".into()).await.unwrap();
}

#[tokio::test]
async fn a_full_tree_lists_in_the_order_of_the_keys() {
    let (directory, folder) = folder();
    let mut sorted = vec!["a-b", "a/b", "a/c/d", "a/c-d", "a0", "b", "a.b/c"];
    for key in &sorted {
        folder.put(&Path::from(*key), "x".into()).await.unwrap();
    }
    fs::write(
        directory.path().join("a/.icecore-tmp-1-1"),
        "left by a crash",
    )
    .unwrap();
    fs::create_dir(directory.path().join("empty")).unwrap();
    sorted.sort_unstable();
    assert_eq!(keys(folder.list(None)).await, sorted);
    for (n, offset) in sorted.iter().enumerate() {
        let after = keys(folder.list_with_offset(None, &Path::from(*offset))).await;
        assert_eq!(after, sorted[n + 1..], "after {offset}");
    }
    assert_eq!(
        keys(folder.list(Some(&Path::from("a")))).await,
        ["a/b", "a/c-d", "a/c/d"]
    );
    assert_eq!(keys(folder.list(Some(&Path::from("none")))).await, [""; 0]);
    let level = folder.list_with_delimiter(None).await.unwrap();
    // As on S3, where they end with a slash.
    assert_eq!(level.common_prefixes, [Path::from("a.b"), Path::from("a")]);
    assert_eq!(level.objects.len(), 3);
}

#[tokio::test]
async fn what_is_not_asked_for_is_not_looked_at() {
    let (directory, folder) = folder();
    let key = |n: usize| Path::from(format!("updates/{n:06}"));
    folder.put(&key(0), "x".into()).await.unwrap();
    for n in 1..3000 {
        fs::hard_link(
            directory.path().join("updates/000000"),
            directory.path().join(key(n).as_ref()),
        )
        .unwrap();
    }
    let mut walk = Walk::new(
        Arc::clone(&folder.root),
        Some(&Path::from("updates")),
        Some(key(2989)),
    )
    .unwrap();
    // A file that is stat'ed after its name was read would be missing by then.
    fs::remove_file(directory.path().join("updates/002995")).unwrap();
    let mut found = Vec::new();
    while let Some(meta) = walk.next().unwrap() {
        found.push(meta.location.to_string());
    }
    let expected: Vec<_> = (2990..3000)
        .filter(|n| *n != 2995)
        .map(|n| key(n).to_string())
        .collect();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn the_tag_changes_with_every_put() {
    let (_directory, folder) = folder();
    let key = Path::from("heads/a");
    let mut tags = BTreeSet::new();
    for _ in 0..200 {
        let put = folder.put(&key, "same".into()).await.unwrap();
        let meta = folder.head(&key).await.unwrap();
        assert_eq!(meta.e_tag, put.e_tag);
        assert!(tags.insert(put.e_tag), "a tag came twice");
    }
    let stale = tags.first().unwrap().clone();
    let stale = PutResult {
        e_tag: stale,
        version: None,
        extensions: object_store::Extensions::default(),
    };
    let error = folder
        .put_opts(&key, "new".into(), update(&stale))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::Precondition { .. }), "{error:?}");
}

/// A writer that was killed left a temporary file and a lock file, and its process id is used again.
#[tokio::test]
async fn leftovers_of_a_crash_do_no_harm() {
    let (directory, folder) = folder();
    fs::create_dir(directory.path().join("a")).unwrap();
    for n in 0..50_000_u32 {
        if n % 5000 == 0 {
            let name = format!("a/.icecore-tmp-{:x}-{n:x}", std::process::id());
            fs::write(directory.path().join(name), "half of a bo").unwrap();
        }
    }
    fs::write(directory.path().join(".icecore-lock"), "").unwrap();
    for n in 0..20 {
        folder
            .put(&Path::from(format!("a/{n:02}")), "whole".into())
            .await
            .unwrap();
    }
    assert_eq!(keys(folder.list(None)).await.len(), 20);
    let removed = folder
        .remove_leftovers(SystemTime::UNIX_EPOCH)
        .await
        .unwrap();
    assert_eq!(removed, 0);
    let path = directory.path().join("a/00");
    let soon = fs::metadata(path).unwrap().modified().unwrap() + Duration::from_mins(1);
    assert_eq!(folder.remove_leftovers(soon).await.unwrap(), 10);
    assert_eq!(keys(folder.list(None)).await.len(), 20);
}

#[tokio::test]
async fn a_directory_that_went_away_is_made_again() {
    let (directory, folder) = folder();
    let key = Path::from("spaces/a/0001/updates/1");
    folder.put(&key, "x".into()).await.unwrap();
    fs::remove_dir_all(directory.path().join("spaces")).unwrap();
    folder.put(&key, "y".into()).await.unwrap();
    assert_eq!(folder.get(&key).await.unwrap().bytes().await.unwrap(), "y");
}

#[tokio::test]
async fn names_of_the_folder_are_no_keys() {
    let (_directory, folder) = folder();
    for key in [".icecore-lock", "a/.icecore-tmp-1", ".icecore-x/b", ""] {
        let error = folder.put(&Path::from(key), "x".into()).await.unwrap_err();
        assert!(
            matches!(error, Error::NotSupported { .. }),
            "{key}: {error:?}"
        );
    }
}

#[tokio::test]
async fn a_gzip_body_is_recognised_and_times_are_fine() {
    let (_directory, folder) = folder();
    let key = Path::from("snapshot");
    let body: &[u8] = &[0x1f, 0x8b, 8, 0, 1, 2, 3];
    folder.put(&key, body.into()).await.unwrap();
    let read = folder.get(&key).await.unwrap();
    let encoding = read
        .attributes
        .get(&Attribute::ContentEncoding)
        .map(AsRef::as_ref);
    assert_eq!(encoding, Some("gzip"));
    assert!(read.meta.last_modified.timestamp_millis() > 1_600_000_000_000);
    assert_eq!(read.bytes().await.unwrap(), body);
}

/// Folder stores on sticks and network drives have no hard links; there is no such disk here, but a
/// directory cannot be linked over either, and must not be replaced.
#[tokio::test]
async fn an_object_and_a_directory_exclude_each_other() {
    let (_directory, folder) = folder();
    folder.put(&Path::from("a/b"), "x".into()).await.unwrap();
    folder.put(&Path::from("a"), "x".into()).await.unwrap_err();
    folder
        .put(&Path::from("a/b/c"), "x".into())
        .await
        .unwrap_err();
    let error = folder.get(&Path::from("a")).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

fn with(values: &[(Attribute, &'static str)]) -> PutOptions {
    let attributes = values.iter().cloned().collect();
    PutOptions {
        attributes,
        ..PutOptions::default()
    }
}

#[tokio::test]
async fn metadata_come_with_all_attributes() {
    let (_directory, folder) = folder();
    let key = Path::from("a");
    let options = with(&[
        (Attribute::ContentType, "application/json"),
        (Attribute::CacheControl, "no-store"),
        (Attribute::ContentDisposition, "inline"),
        (Attribute::ContentLanguage, "de"),
        (Attribute::Metadata("author".into()), "0190"),
        (Attribute::Metadata("note".into()), "\"quoted\" \u{e9}"),
    ]);
    let expected = options.attributes.clone();
    // What is said of the body counts, not what it looks like.
    let body: &[u8] = &[0x1f, 0x8b, 8];
    folder.put_opts(&key, body.into(), options).await.unwrap();
    assert_eq!(folder.get(&key).await.unwrap().attributes, expected);
    let copy = Path::from("b/copy");
    folder.copy(&key, &copy).await.unwrap();
    assert_eq!(folder.get(&copy).await.unwrap().attributes, expected);
    folder.put(&key, body.into()).await.unwrap();
    let replaced = folder.get(&key).await.unwrap().attributes;
    assert_eq!(replaced.len(), 1, "{replaced:?}");
}

/// The writes of the protocol have attributes, but no metadata: their files stay plain, and cost nothing more.
#[tokio::test]
async fn without_metadata_nothing_is_attached() {
    let (directory, folder) = folder();
    let key = Path::from("a");
    let options = with(&[
        (Attribute::ContentType, "application/json"),
        (Attribute::CacheControl, "max-age=31536000, immutable"),
    ]);
    folder.put_opts(&key, "{}".into(), options).await.unwrap();
    let read = folder.get(&key).await.unwrap().attributes;
    let json = [(Attribute::ContentType, "application/json")];
    assert_eq!(read, with(&json).attributes);
    let file = fs::File::open(directory.path().join("a")).unwrap();
    assert_eq!(attributes::read(&file).unwrap(), None);
}

#[tokio::test]
async fn what_others_say_of_their_objects_is_kept_without_metadata_too() {
    let (_directory, folder) = folder();
    let key = Path::from("a");
    let options = with(&[
        (Attribute::ContentType, "text/html"),
        (Attribute::CacheControl, "no-store"),
    ]);
    let expected = options.attributes.clone();
    folder.put_opts(&key, "x".into(), options).await.unwrap();
    assert_eq!(folder.get(&key).await.unwrap().attributes, expected);
}

/// Readers of the protocol check digests of their own, and the file of an update need not carry another.
#[tokio::test]
async fn the_checksum_of_an_update_is_not_attached() {
    let (directory, folder) = folder();
    let checksum = (Attribute::Metadata("icecore-checksum".into()), "SHA256 x");
    let json = (Attribute::ContentType, "application/json");
    let author = (Attribute::Metadata("author".into()), "0190");
    let key = Path::from("a");
    let attached = async |values: &[(Attribute, &'static str)]| {
        let put = folder.put_opts(&key, "{}".into(), with(values)).await;
        put.unwrap();
        let file = fs::File::open(directory.path().join("a")).unwrap();
        let bytes = attributes::read(&file).unwrap();
        bytes.map(|bytes| String::from_utf8(bytes).unwrap())
    };
    assert_eq!(attached(&[json.clone(), checksum.clone()]).await, None);
    let update = attached(&[json.clone(), author, checksum.clone()]).await;
    assert!(!update.unwrap().contains("SHA256"));
    assert!(
        attached(std::slice::from_ref(&checksum))
            .await
            .unwrap()
            .contains("SHA256")
    );
    // What the endpoint keeps is no reason to refuse an object where there can be no attributes.
    let expires = (Attribute::Metadata("icecore-expires".into()), "never");
    let own = attributes::encode(&with(&[checksum, expires]).attributes).unwrap();
    assert!(!attributes::has_metadata(&own.unwrap()));
}

#[tokio::test]
async fn metadata_that_cannot_be_kept_are_refused() {
    let (directory, folder) = folder();
    let long = "x".repeat(4000);
    let options = PutOptions {
        attributes: [(Attribute::Metadata("note".into()), long)]
            .into_iter()
            .collect(),
        ..PutOptions::default()
    };
    let key = Path::from("a");
    let put = folder.put_opts(&key, "x".into(), options).await;
    let error = put.unwrap_err();
    assert!(matches!(error, Error::NotSupported { .. }), "{error:?}");
    assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 0);
}

/// A file that came into the folder by hand, with an attribute that is not ours.
#[cfg(target_os = "linux")]
#[tokio::test]
async fn an_attribute_that_is_not_ours_is_an_error() {
    let (directory, folder) = folder();
    let path = directory.path().join("a");
    fs::write(&path, "x").unwrap();
    xattr::set(&path, "user.icecore", b"{\"metadata\":1}").unwrap();
    let error = folder.get(&Path::from("a")).await.unwrap_err();
    assert!(error.to_string().contains("metadata"), "{error}");
}

/// `/proc` is a file system without extended attributes of users.
#[cfg(target_os = "linux")]
#[test]
fn a_file_system_without_attributes_is_told_apart() {
    let file = fs::File::open("/proc/self/status").unwrap();
    assert_eq!(attributes::read(&file).unwrap(), None);
    let error = attributes::write(&file, b"{}").unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::Unsupported, "{error}");
}

/// Whoever may write to one place of the folder must not have other files read, written or deleted by those who serve it.
#[cfg(unix)]
#[tokio::test]
async fn symbolic_links_are_not_followed() {
    use std::os::unix::fs::symlink;
    let (directory, folder) = folder();
    let outside = tempfile::tempdir().unwrap();
    let secret = outside.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    folder.put(&Path::from("a/1"), "x".into()).await.unwrap();
    symlink(&secret, directory.path().join("a/2")).unwrap();
    symlink(outside.path(), directory.path().join("b")).unwrap();

    assert_eq!(keys(folder.list(None)).await, ["a/1"]);
    let listed = folder.list_with_delimiter(None).await.unwrap();
    assert_eq!(listed.common_prefixes, [Path::from("a")]);
    let (link, below) = (Path::from("a/2"), Path::from("b/secret"));
    for path in [&link, &below] {
        folder.get(path).await.unwrap_err();
        folder.head(path).await.unwrap_err();
        folder.copy(path, &Path::from("a/3")).await.unwrap_err();
    }
    folder.put(&below, "y".into()).await.unwrap_err();
    folder.delete(&below).await.unwrap_err();
    let taken = folder
        .put_opts(&link, "y".into(), PutMode::Create.into())
        .await
        .unwrap_err();
    assert!(matches!(taken, Error::AlreadyExists { .. }), "{taken:?}");
    // The link itself can be replaced and deleted; what it leads to stays as it is.
    folder.put(&link, "y".into()).await.unwrap();
    assert_eq!(folder.get(&link).await.unwrap().bytes().await.unwrap(), "y");
    symlink(&secret, directory.path().join("a/4")).unwrap();
    folder.delete(&Path::from("a/4")).await.unwrap();
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 1);
}

/// A link that somebody puts in the place of a directory, or of an object, just after it was looked at: what is opened is
/// what was looked at, or nothing. Each of these failed within a few hundred tries when paths were checked and then opened.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_link_that_is_swapped_in_is_not_followed() {
    let (directory, folder) = folder();
    let outside = tempfile::tempdir().unwrap();
    for name in ["1", "2", ".icecore-tmp-1"] {
        fs::write(outside.path().join(name), "secret").unwrap();
    }
    for key in ["a/1", "b/1"] {
        folder.put(&Path::from(key), "mine".into()).await.unwrap();
    }
    let swapping = Swapping::start(&directory, outside.path());
    let soon = outside.path().metadata().unwrap().modified().unwrap() + Duration::from_mins(1);
    for n in 0..600 {
        for key in ["a/1", "b/1", "a/2"] {
            let Ok(got) = folder.get(&Path::from(key)).await else {
                continue;
            };
            let bytes = got.bytes().await.unwrap();
            assert_eq!(bytes, "mine", "{key}, try {n}");
        }
        if let Ok(meta) = folder.head(&Path::from("a/1")).await {
            assert_eq!(meta.size, 4, "try {n}");
        }
        // A listing that meets the link fails, or leaves it out.
        let listed: Vec<_> = folder.list(Some(&Path::from("a"))).collect().await;
        for meta in listed.into_iter().flatten() {
            let own = meta.size == 4 && meta.location != Path::from("a/2");
            assert!(own, "try {n}: {meta:?}");
        }
        drop(folder.delete(&Path::from("a/2")).await);
        drop(folder.remove_leftovers(soon).await);
        if n % 10 == 0 {
            let new = Path::from(format!("a/new-{n}"));
            drop(
                folder
                    .put_opts(&new, "mine".into(), PutMode::Create.into())
                    .await,
            );
            let copied = folder.copy(&Path::from("b/1"), &Path::from("c")).await;
            if copied.is_ok() {
                let copy = fs::read_to_string(directory.path().join("c")).unwrap();
                assert_eq!(copy, "mine", "try {n}");
            }
        }
    }
    assert!(swapping.stop() > 100, "nothing was swapped");
    let mut left: Vec<_> = fs::read_dir(outside.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort_unstable();
    assert_eq!(left, [".icecore-tmp-1", "1", "2"]);
}

/// Somebody who may write in the folder, and puts links in the place of the directory `a` and of the object `b/1` and back.
#[cfg(target_os = "linux")]
struct Swapping {
    ends: Arc<std::sync::atomic::AtomicBool>,
    thread: std::thread::JoinHandle<u32>,
}

#[cfg(target_os = "linux")]
impl Swapping {
    fn start(directory: &TempDir, outside: &FilePath) -> Self {
        use std::os::unix::fs::symlink;
        use std::sync::atomic::Ordering;
        let root = directory.path().to_owned();
        symlink(outside, root.join(".icecore-link")).unwrap();
        symlink(outside.join("1"), root.join("b/.icecore-link")).unwrap();
        let ends = Arc::new(std::sync::atomic::AtomicBool::new(false));
        let until = Arc::clone(&ends);
        let thread = std::thread::spawn(move || {
            let mut swapped = 0;
            while !until.load(Ordering::Relaxed) {
                exchange(&root.join("a"), &root.join(".icecore-link"));
                exchange(&root.join("b/1"), &root.join("b/.icecore-link"));
                swapped += 1;
            }
            swapped
        });
        Self { ends, thread }
    }

    /// How often everything was swapped.
    fn stop(self) -> u32 {
        self.ends.store(true, std::sync::atomic::Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

#[cfg(target_os = "linux")]
fn exchange(one: &FilePath, other: &FilePath) {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).unwrap();
}

/// The lock is a file of the folder's own, and as such below the root.
#[cfg(unix)]
#[tokio::test]
async fn a_link_in_the_place_of_the_lock_is_not_followed() {
    let (directory, folder) = folder();
    let outside = tempfile::tempdir().unwrap();
    let made = outside.path().join("made");
    std::os::unix::fs::symlink(&made, directory.path().join(".icecore-lock")).unwrap();
    folder.put(&Path::from("a"), "x".into()).await.unwrap_err();
    assert!(!made.exists());
}

/// The root itself may be reached by a link: whoever runs the program named it.
#[cfg(unix)]
#[tokio::test]
async fn the_folder_itself_may_be_a_link() {
    let (directory, folder) = folder();
    folder.put(&Path::from("a/1"), "x".into()).await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let link = other.path().join("link");
    std::os::unix::fs::symlink(directory.path(), &link).unwrap();
    assert_eq!(keys(Folder::new(link).list(None)).await, ["a/1"]);
}
