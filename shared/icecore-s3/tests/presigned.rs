//! A presigned PUT writes exactly that body with exactly those headers under exactly that new key, once.

use crate::support::{
    ACCESS, Answer, BUCKET, Draft, SECRET, in_folder, in_memory, now, on, send, send_to, serve,
    set, sha256,
};
use bytes::Bytes;
use http::{HeaderValue, Request};
use http_body_util::Full;
use icecore_s3::Endpoint;
use object_store::memory::InMemory;
use std::sync::Arc;
use std::time::Duration;

const BODY: &str = "{\"v\":1}";

/// A slot as the gateway gives it out.
fn slot(key: &str) -> Draft {
    Draft::put(key, BODY)
        .with("content-type", "application/json")
        .with("if-none-match", "*")
        .with("x-amz-checksum-sha256", &sha256(BODY.as_bytes()))
        .with("x-amz-meta-author", "0190")
        .presigned()
}

async fn read(endpoint: &Endpoint, key: &str) -> Answer {
    send(endpoint, Draft::get(key).signed()).await
}

/// The slot was refused, and nothing was written under any key.
async fn refused(endpoint: &Endpoint, request: Request<Full<Bytes>>, status: u16, code: &str) {
    let answer = send(endpoint, request).await;
    assert_eq!(
        answer.error(),
        (status, code.to_owned()),
        "{}",
        answer.text()
    );
    let list = Draft::new("GET", &format!("/{BUCKET}?list-type=2")).signed();
    assert_eq!(send(endpoint, list).await.element("KeyCount"), "0");
}

