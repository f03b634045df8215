//! Keys over real HTTP.

use crate::token::support::{
    IssuerKey, ManualClock, RSA_A, RSA_B, issuer, issuer_claims, key_set, with,
};
use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use icecore_core::ErrorKind;
use icecore_gateway::token::{
    FETCH_BYTES_MAX, FETCH_INTERVAL_MIN, FETCH_TIME_MAX, Fetch, HttpFetch, TokenFault,
    TokenSettings, Verifier,
};
use serde_json::{Value, json};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;

#[derive(Debug, Default)]
struct Server {
    url: String,
    keys: Mutex<Value>,
    asked: AtomicUsize,
}

impl Server {
    /// An issuer on this machine, until the test ends.
    async fn start() -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let server = Arc::new(Self {
            url,
            ..Self::default()
        });
        let router = Router::new()
            .route("/.well-known/openid-configuration", get(describe))
            .route("/keys", get(keys))
            .route("/long", get(async || "x".repeat(FETCH_BYTES_MAX + 1)))
            .route("/endless", get(async || endless().into_response()))
            .route("/fits", get(async || "x".repeat(FETCH_BYTES_MAX)))
            .route("/never", get(never))
            .route("/moved", get(moved))
            .with_state(Arc::clone(&server));
        tokio::spawn(async move { axum::serve(listener, router).await });
        server
    }
}

async fn describe(State(server): State<Arc<Server>>) -> String {
    let url = &server.url;
    json!({ "issuer": url, "jwks_uri": format!("{url}/keys") }).to_string()
}

async fn keys(State(server): State<Arc<Server>>) -> String {
    server.asked.fetch_add(1, Ordering::SeqCst);
    server.keys.lock().unwrap().to_string()
}

async fn never() -> String {
    std::future::pending().await
}

/// No length is announced, and the end never comes.
fn endless() -> Body {
    let chunk = futures::stream::repeat_with(|| Ok::<_, std::io::Error>(vec![b'x'; 64 * 1024]));
    Body::from_stream(chunk)
}

async fn moved(State(server): State<Arc<Server>>) -> Response {
    let there = format!("{}/keys", server.url);
    (StatusCode::FOUND, [(header::LOCATION, there)]).into_response()
}

fn http_fetch(clock: &ManualClock) -> Arc<dyn Fetch> {
    Arc::new(HttpFetch::new(Arc::new(clock.clone())).unwrap())
}

#[tokio::test]
async fn keys_are_found_and_found_again_after_a_rotation() {
    let (server, clock) = (Server::start().await, ManualClock::new());
    let here = with(issuer(), &json!({ "issuer": server.url, "jwks_url": null }));
    let settings = json!({ "issuers": [here] }).to_string();
    let settings = TokenSettings::from_json(settings.as_bytes()).unwrap();
    let verifier = Verifier::new(&settings, &http_fetch(&clock), Arc::new(clock.clone())).unwrap();
    let claims = with(issuer_claims(), &json!({ "iss": server.url }));
    let (a, b) = (IssuerKey::rsa(RSA_A, "a"), IssuerKey::rsa(RSA_B, "b"));

    *server.keys.lock().unwrap() = key_set(&[&a]);
    verifier.verify(&a.sign(&claims)).await.unwrap();
    *server.keys.lock().unwrap() = key_set(&[&b]);
    let fault = verifier.verify(&b.sign(&claims)).await.unwrap_err();
    assert!(matches!(fault, TokenFault::UnknownKey { .. }), "{fault:?}");
    assert_eq!(server.asked.load(Ordering::SeqCst), 1);

    clock.advance(FETCH_INTERVAL_MIN);
    verifier.verify(&b.sign(&claims)).await.unwrap();
    verifier.verify(&a.sign(&claims)).await.unwrap_err();
    assert_eq!(server.asked.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn answers_are_limited() {
    let (server, clock) = (Server::start().await, ManualClock::new());
    let fetch = http_fetch(&clock);
    let get = async |path: &str| fetch.get(&format!("{}{path}", server.url)).await;
    assert_eq!(get("/fits").await.unwrap().len(), FETCH_BYTES_MAX);
    for (path, problem) in [
        ("/long", "longer than"),
        ("/endless", "longer than"),
        ("/none?key=hidden", "HTTP 404"),
    ] {
        let error = get(path).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert!(error.to_string().contains(problem), "{error}");
        assert!(!error.to_string().contains("hidden"), "{error}");
    }
    assert_eq!(get("/moved").await.unwrap(), "null");
}

#[tokio::test]
async fn an_answer_that_does_not_come_is_given_up() {
    let (server, clock) = (Server::start().await, ManualClock::new());
    let fetch = http_fetch(&clock);
    let url = format!("{}/never", server.url);
    let waiting = tokio::spawn(async move { fetch.get(&url).await });
    while !waiting.is_finished() {
        tokio::task::yield_now().await;
        clock.advance(FETCH_TIME_MAX);
    }
    let error = waiting.await.unwrap().unwrap_err();
    assert!(
        error.to_string().contains("no answer within 5 s"),
        "{error}"
    );

    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = format!("http://{}/keys", listener.local_addr().unwrap());
    drop(listener);
    let error = http_fetch(&clock).get(&nobody).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn only_https_and_this_machine_are_asked() {
    let fetch = http_fetch(&ManualClock::new());
    for url in [
        "http://login.example.com/keys",
        "http://169.254.169.254/latest",
        "http://127.0.0.1.example.com/",
        "http://localhost@example.com/",
        "https://me:pw@login.example.com/",
        "https://login.example.com/#keys",
        "file:///etc/passwd",
        "data:,x",
        "keys",
        "",
    ] {
        let error = fetch.get(url).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{url}");
        assert!(!format!("{error:?}").contains("pw@"));
    }
}
