//! Objects and buckets: what is written is what is read.

use crate::support::{
    ACCESS, BUCKET, Draft, SECRET, hex, in_folder, in_memory, now, on, send, send_to, serve, set,
    sha256,
};
use icecore_s3::Endpoint;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{ObjectStoreExt, PutPayload};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use tower::ServiceExt;

#[tokio::test]
async fn headers_and_metadata_are_kept() {
    let (_directory, on_folder) = in_folder();
    for endpoint in [in_memory(), on_folder] {
        let headers = [
            ("content-type", "application/json"),
            ("content-encoding", "gzip"),
            ("cache-control", "max-age=31536000, immutable"),
            ("content-disposition", "attachment"),
            ("content-language", "en"),
            ("expires", "Thu, 01 Dec 2033 16:00:00 GMT"),
            ("x-amz-meta-author", "0190"),
            ("x-amz-meta-note", "two  words"),
        ];
        let draft = Draft::put("a/b", "body");
        let draft = headers.iter().fold(draft, |draft, (n, v)| draft.with(n, v));
        let put = send(&endpoint, draft.signed()).await;
        assert_eq!(put.status, 200, "{}", put.text());
        for method in ["GET", "HEAD"] {
            let answer = send(&endpoint, Draft::new(method, "/bucket/a/b").signed()).await;
            assert_eq!(answer.status, 200);
            for (name, value) in headers {
                assert_eq!(answer.header(name), value, "{method} {name}");
            }
            assert_eq!(answer.header("content-length"), "4");
            assert_eq!(answer.header("accept-ranges"), "bytes");
            assert_eq!(answer.header("etag"), put.header("etag"));
            assert!(answer.header("last-modified").ends_with(" GMT"));
            assert_eq!(answer.text(), if method == "GET" { "body" } else { "" });
        }
    }
}

#[tokio::test]
async fn ranges() {
    let (_directory, on_folder) = in_folder();
    for endpoint in [in_memory(), on_folder] {
        send(&endpoint, Draft::put("a", "0123456789").signed()).await;
        let cases = [
            ("bytes=2-4", 206, "234", "bytes 2-4/10"),
            ("bytes=8-20", 206, "89", "bytes 8-9/10"),
            ("bytes=7-", 206, "789", "bytes 7-9/10"),
            ("bytes=-2", 206, "89", "bytes 8-9/10"),
            ("bytes=10-", 416, "", ""),
            ("bytes=10-12", 416, "", ""),
            ("bytes=-0", 416, "", ""),
        ];
        for (range, status, body, content_range) in cases {
            let mut request = Draft::get("a").signed();
            set(&mut request, "range", range);
            let answer = send(&endpoint, request).await;
            assert_eq!(answer.status, status, "{range}");
            if status == 206 {
                assert_eq!(answer.text(), body, "{range}");
                assert_eq!(answer.header("content-range"), content_range);
                assert_eq!(answer.header("content-length"), body.len().to_string());
            } else {
                assert_eq!(answer.element("Code"), "InvalidRange");
                assert_eq!(answer.header("content-range"), "bytes */10");
            }
        }
    }
}

