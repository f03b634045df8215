//! What somebody with bad intentions would try on the gateway.

use crate::support::http::{Http, write_request};
use crate::support::serving::Serving;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

const AUTHOR: &str = "018bcfe5-6800-7fff-bfff-ffffffffffff";
const OTHER: &str = "018bcfe5-6800-7fff-bfff-fffffffffffe";

/// Asks the gateway to sign something in the space `mine`; the status.
fn sign(serving: &Serving, http: &Http, token: &str, op: &Value) -> u16 {
    let url = format!("{}/v1/spaces/mine/sign", serving.url());
    let answer = http.call("POST", &url, token, &json!({ "ops": [op] }));
    if answer.status != 200 {
        let refusal = answer.json();
        assert!(
            refusal["code"].is_string() && refusal["message"].is_string(),
            "{refusal}"
        );
    }
    answer.status
}

#[test]
fn no_path_leads_out_of_a_space() {
    let serving = Serving::start();
    let http = Http::new();
    let admin = serving.token(&["--space", "mine", "--right", "admin"]);
    assert_eq!(
        sign(
            &serving,
            &http,
            &admin,
            &json!({"op":"get","path":"spaces/mine/space.json"})
        ),
        200
    );
    let tricks = [
        "spaces/theirs/space.json",
        "spaces/mine/../theirs/space.json",
        "spaces/mine/./space.json",
        "spaces/mine//space.json",
        "spaces/mine/%2e%2e/theirs/space.json",
        "spaces/mine/..\\theirs\\space.json",
        "/spaces/mine/space.json",
        "spaces/mine",
        "spaces/mine-too/space.json",
        "heads/theirs",
        "heads/mine/x",
        "store.json",
        "../serve.json",
        "spaces/mine/a\u{0}b",
        "spaces/mine/a\nb",
        "",
    ];
    for path in tricks {
        let ops = [
            json!({"op":"get","path":path}),
            json!({"op":"head","path":path}),
            json!({"op":"delete","path":path}),
            json!({"op":"copy","from":path,"to":"spaces/mine/0001-0000000000000000/quarantine/updates/1763640000000"}),
            json!({"op":"copy","from":"spaces/mine/space.json","to":path}),
            json!({"op":"put","path":path,"content":"json","condition":"none",
                "body":{"bytes":1,"sha256":"0".repeat(64)}}),
        ];
        for op in ops {
            assert_eq!(sign(&serving, &http, &admin, &op), 400, "{op}");
        }
    }
    for folder in [
        "spaces",
        "",
        "spaces/theirs",
        "spaces/mine/..",
        "heads",
        "spaces/mine-too",
    ] {
        let op = json!({"op":"list","folder":folder});
        assert_eq!(sign(&serving, &http, &admin, &op), 400, "{op}");
    }
    for name in [
        "..",
        "%2e%2e",
        "mine%2f..%2ftheirs",
        "MINE",
        ".mine",
        "mine%00",
        &"x".repeat(65),
    ] {
        let url = format!("{}/v1/spaces/{name}/sync", serving.url());
        let status = http.call("POST", &url, &admin, &json!({"look":{}})).status;
        assert!([400, 403, 404, 405].contains(&status), "{name}: {status}");
    }
}

#[test]
fn each_right_allows_its_own_and_no_more() {
    let serving = Serving::start();
    let http = Http::new();
    let token = |right: &str| serving.token(&["--space", "mine", "--right", right]);
    let (read, write, admin) = (token("read"), token("write"), token("admin"));
    let body = json!({"bytes":1,"sha256":"0".repeat(64)});
    let put = |path: &str| json!({"op":"put","path":path,"content":"json","condition":"none","body":body});
    let table = [
        (
            json!({"op":"get","path":"spaces/mine/space.json"}),
            [200, 403, 200],
        ),
        (
            json!({"op":"list","folder":"spaces/mine/0001-0000000000000000/updates"}),
            [200, 403, 200],
        ),
        (put("heads/mine"), [403, 200, 200]),
        (put("spaces/mine/space.json"), [400, 400, 400]),
        (
            put("spaces/mine/0001-0000000000000000/segments/0000000001"),
            [403, 403, 200],
        ),
        (
            put("spaces/mine/0001-0000000000000000/updates/1763640000000"),
            [400, 400, 400],
        ),
        (
            json!({"op":"delete","path":"spaces/mine/space.json"}),
            [403, 403, 200],
        ),
        (
            json!({"op":"copy","from":"spaces/mine/0001-0000000000000000/updates/1763640000000","to":"spaces/mine/space.json"}),
            [400, 400, 400],
        ),
    ];
    for (op, expected) in table {
        for (token, expected) in [&read, &write, &admin].into_iter().zip(expected) {
            assert_eq!(sign(&serving, &http, token, &op), expected, "{op}");
        }
    }
    let sync = format!("{}/v1/spaces/mine/sync", serving.url());
    let wanted = write_request(AUTHOR, "{}");
    assert_eq!(http.call("POST", &sync, &read, &wanted).status, 403);
    assert_eq!(http.call("POST", &sync, &write, &wanted).status, 200);
    assert_eq!(
        http.call("POST", &sync, &write, &json!({"look":{}})).status,
        403
    );
    let erase = format!("{}/v1/spaces/mine", serving.url());
    assert_eq!(
        http.call("DELETE", &erase, &write, &Value::Null).status,
        403
    );
    let all = format!("{}/v1/sign", serving.url());
    let heads = json!({"ops":[{"op":"list","folder":"heads"}]});
    assert_eq!(http.call("POST", &all, &admin, &heads).status, 403);
}