#[tokio::test]
async fn a_slot_writes_once() {
    let (_directory, on_folder) = in_folder();
    for endpoint in [in_memory(), on_folder] {
        let slot = slot("a/1");
        let answer = send(&endpoint, slot.clone().unsigned()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let read = read(&endpoint, "a/1").await;
        assert_eq!(read.text(), BODY);
        assert_eq!(read.header("x-amz-meta-author"), "0190");
        assert_eq!(read.header("etag"), answer.header("etag"));
        let again = send(&endpoint, slot.unsigned()).await;
        assert_eq!(again.error(), (412, "PreconditionFailed".to_owned()));
    }
}

#[tokio::test]
async fn a_slot_writes_only_its_body() {
    let endpoint = in_memory();
    let mut other = slot("a");
    other.body = "{\"v\":2}".into();
    refused(&endpoint, other.unsigned(), 400, "BadDigest").await;
    for body in ["{\"v\":1", "{\"v\":1} "] {
        let mut other = slot("a");
        other.body = body.into();
        refused(&endpoint, other.clone().unsigned(), 400, "IncompleteBody").await;
        let mut honest = other.unsigned();
        set(&mut honest, "content-length", &body.len().to_string());
        refused(&endpoint, honest, 403, "SignatureDoesNotMatch").await;
    }
}

#[tokio::test]
async fn a_slot_writes_only_under_its_key() {
    let endpoint = in_memory();
    for (from, to) in [
        ("/a/1", "/a/2"),
        ("/bucket/", "/other1/"),
        ("/a/1", "/a%2F2"),
    ] {
        let mut other = slot("a/1");
        other.target = other.target.replacen(from, to, 1);
        refused(&endpoint, other.unsigned(), 403, "SignatureDoesNotMatch").await;
    }
    let mut read = slot("a/1");
    read.method = "GET";
    refused(&endpoint, read.unsigned(), 403, "SignatureDoesNotMatch").await;
}

#[tokio::test]
async fn what_is_signed_must_be_sent_as_it_is() {
    let endpoint = in_memory();
    let others = [
        ("content-type", "text/html"),
        ("if-none-match", "\"a\""),
        ("x-amz-checksum-sha256", &sha256(b"other")),
        ("x-amz-meta-author", "0191"),
    ];
    for (name, value) in others {
        let mut other = slot("a").unsigned();
        set(&mut other, name, value);
        refused(&endpoint, other, 403, "SignatureDoesNotMatch").await;
        let mut missing = slot("a").unsigned();
        missing.headers_mut().remove(name);
        refused(&endpoint, missing, 403, "SignatureDoesNotMatch").await;
        let mut twice = slot("a").unsigned();
        let value = HeaderValue::from_str(value).unwrap();
        twice.headers_mut().append(name, value);
        refused(&endpoint, twice, 403, "SignatureDoesNotMatch").await;
    }
    let mut missing = slot("a").unsigned();
    missing.headers_mut().remove("content-length");
    refused(&endpoint, missing, 403, "SignatureDoesNotMatch").await;
}

/// The check of the signature does not see what is not text, but a later reader of the headers might.
#[tokio::test]
async fn a_header_that_is_not_text_is_refused() {
    let endpoint = in_memory();
    for name in ["x-amz-meta-author", "content-type"] {
        let mut request = slot("a").unsigned();
        let value = HeaderValue::from_bytes(b"\xff").unwrap();
        request.headers_mut().append(name, value);
        refused(&endpoint, request, 400, "InvalidRequest").await;
    }
}

#[tokio::test]
async fn nothing_that_matters_can_be_added() {
    let endpoint = in_memory();
    let plain = || Draft::put("a", BODY).presigned().unsigned();
    let added = [
        ("x-amz-meta-author", "0190"),
        ("x-amz-meta-other", "0190"),
        ("x-amz-copy-source", "/bucket/b"),
        ("x-amz-checksum-crc32", "AAAAAA=="),
        ("x-amz-decoded-content-length", "7"),
        ("x-amz-trailer", "x-amz-checksum-crc32"),
        ("x-amz-acl", "public-read"),
    ];
    for (name, value) in added {
        for mut request in [plain(), slot("a").unsigned()] {
            if name == "x-amz-meta-author" && request.headers().contains_key(name) {
                continue;
            }
            set(&mut request, name, value);
            refused(&endpoint, request, 403, "AccessDenied").await;
        }
    }
    // Against the body that is sent this is only one check more.
    let mut request = plain();
    set(&mut request, "x-amz-content-sha256", &"0".repeat(64));
    refused(&endpoint, request, 400, "XAmzContentSHA256Mismatch").await;
    // A query is signed as a whole.
    let mut request = Draft::put("a", BODY).presigned();
    request.target.push_str("&x-amz-meta-author=0190");
    refused(&endpoint, request.unsigned(), 403, "SignatureDoesNotMatch").await;
}

#[tokio::test]
async fn a_header_in_the_query_counts_as_sent() {
    let endpoint = in_memory();
    let draft = |sum: &str| {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("x-amz-checksum-sha256", sum);
        query.append_pair("x-amz-meta-author", "0190");
        let mut draft = Draft::put("a", BODY);
        draft.target = format!("{}?{}", draft.target, query.finish());
        draft.presigned()
    };
    let wrong = draft(&sha256(b"other")).unsigned();
    refused(&endpoint, wrong, 400, "BadDigest").await;
    let answer = send(&endpoint, draft(&sha256(BODY.as_bytes())).unsigned()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(
        read(&endpoint, "a").await.header("x-amz-meta-author"),
        "0190"
    );
    let mut both = draft(&sha256(BODY.as_bytes())).unsigned();
    set(&mut both, "x-amz-meta-author", "0191");
    assert_eq!(send(&endpoint, both).await.status, 403);
}

#[tokio::test]
async fn a_slot_ends() {
    let endpoint = in_memory();
    let minute = Duration::from_mins(1);
    let mut late = slot("a");
    late.target = Draft::put("a", BODY).presign(now() - 2 * minute, minute);
    late.headers.truncate(1);
    refused(&endpoint, late.unsigned(), 403, "AccessDenied").await;
    let mut early = Draft::put("a", BODY);
    early.target = early.presign(now() + 60 * minute, minute);
    refused(&endpoint, early.unsigned(), 403, "RequestTimeTooSkewed").await;
    for seconds in ["0", "604801", "x", "-1"] {
        let mut odd = slot("a");
        let expires = format!("X-Amz-Expires={seconds}");
        odd.target = odd.target.replace("X-Amz-Expires=60", &expires);
        let code = "AuthorizationQueryParametersError";
        refused(&endpoint, odd.unsigned(), 403, code).await;
    }
}

#[tokio::test]
async fn only_known_keys_sign() {
    let store = Arc::new(InMemory::new());
    let endpoint = Endpoint::builder(store)
        .bucket(BUCKET)
        .key(ACCESS, SECRET)
        .key("second", "other secret")
        .build();
    let unknown = |presigned: bool, access: &str, secret: &str| {
        let draft = Draft::put("a", BODY).from(access, secret);
        if presigned {
            draft.presigned().unsigned()
        } else {
            draft.signed()
        }
    };
    for presigned in [true, false] {
        let request = unknown(presigned, "nobody", SECRET);
        refused(&endpoint, request, 403, "InvalidAccessKeyId").await;
        let request = unknown(presigned, ACCESS, "other secret");
        refused(&endpoint, request, 403, "SignatureDoesNotMatch").await;
    }
    let anonymous = Draft::put("a", BODY).unsigned();
    refused(&endpoint, anonymous, 403, "AccessDenied").await;
    let keyless = on(Arc::new(InMemory::new()));
    assert_eq!(
        send(&keyless, unknown(true, "second", "")).await.status,
        403
    );
    let second = unknown(false, "second", "other secret");
    assert_eq!(send(&endpoint, second).await.status, 200);
}

#[tokio::test]
async fn a_request_is_signed_in_one_way() {
    let endpoint = in_memory();
    let mut both = Draft::put("a", BODY).signed();
    *both.uri_mut() = slot("a").target.parse().unwrap();
    refused(&endpoint, both, 400, "InvalidArgument").await;
    let mut old = Draft::put("a", BODY).unsigned();
    set(&mut old, "authorization", "AWS access:c2lnbmF0dXJl");
    refused(&endpoint, old, 400, "InvalidRequest").await;
    let mut old = Draft::put("a", BODY);
    old.target
        .push_str("?AWSAccessKeyId=access&Expires=9999999999&Signature=c2lnbmF0dXJl");
    refused(&endpoint, old.unsigned(), 400, "InvalidRequest").await;
    let mut mixed = slot("a");
    mixed.target.push_str("&Signature=c2lnbmF0dXJl");
    refused(&endpoint, mixed.unsigned(), 400, "InvalidRequest").await;
}

#[tokio::test]
async fn a_presigned_get_reads_one_object() {
    let endpoint = in_memory();
    send(&endpoint, Draft::put("a", BODY).signed()).await;
    let get = Draft::get("a").presigned();
    assert_eq!(send(&endpoint, get.clone().unsigned()).await.text(), BODY);
    let mut ranged = get.clone().unsigned();
    set(&mut ranged, "range", "bytes=1-3");
    assert_eq!(send(&endpoint, ranged).await.text(), "\"v\"");
    let mut other = get;
    other.target = other.target.replace("/a?", "/b?");
    let answer = send(&endpoint, other.unsigned()).await;
    assert_eq!(answer.error(), (403, "SignatureDoesNotMatch".to_owned()));
}

#[tokio::test]
async fn a_slot_works_over_a_socket() {
    let (_directory, endpoint) = in_folder();
    let address = serve(endpoint.clone()).await;
    let answer = send_to(&address, slot("a").unsigned()).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(send_to(&address, slot("a").unsigned()).await.status, 412);
    assert_eq!(read(&endpoint, "a").await.text(), BODY);
}
