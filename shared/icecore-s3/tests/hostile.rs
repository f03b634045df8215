//! Keys that try to leave the bucket, and requests that no client would send.

use crate::support::{Draft, in_folder, in_memory, send};
use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use http_body_util::{Empty, Full};
use std::collections::BTreeSet;
use std::path::Path;

/// As they stand in the request line, behind the name of the bucket.
const TRICKS: [&str; 30] = [
    "..",
    "../secret",
    "a/../../secret",
    "a/../b",
    "./a",
    "a/.",
    "a/./b",
    "%2e%2e/secret",
    "%2E%2E%2Fsecret",
    "..%2f..%2fsecret",
    "%252e%252e/..",
    "/a",
    "//a",
    "%2Fa",
    "%2Fetc%2Fpasswd",
    "a//b",
    "a/",
    "a%2F",
    "a%00b",
    "a%0Ab",
    "a%0D%0Ab",
    "%1b%5b31m",
    "a%7f",
    ".icecore-lock",
    ".icecore-tmp-1-1",
    "a/.icecore-x/b",
    "%2eicecore-lock",
    "%ff",
    "a/%c0%ae%c0%ae/b",
    "a%E2%80",
];

/// All files and directories below.
fn tree(directory: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        found.insert(path.display().to_string());
        if path.is_dir() {
            found.extend(tree(&path));
        }
    }
    found
}

#[tokio::test]
async fn no_key_leaves_its_bucket() {
    let (directory, endpoint) = in_folder();
    std::fs::write(directory.path().join("secret"), "secret").unwrap();
    std::fs::write(directory.path().join("root/secret"), "secret").unwrap();
    send(&endpoint, Draft::put("c/d", "x").signed()).await;
    let before = tree(directory.path());
    for key in TRICKS {
        let draft = Draft::put(key, "mine");
        for request in [draft.clone().signed(), draft.presigned().unsigned()] {
            let answer = send(&endpoint, request).await;
            let status = answer.status.as_u16();
            assert!((400..500).contains(&status), "{key}: {}", answer.text());
        }
        for method in ["GET", "HEAD", "DELETE"] {
            let request = Draft::new(method, &format!("/bucket/{key}")).signed();
            let answer = send(&endpoint, request).await;
            // There are no folders, so they are deleted already.
            let is_folder =
                method == "DELETE" && ["a/", "a%2F"].contains(&key) && answer.status == 204;
            assert!(
                is_folder || answer.status.is_client_error(),
                "{method} {key}"
            );
            assert!(!answer.text().contains("secret"), "{method} {key}");
        }
        for source in [format!("bucket/{key}"), format!("/bucket/{key}")] {
            let copy = Draft::new("PUT", "/bucket/copy").with("x-amz-copy-source", &source);
            let answer = send(&endpoint, copy.signed()).await;
            assert!(answer.status.is_client_error(), "{source}");
        }
        let list = Draft::new("GET", &format!("/bucket?list-type=2&prefix={key}")).signed();
        let answer = send(&endpoint, list).await;
        assert_eq!(answer.element("Contents"), "", "{key}");
        assert!(!answer.text().contains("<Key>"), "{key}");
    }
    assert_eq!(tree(directory.path()), before);
}

#[tokio::test]
async fn no_bucket_is_anything_else() {
    let (directory, endpoint) = in_folder();
    std::fs::write(directory.path().join("root/secret"), "secret").unwrap();
    let targets = [
        "/",
        "/..",
        "/../bucket/a",
        "/.",
        "//",
        "//bucket/a",
        "/%2e%2e/a",
        "/secret",
        "/BUCKET/a",
        "/bucket%2F..%2Fsecret",
        "/bucket%00/a",
        "/buck\u{e9}t/a",
    ];
    for target in targets {
        let target = target.replace('\u{e9}', "%C3%A9");
        for method in ["GET", "PUT", "DELETE"] {
            let answer = send(&endpoint, Draft::new(method, &target).signed()).await;
            assert!(!answer.text().contains("secret</"), "{method} {target}");
            let is_list = target == "/" && method == "GET";
            assert_eq!(answer.status.is_success(), is_list, "{method} {target}");
            assert!(!answer.status.is_server_error() || answer.status == 501);
        }
    }
    let secret = std::fs::read_to_string(directory.path().join("root/secret"));
    assert_eq!(secret.unwrap(), "secret");
}

