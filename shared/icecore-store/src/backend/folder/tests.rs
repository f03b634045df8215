use super::*;
use futures::TryStreamExt;
use object_store::{ObjectStoreExt, UpdateVersion};
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
