//! The endpoint serves AWS's own SDK, over a socket.

use crate::support::{ACCESS, SECRET, now, send_to, serve};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_s3::error::ProvideErrorMetadata;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{ChecksumAlgorithm, Delete, MetadataDirective, ObjectIdentifier};
use bytes::Bytes;
use http::Request;
use http_body_util::Full;
use icecore_s3::Endpoint;
use icecore_store::backend::Folder;
use std::sync::Arc;
use std::time::Duration;

pub(crate) const BUCKET: &str = "from-the-sdk";

pub(crate) struct Server {
    pub(crate) client: Client,
    address: String,
    _directory: tempfile::TempDir,
}

/// A server over a folder, with an empty bucket.
pub(crate) async fn server() -> Server {
    let directory = tempfile::tempdir().unwrap();
    let endpoint = Endpoint::builder(Arc::new(Folder::new(directory.path())))
        .allow_create(true)
        .key(ACCESS, SECRET)
        .build();
    let address = serve(endpoint).await;
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .endpoint_url(format!("http://{address}"))
        .force_path_style(true)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new(ACCESS, SECRET, None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .build();
    let client = Client::from_conf(config);
    client.create_bucket().bucket(BUCKET).send().await.unwrap();
    Server {
        client,
        address,
        _directory: directory,
    }
}

impl Server {
    pub(crate) async fn put(&self, key: &str, body: &'static str) {
        let body = ByteStream::from_static(body.as_bytes());
        let put = self.client.put_object().bucket(BUCKET).key(key).body(body);
        put.send().await.unwrap();
    }

    pub(crate) async fn read(&self, key: &str) -> Bytes {
        let got = self.client.get_object().bucket(BUCKET).key(key).send();
        got.await
            .unwrap()
            .body
            .collect()
            .await
            .unwrap()
            .into_bytes()
    }

    /// Uses a presigned request, as a browser would.
    async fn redeem(&self, presigned: &PresignedRequest, body: &'static str) -> (u16, Bytes) {
        let path = presigned.uri().split_once(&self.address).unwrap().1;
        let mut request = Request::builder().method(presigned.method()).uri(path);
        request = request.header("host", &self.address);
        for (name, value) in presigned.headers() {
            request = request.header(name, value);
        }
        let request = request.body(Full::from(body)).unwrap();
        let answer = send_to(&self.address, request).await;
        (answer.status.as_u16(), answer.body)
    }
}

#[tokio::test]
async fn it_writes_once_and_reads() {
    let server = server().await;
    let put = || {
        server
            .client
            .put_object()
            .bucket(BUCKET)
            .key("a/b c")
            .if_none_match("*")
            .content_type("application/json")
            .metadata("author", "0190")
            .body(ByteStream::from_static(b"0123456789"))
    };
    let first = put().send().await.unwrap();
    let taken = put().send().await.unwrap_err();
    assert_eq!(taken.code(), Some("PreconditionFailed"), "{taken:?}");
    let head = server.client.head_object().bucket(BUCKET).key("a/b c");
    let head = head.send().await.unwrap();
    assert_eq!(head.e_tag(), first.e_tag());
    assert_eq!(head.content_length(), Some(10));
    assert_eq!(head.content_type(), Some("application/json"));
    assert_eq!(head.metadata().unwrap()["author"], "0190");
    let got = server.client.get_object().bucket(BUCKET).key("a/b c");
    let got = got.range("bytes=2-4").send().await.unwrap();
    assert_eq!(got.content_range(), Some("bytes 2-4/10"));
    assert_eq!(got.body.collect().await.unwrap().into_bytes(), "234");
    let missing = server.client.get_object().bucket(BUCKET).key("none");
    let missing = missing.send().await.unwrap_err().into_service_error();
    assert!(missing.is_no_such_key(), "{missing:?}");
    let buckets = server.client.list_buckets().send().await.unwrap();
    assert_eq!(buckets.buckets()[0].name(), Some(BUCKET));
    server
        .client
        .head_bucket()
        .bucket(BUCKET)
        .send()
        .await
        .unwrap();
    let location = server.client.get_bucket_location().bucket(BUCKET);
    location.send().await.unwrap();
}

/// The SDK adds a checksum of its own to every write; here each kind is asked for, and streams are sent in chunks.
#[tokio::test]
async fn it_sends_checksums() {
    let server = server().await;
    for algorithm in [
        ChecksumAlgorithm::Crc32,
        ChecksumAlgorithm::Crc32C,
        ChecksumAlgorithm::Crc64Nvme,
        ChecksumAlgorithm::Sha1,
        ChecksumAlgorithm::Sha256,
    ] {
        let key = algorithm.as_str().to_owned();
        let frames = Full::new(Bytes::from(vec![b'x'; 300_000]));
        let put = server.client.put_object().bucket(BUCKET).key(&key);
        let put = put
            .checksum_algorithm(algorithm)
            .body(ByteStream::from_body_1_x(frames));
        put.send().await.unwrap();
        assert_eq!(server.read(&key).await.len(), 300_000, "{key}");
    }
}

#[tokio::test]
async fn it_lists_in_pages() {
    let server = server().await;
    for n in 0..25 {
        server.put(&format!("p/{n:02}"), "x").await;
    }
    for key in ["a", "q/1", "q/2"] {
        server.put(key, "x").await;
    }
    let list = server.client.list_objects_v2().bucket(BUCKET).prefix("p/");
    let mut pages = list.max_keys(10).into_paginator().send();
    let (mut keys, mut sizes) = (Vec::new(), Vec::new());
    while let Some(page) = pages.next().await {
        let page = page.unwrap();
        sizes.push(page.contents().len());
        let found = page.contents().iter();
        keys.extend(found.map(|object| object.key().unwrap().to_owned()));
    }
    assert_eq!(sizes, [10, 10, 5]);
    let expected: Vec<_> = (0..25).map(|n| format!("p/{n:02}")).collect();
    assert_eq!(keys, expected);
    let list = server.client.list_objects_v2().bucket(BUCKET);
    let level = list.delimiter("/").start_after("a").send().await.unwrap();
    let groups = level.common_prefixes().iter();
    let groups: Vec<_> = groups.filter_map(|group| group.prefix()).collect();
    assert_eq!((groups, level.key_count()), (vec!["p/", "q/"], Some(2)));
}

#[tokio::test]
async fn it_copies_and_deletes() {
    let server = server().await;
    server.put("a", "body").await;
    let copy = server.client.copy_object().bucket(BUCKET).key("b");
    let copy = copy
        .copy_source(format!("{BUCKET}/a"))
        .metadata_directive(MetadataDirective::Replace)
        .metadata("author", "0190");
    copy.send().await.unwrap();
    assert_eq!(server.read("b").await, "body");
    let head = server.client.head_object().bucket(BUCKET).key("b");
    let head = head.send().await.unwrap();
    assert_eq!(head.metadata().unwrap()["author"], "0190");
    let objects = ["a", "b", "none"].map(|key| ObjectIdentifier::builder().key(key).build());
    let objects = objects.into_iter().map(Result::unwrap).collect();
    let delete = Delete::builder()
        .set_objects(Some(objects))
        .build()
        .unwrap();
    let deleted = server.client.delete_objects().bucket(BUCKET).delete(delete);
    let deleted = deleted.send().await.unwrap();
    assert_eq!((deleted.deleted().len(), deleted.errors().len()), (3, 0));
    let list = server.client.list_objects_v2().bucket(BUCKET);
    assert_eq!(list.send().await.unwrap().key_count(), Some(0));
    let delete = server.client.delete_object().bucket(BUCKET).key("a");
    delete.send().await.unwrap();
}

#[tokio::test]
async fn it_presigns() {
    let server = server().await;
    let minute = || {
        let config = PresigningConfig::builder().expires_in(Duration::from_mins(1));
        config.start_time(now()).build().unwrap()
    };
    let put = server.client.put_object().bucket(BUCKET).key("a");
    let put = put
        .if_none_match("*")
        .content_length(4)
        .metadata("author", "0190");
    let put = put.presigned(minute()).await.unwrap();
    let (status, body) = server.redeem(&put, "body").await;
    assert_eq!(status, 200, "{body:?} {put:?}");
    assert_eq!(server.redeem(&put, "body").await.0, 412);
    let get = server.client.get_object().bucket(BUCKET).key("a");
    let get = get.presigned(minute()).await.unwrap();
    let (status, body) = server.redeem(&get, "").await;
    assert_eq!((status, body), (200, Bytes::from("body")));
}
