//! The contract, one function per clause.

mod listing;

use bytes::Bytes;
use futures::future::join_all;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use icecore_store::backend::{Backend, BackendKind, is_already_exists};
use object_store::path::Path;
use object_store::{
    Attribute, Attributes, Error, GetOptions, GetRange, ObjectMeta, ObjectStore, ObjectStoreExt,
    PutMode, PutOptions, PutResult, Result, UpdateVersion,
};
use std::sync::Arc;

/// A back end and what it can do beyond the contract.
pub(crate) struct Subject {
    pub(crate) store: Arc<dyn ObjectStore>,
    pub(crate) prefix: Path,
    /// Whether it holds both `a` and `a/b`.
    pub(crate) nests: bool,
    /// Whether it has the habits of Azure's, which icecore allows for.
    pub(crate) is_azure: bool,
}

impl Subject {
    /// A back end as a URL opens it.
    pub(crate) fn of(backend: &Backend, nests: bool) -> Self {
        Self {
            store: Arc::clone(&backend.store),
            prefix: backend.prefix.clone(),
            nests,
            is_azure: backend.kind == BackendKind::Azure,
        }
    }

    fn path(&self, key: &str) -> Path {
        if self.prefix.as_ref().is_empty() {
            return Path::from(key);
        }
        Path::from(format!("{}/{key}", self.prefix))
    }

    async fn put(&self, key: &str, body: &str, mode: PutMode) -> Result<PutResult> {
        self.store
            .put_opts(&self.path(key), body.to_owned().into(), mode.into())
            .await
    }

    async fn read(&self, key: &str) -> Bytes {
        self.store
            .get(&self.path(key))
            .await
            .unwrap()
            .bytes()
            .await
            .unwrap()
    }

    /// Writes at once, each from a task of its own, and returns the bodies of those that were acknowledged. No two
    /// writes of a test have the same body: on S3 the tag is a hash of the body, and one that comes back would let
    /// a writer of the old version in again.
    async fn race(&self, key: &str, mode: &PutMode, round: usize) -> Vec<String> {
        let writers = (0..20_usize).map(|n| {
            let (store, path, mode) = (Arc::clone(&self.store), self.path(key), mode.clone());
            let body = format!("round {round}, writer {n}");
            tokio::spawn(async move {
                let put = store.put_opts(&path, body.clone().into(), mode.into());
                let result = put.await;
                (body, result)
            })
        });
        let mut winners = Vec::new();
        for outcome in join_all(writers).await {
            match outcome.unwrap() {
                (body, Ok(_)) => winners.push(body),
                (_, Err(error)) => assert!(is_already_exists(&error), "{error:?}"),
            }
        }
        winners
    }
}

async fn keys(listing: BoxStream<'static, Result<ObjectMeta>>) -> Vec<Path> {
    listing
        .map_ok(|meta| meta.location)
        .try_collect()
        .await
        .unwrap()
}

fn update(version: PutResult) -> PutMode {
    PutMode::Update(UpdateVersion {
        e_tag: version.e_tag,
        version: version.version,
    })
}

/// Every clause, in turn.
pub(crate) async fn run(subject: &Subject) {
    bodies(subject).await;
    ranges(subject).await;
    put_if_absent(subject).await;
    racing_put_if_absent(subject).await;
    update_if_match(subject).await;
    racing_updates(subject).await;
    conditional_get(subject).await;
    overwriting(subject).await;
    listing::pages(subject).await;
    listing::levels(subject).await;
    deleting(subject).await;
    copying(subject).await;
    attributes(subject).await;
    nesting(subject).await;
}

async fn bodies(subject: &Subject) {
    for size in [0, 1, 8 << 20] {
        let path = subject.path(&format!("bodies/{size}"));
        let body: Vec<u8> = (0..size)
            .map(|n: usize| u8::try_from(n % 251).unwrap())
            .collect();
        subject.store.put(&path, body.clone().into()).await.unwrap();
        let got = subject.store.get(&path).await.unwrap();
        assert_eq!(got.meta.size, size as u64);
        assert!(got.bytes().await.unwrap() == body, "{size} bytes");
        assert_eq!(subject.store.head(&path).await.unwrap().size, size as u64);
    }
}