/// What a client said about its bytes is told to whoever asks, so that a reader sees what became of them in between; but not
/// with a part of them.
#[tokio::test]
async fn a_checksum_is_kept_and_told_on_demand() {
    let (_directory, on_folder) = in_folder();
    for endpoint in [in_memory(), on_folder] {
        let put = Draft::put("a", "body").with("x-amz-checksum-sha256", &sha256(b"body"));
        assert_eq!(send(&endpoint, put.signed()).await.status, 200);
        let copy = Draft::new("PUT", "/bucket/b")
            .with("x-amz-copy-source", "bucket/a")
            .with("x-amz-metadata-directive", "REPLACE");
        assert_eq!(send(&endpoint, copy.signed()).await.status, 200);
        for (method, key) in [("GET", "a"), ("HEAD", "a"), ("GET", "b")] {
            let draft = Draft::new(method, &format!("/bucket/{key}"));
            let told = send(&endpoint, draft.clone().signed()).await;
            assert_eq!(told.header("x-amz-checksum-sha256"), "");
            let asked = draft.with("x-amz-checksum-mode", "ENABLED");
            let told = send(&endpoint, asked.signed()).await;
            assert_eq!(told.header("x-amz-checksum-sha256"), sha256(b"body"));
            assert_eq!(told.header("x-amz-checksum-type"), "FULL_OBJECT");
            assert_eq!(told.header("x-amz-meta-icecore-checksum"), "");
        }
        let mut part = Draft::get("a")
            .with("x-amz-checksum-mode", "ENABLED")
            .signed();
        set(&mut part, "range", "bytes=1-2");
        let part = send(&endpoint, part).await;
        assert_eq!((part.status.as_u16(), part.text()), (206, "od".to_owned()));
        assert_eq!(part.header("x-amz-checksum-sha256"), "");
        let forged = Draft::put("a", "body").with("x-amz-meta-icecore-checksum", "SHA256 x");
        assert_eq!(send(&endpoint, forged.signed()).await.status, 400);
    }
}

/// Links for people name the file that they save.
#[tokio::test]
async fn a_request_can_ask_for_other_headers() {
    let endpoint = in_memory();
    let put = Draft::put("a", "body").with("content-type", "text/plain");
    assert_eq!(send(&endpoint, put.signed()).await.status, 200);
    let target =
        "/bucket/a?response-content-disposition=attachment&response-content-type=image%2Fpng";
    let read = send(&endpoint, Draft::new("GET", target).signed()).await;
    assert_eq!(read.header("content-disposition"), "attachment");
    assert_eq!(read.header("content-type"), "image/png");
}

/// A folder cannot hold both; the second is refused in the same words whatever is asked, and nothing else is said of it.
#[tokio::test]
async fn an_object_below_another_is_refused_on_a_folder() {
    let (_directory, endpoint) = in_folder();
    let send_one = |draft: Draft| send(&endpoint, draft.signed());
    let refused = |answer: &crate::support::Answer| {
        assert_eq!(answer.error(), (400, "InvalidArgument".to_owned()));
        assert!(
            answer.text().contains("others below it"),
            "{}",
            answer.text()
        );
    };
    assert_eq!(send_one(Draft::put("a", "1")).await.status, 200);
    assert_eq!(send_one(Draft::put("d/e/f", "1")).await.status, 200);
    for key in ["a/b", "a/b/c", "d", "d/e"] {
        for condition in ["", "*"] {
            let draft = Draft::put(key, "2");
            let draft = match condition {
                "" => draft,
                condition => draft.with("if-none-match", condition),
            };
            refused(&send_one(draft).await);
        }
        assert_eq!(send_one(Draft::get(key)).await.status, 404, "{key}");
        let delete = Draft::new("DELETE", &format!("/bucket/{key}"));
        assert_eq!(send_one(delete).await.status, 204, "{key}");
    }
    assert_eq!(send_one(Draft::get("a")).await.text(), "1");
    assert_eq!(send_one(Draft::get("d/e/f")).await.text(), "1");
    // Where nothing is left below, the name is free again.
    let delete = Draft::new("DELETE", "/bucket/d/e/f");
    assert_eq!(send_one(delete).await.status, 204);
    let again = Draft::put("d", "3").with("if-none-match", "*");
    assert_eq!(send_one(again).await.status, 200);
    assert_eq!(send_one(Draft::get("d")).await.text(), "3");
    refused(&send_one(Draft::put("d/e/f", "4")).await);
}

