//! Listings of versions, by AWS's own SDK, as tools ask for them that clean up or copy whole buckets: each object once.

use crate::sdk::{BUCKET, server};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::types::{Delete, EncodingType, ObjectIdentifier};

const KEYS: [&str; 7] = ["a", "b/1", "b/2", "c d&<e", "d", "e/1", "\u{e9}"];

#[tokio::test]
async fn each_object_is_its_only_version() {
    let server = server().await;
    for key in KEYS {
        server.put(key, "first").await;
    }
    server.put("a", "other").await;
    let asked = server.client.get_bucket_versioning().bucket(BUCKET);
    assert_eq!(asked.send().await.unwrap().status(), None);
    let list = server.client.list_object_versions().bucket(BUCKET);
    let all = list.send().await.unwrap();
    let keys: Vec<_> = all.versions().iter().filter_map(|v| v.key()).collect();
    assert_eq!(keys, KEYS);
    assert_eq!(
        (all.delete_markers().len(), all.is_truncated()),
        (0, Some(false))
    );
    for version in all.versions() {
        let told = (version.version_id(), version.is_latest(), version.size());
        assert_eq!(told, (Some("null"), Some(true), Some(5)));
        let head = server.client.head_object().bucket(BUCKET);
        let head = head.key(version.key().unwrap()).version_id("null");
        assert_eq!(head.send().await.unwrap().e_tag(), version.e_tag());
    }
    // As tools empty a bucket.
    let all = all.versions().iter().map(|version| {
        let object = ObjectIdentifier::builder().key(version.key().unwrap());
        object
            .version_id(version.version_id().unwrap())
            .build()
            .unwrap()
    });
    let delete = Delete::builder().set_objects(Some(all.collect()));
    let deleted = server.client.delete_objects().bucket(BUCKET);
    let deleted = deleted
        .delete(delete.build().unwrap())
        .send()
        .await
        .unwrap();
    assert_eq!(
        (deleted.deleted().len(), deleted.errors().len()),
        (KEYS.len(), 0)
    );
    let list = server.client.list_object_versions().bucket(BUCKET);
    assert_eq!(list.send().await.unwrap().versions().len(), 0);
}

/// Whatever the pages are, together they have every object and every common prefix once, in order.
#[tokio::test]
async fn pages_of_versions_are_those_of_objects() {
    let server = server().await;
    for key in KEYS {
        server.put(key, "x").await;
    }
    for delimiter in [None, Some("/".to_owned())] {
        let list = server.client.list_objects_v2().bucket(BUCKET);
        let whole = list.set_delimiter(delimiter.clone()).send().await.unwrap();
        let objects = whole.contents().iter().filter_map(|o| o.key());
        let groups = whole.common_prefixes().iter().filter_map(|p| p.prefix());
        let expected: Vec<_> = objects.chain(groups).map(str::to_owned).collect();
        for size in 1..=8 {
            let (mut objects, mut groups) = (Vec::new(), Vec::new());
            let (mut key, mut version) = (None, None);
            loop {
                let list = server.client.list_object_versions().bucket(BUCKET);
                let list = list.set_delimiter(delimiter.clone()).max_keys(size);
                let list = list.set_key_marker(key).set_version_id_marker(version);
                let page = list.send().await.unwrap();
                let (found, prefixes) = (page.versions(), page.common_prefixes());
                assert!(found.len() + prefixes.len() <= usize::try_from(size).unwrap());
                objects.extend(found.iter().map(|v| v.key().unwrap().to_owned()));
                groups.extend(prefixes.iter().map(|p| p.prefix().unwrap().to_owned()));
                if page.is_truncated() != Some(true) {
                    break;
                }
                key = page.next_key_marker().map(str::to_owned);
                version = page.next_version_id_marker().map(str::to_owned);
                // A common prefix has no version.
                let is_object = found.last().is_some_and(|v| v.key() == key.as_deref());
                assert_eq!(version.as_deref(), is_object.then_some("null"));
            }
            assert_eq!([objects, groups].concat(), expected, "{size} {delimiter:?}");
        }
    }
}

#[tokio::test]
async fn what_is_asked_for_is_said_in_its_encoding() {
    let server = server().await;
    for key in KEYS {
        server.put(key, "x").await;
    }
    let list = || server.client.list_object_versions().bucket(BUCKET);
    let encoded = list().encoding_type(EncodingType::Url).prefix("c ");
    let encoded = encoded.send().await.unwrap();
    assert_eq!(encoded.versions()[0].key(), Some("c%20d%26%3Ce"));
    assert_eq!(encoded.prefix(), Some("c%20"));
    for wrong in [
        list().version_id_marker("null"),
        list().key_marker("a").version_id_marker("other"),
        list().max_keys(-1),
    ] {
        let error = wrong.send().await.unwrap_err();
        assert_eq!(error.code(), Some("InvalidArgument"), "{error:?}");
    }
    let missing = server.client.list_object_versions().bucket("missing");
    let error = missing.send().await.unwrap_err();
    assert_eq!(error.code(), Some("NoSuchBucket"));
}
