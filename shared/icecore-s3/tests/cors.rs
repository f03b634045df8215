//! Which pages may read what: preflights, and every kind of response.

use crate::support::{ACCESS, Answer, BUCKET, Draft, SECRET, in_memory, send, set};
use bytes::Bytes;
use http::{HeaderName, Request};
use http_body_util::Full;
use icecore_s3::{Cors, Endpoint};
use object_store::memory::InMemory;
use std::sync::Arc;

const APP: &str = "https://app.example";

fn endpoint(cors: Cors) -> Endpoint {
    Endpoint::builder(Arc::new(InMemory::new()))
        .bucket(BUCKET)
        .key(ACCESS, SECRET)
        .cors(cors)
        .build()
}

fn preflight(origin: &str, method: &str, headers: &str) -> Request<Full<Bytes>> {
    Draft::new("OPTIONS", "/bucket/a?X-Amz-Signature=0")
        .with("origin", origin)
        .with("access-control-request-method", method)
        .with("access-control-request-headers", headers)
        .unsigned()
}

fn assert_silent(answer: &Answer) {
    let names = answer.headers.keys().map(HeaderName::as_str);
    let told: Vec<_> = names
        .filter(|name| name.starts_with("access-control"))
        .collect();
    assert!(told.is_empty(), "{told:?}");
}

#[tokio::test]
async fn a_preflight_is_answered() {
    let endpoint = endpoint(Cors::origins([APP, "http://localhost:5173"]));
    let headers = "Content-Type, if-none-match,x-amz-checksum-sha256 , x-amz-meta-author";
    for origin in [APP, "http://localhost:5173"] {
        for method in ["GET", "PUT", "HEAD", "DELETE", "POST"] {
            let answer = send(&endpoint, preflight(origin, method, headers)).await;
            assert_eq!(answer.status, 200, "{}", answer.text());
            assert_eq!(answer.header("access-control-allow-origin"), origin);
            let methods = answer.header("access-control-allow-methods");
            assert!(methods.split(", ").any(|m| m == method), "{methods}");
            assert_eq!(
                answer.header("access-control-allow-headers"),
                "content-type, if-none-match, x-amz-checksum-sha256, x-amz-meta-author"
            );
            assert_eq!(answer.header("access-control-max-age"), "7200");
            assert!(answer.header("vary").contains("Origin"));
            assert!(answer.body.is_empty());
        }
    }
}

#[tokio::test]
async fn other_pages_are_refused() {
    let endpoint = endpoint(Cors::origins([APP]));
    let refused = [
        ("https://evil.example", "PUT", "content-type"),
        ("https://app.example.evil.example", "PUT", "content-type"),
        ("http://app.example", "PUT", "content-type"),
        ("https://APP.example", "PUT", "content-type"),
        ("null", "GET", "content-type"),
        (APP, "PATCH", "content-type"),
        (APP, "put", "content-type"),
        (APP, "PUT", "content type"),
    ];
    for (origin, method, headers) in refused {
        let answer = send(&endpoint, preflight(origin, method, headers)).await;
        let expected = (403, "AccessForbidden".to_owned());
        assert_eq!(answer.error(), expected, "{origin} {method} {headers}");
        if origin != APP {
            assert_silent(&answer);
        }
    }
    let answer = send(&endpoint, Draft::new("OPTIONS", "/bucket/a").unsigned()).await;
    assert_eq!(answer.error(), (400, "InvalidRequest".to_owned()));
    let answer = send(&in_memory(), preflight(APP, "PUT", "")).await;
    assert_eq!(answer.error(), (403, "AccessForbidden".to_owned()));
    assert_silent(&answer);
}

#[tokio::test]
async fn any_page_may_be_allowed() {
    let endpoint = endpoint(Cors::any());
    let answer = send(&endpoint, preflight("https://x.example", "PUT", "")).await;
    assert_eq!(answer.status, 200);
    let allowed = answer.header("access-control-allow-origin");
    assert_eq!(allowed, "https://x.example");
}

#[tokio::test]
async fn a_page_reads_every_kind_of_response() {
    let cors = Cors::origins([APP]).expose(&HeaderName::from_static("x-amz-meta-device"));
    let endpoint = endpoint(cors);
    let put = Draft::put("a", "body").signed();
    let e_tag = send(&endpoint, put).await.header("etag").to_owned();
    let from = |mut request: Request<Full<Bytes>>| {
        set(&mut request, "origin", APP);
        request
    };
    let taken = Draft::put("a", "body").with("if-none-match", "*").signed();
    let mut unchanged = Draft::get("a").signed();
    set(&mut unchanged, "if-none-match", &e_tag);
    let answers = [
        (200, Draft::get("a").signed()),
        (304, unchanged),
        (403, Draft::get("a").unsigned()),
        (404, Draft::get("b").signed()),
        (412, taken),
    ];
    for (status, request) in answers {
        let answer = send(&endpoint, from(request.clone())).await;
        assert_eq!(answer.status, status, "{}", answer.text());
        assert_eq!(answer.header("access-control-allow-origin"), APP);
        let exposed = answer.header("access-control-expose-headers");
        for name in ["ETag", "Date", "x-amz-meta-author", "x-amz-meta-device"] {
            assert!(
                exposed.split(", ").any(|e| e == name),
                "{name} in {exposed}"
            );
        }
        assert!(answer.header("vary").contains("Origin"));
        let mut other = request;
        set(&mut other, "origin", "https://evil.example");
        let answer = send(&endpoint, other).await;
        assert_silent(&answer);
        assert!(answer.header("vary").contains("Origin"));
    }
}
