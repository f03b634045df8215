//! Nothing is written before all that is said of the body is found to be true.

use crate::support::{ACCESS, Answer, BUCKET, Draft, SECRET, in_memory, send, set, sha256};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures::stream;
use http::Request;
use http_body_util::{Full, StreamBody};
use icecore_s3::Endpoint;
use object_store::memory::InMemory;
use s3s::crypto::{Checksum, Crc32, Crc32c, Crc64Nvme, Md5, Sha1};
use std::sync::Arc;

const BODY: &[u8] = b"{\"v\":1}";

async fn is_written(endpoint: &Endpoint) -> bool {
    send(endpoint, Draft::get("a").signed()).await.status == 200
}

fn sums(body: &[u8]) -> Vec<(&'static str, String)> {
    vec![
        (
            "x-amz-checksum-crc32",
            STANDARD.encode(Crc32::checksum(body)),
        ),
        (
            "x-amz-checksum-crc32c",
            STANDARD.encode(Crc32c::checksum(body)),
        ),
        (
            "x-amz-checksum-crc64nvme",
            STANDARD.encode(Crc64Nvme::checksum(body)),
        ),
        ("x-amz-checksum-sha1", STANDARD.encode(Sha1::checksum(body))),
        ("x-amz-checksum-sha256", sha256(body)),
        ("content-md5", STANDARD.encode(Md5::checksum(body))),
    ]
}

#[tokio::test]
async fn checksums_are_compared() {
    for ((name, right), (_, wrong)) in sums(BODY).into_iter().zip(sums(b"other")) {
        let endpoint = in_memory();
        let put = |sum: &str| Draft::put("a", BODY).with(name, sum).signed();
        for wrong in [wrong.as_str(), "AAAA", "?", ""] {
            let answer = send(&endpoint, put(wrong)).await;
            assert_eq!(answer.status, 400, "{name}: {wrong}");
            assert!(!is_written(&endpoint).await, "{name}: {wrong}");
        }
        let answer = send(&endpoint, put(&right)).await;
        assert_eq!(answer.status, 200, "{name}: {}", answer.text());
        if name != "content-md5" {
            assert_eq!(answer.header(name), right);
        }
    }
    // Every length of the padding.
    for body in ["", "a", "ab", "abc"] {
        for (name, sum) in sums(body.as_bytes()) {
            let put = Draft::put("a", body).with(name, &sum).signed();
            let answer = send(&in_memory(), put).await;
            assert_eq!(answer.status, 200, "{name} {body}");
        }
    }
}

#[tokio::test]
async fn one_kind_of_checksum_is_sent() {
    let endpoint = in_memory();
    let mut put = Draft::put("a", BODY);
    for (name, sum) in sums(BODY) {
        put = put.with(name, &sum);
    }
    let answer = send(&endpoint, put.signed()).await;
    assert_eq!(answer.error(), (400, "InvalidRequest".to_owned()));
    assert!(!is_written(&endpoint).await);
}

#[tokio::test]
async fn the_body_is_the_one_that_was_signed() {
    let endpoint = in_memory();
    let mut put = Draft::put("a", BODY).signed();
    *put.body_mut() = Full::from("{\"v\":2}");
    let answer = send(&endpoint, put).await;
    assert_eq!(
        answer.error(),
        (400, "XAmzContentSHA256Mismatch".to_owned())
    );
    for body in ["{\"v\":1", "{\"v\":1} "] {
        let mut put = Draft::put("a", BODY).signed();
        *put.body_mut() = Full::from(body);
        let answer = send(&endpoint, put).await;
        assert_eq!(answer.error(), (400, "IncompleteBody".to_owned()));
    }
    assert!(!is_written(&endpoint).await);
}

/// A body in chunks, followed by a checksum, as SDKs send it.
fn chunked(body: &str, trailer: &str, decoded: usize) -> Request<Full<Bytes>> {
    let (first, second) = body.split_at(body.len() / 2);
    let framed = format!(
        "{:x}\r\n{first}\r\n{:x}\r\n{second}\r\n0\r\n{trailer}\r\n",
        first.len(),
        second.len()
    );
    Draft::put("a", framed)
        .with("content-encoding", "aws-chunked,gzip")
        .with("x-amz-decoded-content-length", &decoded.to_string())
        .with("x-amz-trailer", "x-amz-checksum-crc32")
        .signed_as("STREAMING-UNSIGNED-PAYLOAD-TRAILER")
}

async fn put_chunked(endpoint: &Endpoint, body: &str, trailer: &str, decoded: usize) -> Answer {
    send(endpoint, chunked(body, trailer, decoded)).await
}