#[tokio::test]
async fn long_keys_have_an_end() {
    let (_directory, on_folder) = in_folder();
    for (endpoint, part_max) in [(in_memory(), 1024), (on_folder, 255)] {
        let long = "k".repeat(part_max);
        let answer = send(&endpoint, Draft::put(&long, "x").signed()).await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        for key in ["k".repeat(part_max + 1), "k".repeat(10_000)] {
            let answer = send(&endpoint, Draft::put(&key, "x").signed()).await;
            assert_eq!(answer.error(), (400, "KeyTooLongError".to_owned()));
            let answer = send(&endpoint, Draft::get(&key).signed()).await;
            assert!(answer.status.is_client_error(), "{}", answer.text());
        }
    }
}

#[tokio::test]
async fn a_folder_cannot_hold_both() {
    let (_directory, endpoint) = in_folder();
    assert_eq!(
        send(&endpoint, Draft::put("a/b", "x").signed())
            .await
            .status,
        200
    );
    for key in ["a", "a/b/c"] {
        let answer = send(&endpoint, Draft::put(key, "x").signed()).await;
        assert!(answer.status.is_client_error(), "{key}: {}", answer.text());
        let answer = send(&endpoint, Draft::get(key).signed()).await;
        assert_eq!(answer.error(), (404, "NoSuchKey".to_owned()), "{key}");
    }
    let read = send(&endpoint, Draft::get("a/b").signed()).await;
    assert_eq!(read.text(), "x");
}

/// What a client may know of a failure does not name the files of the server.
#[tokio::test]
async fn a_failure_names_no_files() {
    let (directory, endpoint) = in_folder();
    std::fs::remove_dir_all(directory.path().join("root")).unwrap();
    for request in [Draft::put("a", "x").signed(), Draft::get("a").signed()] {
        let answer = send(&endpoint, request).await;
        assert!(!answer.status.is_success());
        assert!(!answer.text().contains("root"), "{}", answer.text());
    }
}

#[tokio::test]
async fn every_request_gets_a_response() {
    let endpoint = in_memory();
    let methods = [
        "GET", "PUT", "POST", "DELETE", "HEAD", "PATCH", "TRACE", "CONNECT", "FOO",
    ];
    let targets = [
        "*",
        "/",
        "/bucket",
        "/bucket?",
        "/bucket?=&&",
        "/bucket/a?X-Amz-Signature",
        "/%",
        "/bucket/%zz",
        "/bucket/a?X-Amz-Signature=%ff&X-Amz-Credential=%00",
        "/bucket?delete=",
        "/bucket/a?uploadId=1&partNumber=x",
        "/?Action=AssumeRole",
    ];
    let authorizations: [&[u8]; 6] = [
        b"",
        b"AWS4-HMAC-SHA256",
        b"AWS4-HMAC-SHA256 Credential=,SignedHeaders=,Signature=",
        b"AWS4-HMAC-SHA256 Credential=a/20260101/us-east-1/s3/aws4_request, SignedHeaders=;;, Signature=00",
        b"Bearer \xff",
        b"AWS a:b",
    ];
    for method in methods {
        for target in targets {
            for authorization in authorizations {
                let mut request = Request::new(Empty::<Bytes>::new());
                *request.method_mut() = Method::from_bytes(method.as_bytes()).unwrap();
                *request.uri_mut() = target.parse().unwrap_or_default();
                let authorization = HeaderValue::from_bytes(authorization).unwrap();
                request.headers_mut().insert("authorization", authorization);
                let answer = send(&endpoint, request).await;
                let status = answer.status.as_u16();
                assert!((400..500).contains(&status), "{method} {target}: {status}");
            }
        }
    }
}

#[tokio::test]
async fn a_signed_body_of_nonsense_is_refused() {
    let endpoint = in_memory();
    let bodies = [
        "",
        "<",
        "<Delete>",
        "<Delete><Object><Key>a</Key></Delete>",
        "\u{0}",
        "{}",
    ];
    for body in bodies {
        let mut draft = Draft::new("POST", "/bucket?delete=");
        draft.body = Bytes::from(body);
        let length = body.len().to_string();
        let answer = send(&endpoint, draft.with("content-length", &length).signed()).await;
        assert!(answer.status.is_client_error(), "{body}: {}", answer.text());
    }
    let many = "<Object><Key>a</Key></Object>".repeat(1001);
    let many = format!("<Delete>{many}</Delete>");
    let mut draft = Draft::new("POST", "/bucket?delete=");
    let length = many.len().to_string();
    draft.body = many.into();
    let request: Request<Full<Bytes>> = draft.with("content-length", &length).signed();
    let answer = send(&endpoint, request).await;
    assert_eq!(answer.error(), (400, "MalformedXML".to_owned()));
}