/// Older tools send and sign `Date`, and no `x-amz-date`.
#[tokio::test]
async fn the_time_of_a_request_can_stand_in_its_date() {
    let endpoint = in_memory();
    let time = chrono::DateTime::<chrono::Utc>::from(now());
    let send_at = |time: chrono::DateTime<chrono::Utc>, said: chrono::DateTime<chrono::Utc>| {
        let date = said.to_rfc2822().replace("+0000", "GMT");
        let mut request = Draft::get("a").unsigned();
        let hash = sha256_hex(b"");
        let headers = format!("date:{date}\nhost:localhost:9000\nx-amz-content-sha256:{hash}\n");
        let signed = "date;host;x-amz-content-sha256";
        let canonical = format!("GET\n/{BUCKET}/a\n\n{headers}\n{signed}\n{hash}");
        let day = time.format("%Y%m%d").to_string();
        let scope = format!("{day}/us-east-1/s3/aws4_request");
        let moment = time.format("%Y%m%dT%H%M%SZ");
        let canonical = sha256_hex(canonical.as_bytes());
        let text = format!("AWS4-HMAC-SHA256\n{moment}\n{scope}\n{canonical}");
        let key = [&day, "us-east-1", "s3", "aws4_request"]
            .iter()
            .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| {
                hmac(&key, part.as_bytes())
            });
        let signature = hex(&hmac(&key, text.as_bytes()));
        set(&mut request, "date", &date);
        set(&mut request, "x-amz-content-sha256", &hash);
        let signature = format!(
            "AWS4-HMAC-SHA256 Credential={ACCESS}/{scope}, SignedHeaders={signed}, Signature={signature}"
        );
        set(&mut request, "authorization", &signature);
        send(&endpoint, request)
    };
    send(&endpoint, Draft::put("a", "body").signed()).await;
    let answer = send_at(time, time).await;
    assert_eq!(
        (answer.status.as_u16(), answer.text()),
        (200, "body".into())
    );
    let another = send_at(time, time - chrono::TimeDelta::seconds(1)).await;
    assert_eq!(another.error(), (403, "SignatureDoesNotMatch".to_owned()));
}

/// Larger than what is read before the response begins.
#[tokio::test]
async fn a_large_object_is_streamed() {
    let (_directory, endpoint) = in_folder();
    let body: Vec<u8> = (0..5_000_000_u32)
        .map(|n| n.to_le_bytes()[n as usize % 3])
        .collect();
    let put = send(&endpoint, Draft::put("a", body.clone()).signed()).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let read = send(&endpoint, Draft::get("a").signed()).await;
    assert!(read.body == body);
    assert_eq!(read.header("content-length"), "5000000");
}