#[tokio::test]
async fn a_checksum_that_follows_is_compared() {
    let endpoint = in_memory();
    let body = "0123456789".repeat(20_000);
    let right = STANDARD.encode(Crc32::checksum(body.as_bytes()));
    let right = format!("x-amz-checksum-crc32:{right}\r\n");
    let wrong = "x-amz-checksum-crc32:AAAAAA==\r\n";
    let answer = put_chunked(&endpoint, &body, wrong, body.len()).await;
    assert_eq!(answer.error(), (400, "BadDigest".to_owned()));
    for trailer in ["", "x-amz-checksum-sha1:AAAA\r\n"] {
        let answer = put_chunked(&endpoint, &body, trailer, body.len()).await;
        assert_eq!(answer.status, 400, "{trailer}");
    }
    for decoded in [body.len() - 1, body.len() + 1] {
        let answer = put_chunked(&endpoint, &body, &right, decoded).await;
        assert_eq!(answer.error(), (400, "IncompleteBody".to_owned()));
    }
    assert!(!is_written(&endpoint).await);
    let answer = put_chunked(&endpoint, &body, &right, body.len()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let read = send(&endpoint, Draft::get("a").signed()).await;
    assert_eq!(read.text(), body);
    assert_eq!(read.header("content-encoding"), "gzip");
}

fn small() -> Endpoint {
    Endpoint::builder(Arc::new(InMemory::new()))
        .bucket(BUCKET)
        .key(ACCESS, SECRET)
        .body_max(1000)
        .build()
}

#[tokio::test]
async fn a_large_body_is_refused_unread() {
    let endpoint = small();
    let largest = Draft::put("a", "x".repeat(1000)).signed();
    assert_eq!(send(&endpoint, largest).await.status, 200);
    for length in ["1001", "100000000000"] {
        let mut draft = Draft::new("PUT", "/bucket/a").with("content-length", length);
        for presigned in [false, true] {
            let request = if presigned {
                draft = draft.presigned();
                draft.clone().unsigned()
            } else {
                draft.clone().signed_as("UNSIGNED-PAYLOAD")
            };
            let (parts, _) = request.into_parts();
            let body = StreamBody::new(stream::poll_fn(|_| panic!("the body is read")));
            let answer = send(&endpoint, Request::from_parts(parts, boxed(body))).await;
            assert_eq!(answer.error(), (400, "EntityTooLarge".to_owned()));
        }
    }
}

/// Names the types of a body of frames.
fn boxed<S>(body: StreamBody<S>) -> StreamBody<S>
where
    S: futures::Stream<Item = std::io::Result<http_body::Frame<Bytes>>>,
{
    body
}

/// One chunk is held until its signature is checked, so what is announced as small must stay small.
#[tokio::test]
async fn a_body_that_grows_is_cut_off() {
    let endpoint = small();
    let frame = || Ok(http_body::Frame::data(Bytes::from(vec![b'x'; 1 << 20])));
    let frames = stream::iter((0..1000).map(move |_| frame()));
    let draft = Draft::new("PUT", "/bucket/a")
        .with("x-amz-decoded-content-length", "10")
        .with("x-amz-trailer", "x-amz-checksum-crc32");
    let (parts, _) = draft
        .signed_as("STREAMING-UNSIGNED-PAYLOAD-TRAILER")
        .into_parts();
    let first = Ok(http_body::Frame::data(Bytes::from_static(b"fffffff0\r\n")));
    let frames = futures::StreamExt::chain(stream::iter([first]), frames);
    let body = boxed(StreamBody::new(frames));
    let answer = send(&endpoint, Request::from_parts(parts, body)).await;
    assert_eq!(answer.error(), (400, "EntityTooLarge".to_owned()));
    assert!(!is_written(&endpoint).await);
}

#[tokio::test]
async fn a_length_is_announced() {
    let endpoint = in_memory();
    let put = Draft::new("PUT", "/bucket/a").presigned();
    let answer = send(&endpoint, put.unsigned()).await;
    assert_eq!(answer.error(), (411, "MissingContentLength".to_owned()));
    let mut odd = Draft::put("a", BODY).presigned().unsigned();
    set(&mut odd, "content-length", "seven");
    assert!(send(&endpoint, odd).await.status.is_client_error());
    assert!(!is_written(&endpoint).await);
}

#[tokio::test]
async fn metadata_is_bounded() {
    let endpoint = in_memory();
    let put = |size: usize| {
        let value = "x".repeat(size);
        Draft::put("a", BODY).with("x-amz-meta-m", &value).signed()
    };
    let answer = send(&endpoint, put(2048)).await;
    assert_eq!(answer.error(), (400, "MetadataTooLarge".to_owned()));
    assert_eq!(send(&endpoint, put(2047)).await.status, 200);
}

/// What would mean something else when it is not done.
#[tokio::test]
async fn what_is_not_implemented_is_refused() {
    let endpoint = in_memory();
    let headers = [
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-write-offset-bytes", "0"),
        ("x-amz-object-lock-legal-hold", "ON"),
    ];
    for (name, value) in headers {
        let put = Draft::put("a", BODY).with(name, value).signed();
        assert_eq!(send(&endpoint, put).await.status, 501, "{name}");
    }
    let mut versioning = Draft::new("PUT", "/bucket?versioning=");
    let on = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    versioning.body = on.into();
    let length = on.len().to_string();
    let requests = [
        Draft::new("GET", "/bucket/a?acl="),
        versioning.with("content-length", &length),
    ];
    for draft in requests {
        assert_eq!(
            send(&endpoint, draft.clone().signed()).await.status,
            501,
            "{draft:?}"
        );
    }
    let form =
        Draft::new("POST", "/bucket").with("content-type", "Multipart/form-data; boundary=a");
    assert_eq!(send(&endpoint, form.clone().signed()).await.status, 501);
    assert_eq!(send(&endpoint, form.unsigned()).await.status, 403);
    let version = Draft::new("GET", "/bucket/a?versionId=1");
    assert_eq!(send(&endpoint, version.signed()).await.status, 404);
}