/// Azure has no word for the end of an object, which icecore never asks for.
async fn ranges(subject: &Subject) {
    subject
        .put("ranges/a", "0123456789", PutMode::Overwrite)
        .await
        .unwrap();
    let path = subject.path("ranges/a");
    let cases = [
        (GetRange::Bounded(2..5), "234"),
        (GetRange::Bounded(8..20), "89"),
        (GetRange::Offset(7), "789"),
        (GetRange::Suffix(2), "89"),
    ];
    let has_word = |range: &GetRange| !subject.is_azure || !matches!(range, GetRange::Suffix(_));
    for (range, expected) in cases.into_iter().filter(|(range, _)| has_word(range)) {
        let options = GetOptions {
            range: Some(range),
            ..GetOptions::default()
        };
        let got = subject.store.get_opts(&path, options).await.unwrap();
        assert_eq!(got.bytes().await.unwrap(), expected);
    }
    let beyond = GetOptions {
        range: Some(GetRange::Offset(10)),
        ..GetOptions::default()
    };
    subject.store.get_opts(&path, beyond).await.unwrap_err();
}

async fn put_if_absent(subject: &Subject) {
    subject
        .put("absent/a", "first", PutMode::Create)
        .await
        .unwrap();
    let error = subject
        .put("absent/a", "second", PutMode::Create)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::AlreadyExists { .. }), "{error:?}");
    assert!(is_already_exists(&error), "{error:?}");
    assert_eq!(subject.read("absent/a").await, "first");
}

async fn racing_put_if_absent(subject: &Subject) {
    for round in 0..10 {
        let key = format!("race/{round}");
        let winners = subject.race(&key, &PutMode::Create, round).await;
        assert_eq!(winners.len(), 1, "winners {winners:?}");
        assert_eq!(subject.read(&key).await, winners[0]);
    }
}

async fn update_if_match(subject: &Subject) {
    let first = subject.put("update/a", "1", PutMode::Create).await.unwrap();
    let stale = update(first.clone());
    let second = subject
        .put("update/a", "2", update(first.clone()))
        .await
        .unwrap();
    assert_ne!(first.e_tag, second.e_tag);
    assert_eq!(
        subject
            .store
            .head(&subject.path("update/a"))
            .await
            .unwrap()
            .e_tag,
        second.e_tag
    );
    for (key, mode) in [
        ("update/a", stale),
        ("update/missing", update(second.clone())),
    ] {
        let error = subject.put(key, "3", mode).await.unwrap_err();
        assert!(
            matches!(error, Error::Precondition { .. }),
            "{key}: {error:?}"
        );
        assert!(is_already_exists(&error), "{key}: {error:?}");
    }
    assert_eq!(subject.read("update/a").await, "2");
    let error = subject
        .store
        .get(&subject.path("update/missing"))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

async fn racing_updates(subject: &Subject) {
    let mut version = subject
        .put("update/race", "start", PutMode::Create)
        .await
        .unwrap();
    for round in 0..5 {
        let winners = subject.race("update/race", &update(version), round).await;
        assert_eq!(winners.len(), 1, "winners {winners:?}");
        assert_eq!(subject.read("update/race").await, winners[0]);
        let meta = subject
            .store
            .head(&subject.path("update/race"))
            .await
            .unwrap();
        version = PutResult {
            e_tag: meta.e_tag,
            version: meta.version,
            extensions: http::Extensions::new(),
        };
    }
}

async fn conditional_get(subject: &Subject) {
    let path = subject.path("head/a");
    let first = subject
        .put("head/a", "1", PutMode::Overwrite)
        .await
        .unwrap();
    let unless = |e_tag: Option<String>| GetOptions {
        if_none_match: e_tag,
        ..GetOptions::default()
    };
    let error = subject
        .store
        .get_opts(&path, unless(first.e_tag.clone()))
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotModified { .. }), "{error:?}");
    subject
        .put("head/a", "2", PutMode::Overwrite)
        .await
        .unwrap();
    let got = subject
        .store
        .get_opts(&path, unless(first.e_tag))
        .await
        .unwrap();
    assert_eq!(got.bytes().await.unwrap(), "2");
}