#[tokio::test]
async fn copies() {
    let (_directory, on_folder) = in_folder();
    for endpoint in [in_memory(), on_folder] {
        let put = Draft::put("a b", "body")
            .with("content-type", "text/plain")
            .with("x-amz-meta-author", "0190");
        let mut put = put;
        put.target = "/bucket/a%20b".to_owned();
        assert_eq!(send(&endpoint, put.signed()).await.status, 200);
        let copy = || Draft::new("PUT", "/bucket/copy").with("x-amz-copy-source", "/bucket/a%20b");
        let answer = send(&endpoint, copy().signed()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let read = send(&endpoint, Draft::get("copy").signed()).await;
        assert_eq!(read.text(), "body");
        assert_eq!(read.header("x-amz-meta-author"), "0190");
        assert!(
            answer
                .text()
                .contains(read.header("etag").trim_matches('"'))
        );
        let replace = copy()
            .with("x-amz-metadata-directive", "REPLACE")
            .with("x-amz-meta-device", "7");
        assert_eq!(send(&endpoint, replace.signed()).await.status, 200);
        let read = send(&endpoint, Draft::get("copy").signed()).await;
        assert_eq!(read.text(), "body");
        assert_eq!(read.header("x-amz-meta-author"), "");
        assert_eq!(read.header("x-amz-meta-device"), "7");
        let missing = Draft::new("PUT", "/bucket/c").with("x-amz-copy-source", "/bucket/none");
        let answer = send(&endpoint, missing.signed()).await;
        assert_eq!(answer.error(), (404, "NoSuchKey".to_owned()));
    }
}

#[tokio::test]
async fn deletions() {
    let (_directory, on_folder) = in_folder();
    for endpoint in [in_memory(), on_folder] {
        for key in ["a", "b", "c", "d"] {
            send(&endpoint, Draft::put(key, "x").signed()).await;
        }
        for _ in 0..2 {
            let answer = send(&endpoint, Draft::new("DELETE", "/bucket/a").signed()).await;
            assert_eq!(answer.status, 204);
        }
        let mut many = Draft::new("POST", "/bucket?delete=");
        many.body = "<Delete><Object><Key>b</Key></Object><Object><Key>none</Key></Object><Object><Key>d/</Key></Object>\
            <Object><Key>../c</Key></Object></Delete>"
            .into();
        let length = many.body.len().to_string();
        let answer = send(&endpoint, many.with("content-length", &length).signed()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        assert_eq!(
            answer.text().matches("<Deleted>").count(),
            3,
            "{}",
            answer.text()
        );
        assert_eq!(answer.element("Error"), "");
        assert_eq!(answer.element("Code"), "InvalidArgument");
        let list = send(&endpoint, Draft::new("GET", "/bucket?list-type=2").signed()).await;
        assert_eq!(list.element("KeyCount"), "2");
    }
}

#[tokio::test]
async fn buckets() {
    let builder = || {
        Endpoint::builder(Arc::new(InMemory::new()))
            .bucket(BUCKET)
            .key(ACCESS, SECRET)
    };
    let closed = builder().build();
    let open = builder().allow_create(true).build();
    for (endpoint, created) in [(&closed, 403), (&open, 200)] {
        let create = Draft::new("PUT", "/second").signed();
        assert_eq!(send(endpoint, create).await.status, created);
        let again = send(endpoint, Draft::new("PUT", "/bucket").signed()).await;
        assert_eq!(again.status, 409);
        let head = send(endpoint, Draft::new("HEAD", "/second").signed()).await;
        assert_eq!(head.status, if created == 200 { 200 } else { 404 });
        let location = Draft::new("GET", "/bucket?location=").signed();
        let location = send(endpoint, location).await;
        assert_eq!(location.status, 200);
        assert!(location.text().contains("<LocationConstraint"));
        let list = send(endpoint, Draft::new("GET", "/").signed()).await;
        assert!(list.text().contains("<Name>bucket</Name>"));
        assert_eq!(list.text().contains("<Name>second</Name>"), created == 200);
    }
    let delete = |target: &str| Draft::new("DELETE", target).signed();
    assert_eq!(send(&closed, delete("/bucket")).await.status, 403);
    let mut put = Draft::put("a", "body");
    put.target = "/second/a".to_owned();
    assert_eq!(send(&open, put.signed()).await.status, 200);
    let full = send(&open, delete("/second")).await;
    assert_eq!(full.error(), (409, "BucketNotEmpty".to_owned()));
    assert_eq!(send(&open, delete("/second/a")).await.status, 204);
    assert_eq!(send(&open, delete("/second")).await.status, 204);
    let gone = send(&open, Draft::new("HEAD", "/second").signed()).await;
    assert_eq!(gone.status, 404);
    let answer = send(&closed, Draft::new("GET", "/none/a").signed()).await;
    assert_eq!(answer.error(), (404, "NoSuchBucket".to_owned()));
}

/// A store that was there before the endpoint has no bucket in its paths.
#[tokio::test]
async fn a_bucket_can_be_anywhere_in_the_store() {
    let store = Arc::new(InMemory::new());
    let key = Path::from("spaces/a/space.json");
    store
        .put(&key, PutPayload::from_static(b"{}"))
        .await
        .unwrap();
    let endpoint = Endpoint::builder(store)
        .bucket_at("whole", Path::default())
        .bucket_at("inner", Path::from("spaces/a"))
        .key(ACCESS, SECRET)
        .build();
    for (bucket, key) in [("whole", "spaces/a/space.json"), ("inner", "space.json")] {
        let get = Draft::new("GET", &format!("/{bucket}/{key}")).signed();
        assert_eq!(send(&endpoint, get).await.text(), "{}");
        let list = Draft::new("GET", &format!("/{bucket}?list-type=2")).signed();
        assert_eq!(send(&endpoint, list).await.element("Key"), key);
    }
}

/// Some tools ask for the first part to see whether there are more.
#[tokio::test]
async fn an_object_is_its_own_only_part() {
    let endpoint = in_memory();
    send(&endpoint, Draft::put("a", "body").signed()).await;
    let part = |number: i32| Draft::new("GET", &format!("/bucket/a?partNumber={number}"));
    assert_eq!(send(&endpoint, part(1).signed()).await.text(), "body");
    let second = send(&endpoint, part(2).signed()).await;
    assert_eq!(second.error(), (400, "InvalidPart".to_owned()));
}

#[tokio::test]
async fn every_response_has_a_number_and_the_time() {
    let endpoint = Endpoint::builder(Arc::new(InMemory::new()))
        .bucket(BUCKET)
        .key(ACCESS, SECRET)
        .now(|| 1_700_000_000_123)
        .build();
    let mut numbers = Vec::new();
    for request in [
        Draft::get("a").signed(),
        Draft::get("a").unsigned(),
        Draft::put("a", "x").signed(),
        Draft::new("OPTIONS", "/").unsigned(),
        Draft::new("TRACE", "/").unsigned(),
    ] {
        let answer = send(&endpoint, request).await;
        assert_eq!(answer.header("date"), "Tue, 14 Nov 2023 22:13:20 GMT");
        let number = answer.header("x-amz-request-id");
        // So that whoever reads only the error can name it.
        if answer.text().contains("<Error>") {
            assert_eq!(answer.element("RequestId"), number, "{}", answer.text());
        }
        numbers.push(number.to_owned());
    }
    numbers.dedup();
    assert_eq!(numbers.len(), 5);
    let answer = send(&on(Arc::new(InMemory::new())), Draft::get("a").signed()).await;
    assert_eq!(answer.header("date"), "");
}

/// What a server of HTTP makes of the responses: none may confuse the connection.
#[tokio::test]
async fn over_a_socket() {
    let (_directory, endpoint) = in_folder();
    let address = serve(endpoint).await;
    let put = send_to(&address, Draft::put("a", "body").signed()).await;
    assert_eq!(put.status, 200, "{}", put.text());
    let head = send_to(&address, Draft::new("HEAD", "/bucket/a").signed()).await;
    assert_eq!(
        (head.header("content-length"), head.text()),
        ("4", String::new())
    );
    assert!(head.header("date").ends_with(" GMT"));
    let mut unchanged = Draft::get("a").signed();
    set(&mut unchanged, "if-none-match", put.header("etag"));
    let unchanged = send_to(&address, unchanged).await;
    assert_eq!(unchanged.status, 304);
    assert_eq!(unchanged.header("etag"), put.header("etag"));
    let missing = send_to(&address, Draft::new("HEAD", "/bucket/b").signed()).await;
    assert_eq!(
        (missing.status.as_u16(), missing.text()),
        (404, String::new())
    );
    let delete = send_to(&address, Draft::new("DELETE", "/bucket/a").signed()).await;
    assert_eq!(delete.status, 204);
    // Refused before its body is read.
    let refused = send_to(&address, Draft::put("a", vec![b'x'; 4 << 20]).unsigned()).await;
    assert_eq!(refused.error(), (403, "AccessDenied".to_owned()));
}

/// As routers mount it.
#[tokio::test]
async fn it_is_a_service() {
    let endpoint = in_memory();
    let response = endpoint
        .clone()
        .oneshot(Draft::put("a", "x").signed())
        .await;
    assert_eq!(response.unwrap().status(), 200);
    assert_eq!(send(&endpoint, Draft::get("a").signed()).await.text(), "x");
}

/// RFC 2104.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let pad = |with: u8| {
        let mut block = [with; 64];
        for (byte, key) in block.iter_mut().zip(key) {
            *byte ^= key;
        }
        block
    };
    let inner = Sha256::digest([&pad(0x36), text].concat());
    Sha256::digest([pad(0x5c).as_slice(), &inner].concat()).to_vec()
}

fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}