#[test]
fn a_bound_token_writes_in_its_own_name_only() {
    let serving = Serving::start();
    let http = Http::new();
    let bound = serving.token(&["--space", "mine", "--author", AUTHOR]);
    let url = format!("{}/v1/spaces/mine/sync", serving.url());
    assert_eq!(
        http.call("POST", &url, &bound, &write_request(AUTHOR, "{}"))
            .status,
        200
    );
    let refused = http.call("POST", &url, &bound, &write_request(OTHER, "{}"));
    assert_eq!(refused.status, 403);
    assert_eq!(refused.json()["object"], "write.author");
}

#[test]
fn requests_that_are_too_large_or_too_many_are_refused() {
    let serving = Serving::start();
    let http = Http::new();
    let token = serving.admin();
    let url = format!("{}/v1/spaces/mine/sign", serving.url());
    let op = json!({"op":"get","path":"spaces/mine/space.json"});
    let many = json!({ "ops": vec![op.clone(); 1_001] });
    assert_eq!(http.call("POST", &url, &token, &many).status, 400);
    let huge = json!({ "ops": [], "padding": "x".repeat(300_000) });
    assert_eq!(http.call("POST", &url, &token, &huge).status, 413);
    let mut last = 200;
    for _ in 0..400 {
        let answer = http.call("POST", &url, &token, &json!({ "ops": [op] }));
        last = answer.status;
        if last == 429 {
            assert!(answer.headers.contains_key("retry-after"));
            break;
        }
    }
    assert_eq!(last, 429);
    // Another token has a rate of its own.
    assert_eq!(
        http.call(
            "GET",
            &format!("{}/v1/token", serving.url()),
            &serving.admin(),
            &Value::Null
        )
        .status,
        200
    );
}

#[test]
fn what_is_no_request_gets_a_refusal_and_no_more() {
    let serving = Serving::start();
    let http = Http::new();
    let token = serving.admin();
    let url = |path: &str| format!("{}{path}", serving.url());
    let cases = [
        ("GET", "/v1/nothing", Value::Null, 404),
        ("GET", "/v1/spaces/mine/sync", Value::Null, 405),
        ("POST", "/v1/spaces/mine/sync", Value::Null, 400),
        ("POST", "/v1/spaces/mine/sync", json!([]), 400),
        ("POST", "/v1/spaces/mine/sync", json!({"loook":{}}), 400),
        (
            "POST",
            "/v1/spaces/mine/sync",
            json!({"look":{"have":{"epoch":0,"generation":0}}}),
            400,
        ),
        ("POST", "/v1/spaces/mine/sync", json!({"look":{}}), 404),
        (
            "POST",
            "/v1/spaces/mine/sign",
            json!({"ops":[{"op":"get"}]}),
            400,
        ),
    ];
    for (method, path, body, expected) in cases {
        let answer = http.call(method, &url(path), &token, &body);
        assert_eq!(
            answer.status, expected,
            "{method} {path} {body}: {}",
            answer.body
        );
        let refusal = answer.json();
        assert!(
            refusal["message"].is_string() && refusal["hint"].is_string(),
            "{refusal}"
        );
        assert_eq!(answer.headers["x-content-type-options"], "nosniff");
        assert_eq!(answer.headers["cache-control"], "no-store");
        assert!(answer.headers.contains_key("x-request-id"));
    }
    let anonymous = http.call("POST", &url("/v1/spaces/mine/sync"), "", &json!({}));
    assert_eq!(anonymous.status, 401);
    assert!(anonymous.headers["www-authenticate"].starts_with("Bearer"));
    // Without a signature the bucket beside it gives nothing either.
    assert_eq!(
        http.call("GET", &url("/icecore/store.json"), "", &Value::Null)
            .status,
        403
    );
    assert_eq!(
        http.call("GET", &url("/serve.json"), "", &Value::Null)
            .status,
        403
    );
}

#[test]
fn only_pages_of_known_origins_may_call() {
    let serving = Serving::start_with(&["--allow-origin", "https://app.example.org"]);
    let http = Http::new();
    let mut request = crate::support::http::Presigned {
        method: "OPTIONS".to_owned(),
        url: format!("{}/v1/spaces/mine/sync", serving.url()),
        headers: std::collections::BTreeMap::new(),
    };
    request = request
        .with("origin", "https://app.example.org")
        .with("access-control-request-method", "POST");
    let answer = http.send(&request, "");
    assert_eq!(answer.status, 204);
    assert_eq!(
        answer.headers["access-control-allow-origin"],
        "https://app.example.org"
    );
    for origin in [
        "https://app.example.org.evil.test",
        "http://app.example.org",
        "null",
    ] {
        let answer = http.send(&request.clone().with("origin", origin), "");
        assert_eq!(answer.status, 403, "{origin}");
        assert!(!answer.headers.contains_key("access-control-allow-origin"));
    }
}

#[test]
fn a_body_that_does_not_come_is_not_waited_for() {
    let serving = Serving::start();
    let address = serving.url().trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    let head = format!(
        "POST /v1/spaces/mine/sync HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\ncontent-length: 100\r\n\r\n{{",
        serving.admin()
    );
    stream.write_all(head.as_bytes()).unwrap();
    let mut answer = vec![0; 64];
    let read = stream.read(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(answer.starts_with("HTTP/1.1 408"), "{answer}");
}