/// What was written is what is read and listed, at once; writes of equal bytes too have tags of their own or
/// share one, but a change always shows.
async fn overwriting(subject: &Subject) {
    let mut previous = None;
    for n in 0..20 {
        let put = subject
            .put("over/a", &n.to_string(), PutMode::Overwrite)
            .await
            .unwrap();
        assert_eq!(subject.read("over/a").await, n.to_string());
        assert_ne!(put.e_tag, previous, "the tag of write {n}");
        let listed = subject
            .store
            .list(Some(&subject.path("over")))
            .try_collect::<Vec<_>>()
            .await
            .unwrap();
        assert_eq!(listed.len(), 1);
        assert_eq!(listed[0].size, n.to_string().len() as u64);
        // Azure quotes tags in headers and not in listings.
        let plain =
            |tag: &Option<String>| tag.as_deref().map(|tag| tag.trim_matches('"').to_owned());
        assert_eq!(plain(&listed[0].e_tag), plain(&put.e_tag));
        previous = put.e_tag;
    }
}

async fn deleting(subject: &Subject) {
    let paths: Vec<_> = (0..30)
        .map(|n| subject.path(&format!("delete/{n:02}")))
        .collect();
    for path in &paths {
        subject.store.put(path, "x".into()).await.unwrap();
    }
    // Azure says that nothing was there, which is as good.
    for path in [&paths[0], &paths[0], &subject.path("delete/never")] {
        match subject.store.delete(path).await {
            Ok(()) => {}
            Err(Error::NotFound { .. }) if subject.is_azure => {}
            Err(error) => panic!("{error}"),
        }
    }
    let error = subject.store.get(&paths[0]).await.unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
    if subject.is_azure {
        subject.store.put(&paths[0], "x".into()).await.unwrap();
    }
    let all = stream::iter(paths.into_iter().map(Ok)).boxed();
    let deleted: Vec<_> = subject
        .store
        .delete_stream(all)
        .try_collect()
        .await
        .unwrap();
    assert_eq!(deleted.len(), 30);
    assert_eq!(
        keys(subject.store.list(Some(&subject.path("delete")))).await,
        []
    );
    subject
        .put("delete/00", "again", PutMode::Create)
        .await
        .unwrap();
}

async fn copying(subject: &Subject) {
    subject.put("copy/a", "x", PutMode::Create).await.unwrap();
    let (from, to) = (subject.path("copy/a"), subject.path("copy/elsewhere/b"));
    subject.store.copy(&from, &to).await.unwrap();
    assert_eq!(subject.read("copy/elsewhere/b").await, "x");
    assert_eq!(subject.read("copy/a").await, "x");
    let error = subject
        .store
        .copy(&subject.path("copy/never"), &to)
        .await
        .unwrap_err();
    assert!(matches!(error, Error::NotFound { .. }), "{error:?}");
}

/// Where there are metadata, all attributes come back with the object and with its copy; without metadata a back
/// end may drop them.
async fn attributes(subject: &Subject) {
    let attributes: Attributes = [
        (Attribute::ContentType, "application/json"),
        (Attribute::ContentEncoding, "gzip"),
        (Attribute::CacheControl, "max-age=31536000, immutable"),
        (Attribute::Metadata("author".into()), "0190"),
    ]
    .into_iter()
    .collect();
    let path = subject.path("attributes/a");
    let options = PutOptions {
        attributes: attributes.clone(),
        ..PutOptions::default()
    };
    let body: &[u8] = b"{}";
    subject
        .store
        .put_opts(&path, body.into(), options)
        .await
        .unwrap();
    let copy = subject.path("attributes/copy");
    subject.store.copy(&path, &copy).await.unwrap();
    for path in [path, copy] {
        let head = GetOptions {
            head: true,
            ..GetOptions::default()
        };
        let head = subject.store.get_opts(&path, head).await.unwrap();
        assert_eq!(head.attributes, attributes);
        let got = subject.store.get(&path).await.unwrap();
        assert_eq!(got.attributes, attributes);
        assert_eq!(got.bytes().await.unwrap(), body);
    }
}

async fn nesting(subject: &Subject) {
    subject
        .put("nest/a", "leaf", PutMode::Create)
        .await
        .unwrap();
    let below = subject.put("nest/a/b", "below", PutMode::Create).await;
    assert_eq!(below.is_ok(), subject.nests, "{below:?}");
    assert_eq!(subject.read("nest/a").await, "leaf");
    if subject.nests {
        assert_eq!(subject.read("nest/a/b").await, "below");
        let listed = keys(subject.store.list(Some(&subject.path("nest")))).await;
        assert_eq!(listed, [subject.path("nest/a"), subject.path("nest/a/b")]);
    }
}
