//! `icecore serve --app`: the files of an app on the gateway's own origin.

use crate::support::command::{Place, Replica};
use crate::support::http::{Answer, Http, Presigned};
use crate::support::serving::Serving;
use crate::support::tools::pause;
use serde_json::json;
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::Duration;

const PAGE: &str = "<!doctype html><title>An app</title><script src=app-B7x9Qw2k.js></script>";

/// A folder with an app, and what must not be shown of it.
fn app() -> Place {
    let place = Place::empty();
    let folder = place.folder().join("app");
    fs::create_dir_all(folder.join("sub")).unwrap();
    fs::write(folder.join("index.html"), PAGE).unwrap();
    fs::write(folder.join("404.html"), "<p>nothing here").unwrap();
    fs::write(folder.join("app-B7x9Qw2k.js"), "let a = 1;\n".repeat(500)).unwrap();
    fs::write(folder.join("app-B7x9Qw2k.js.br"), "packed by a build tool").unwrap();
    fs::write(folder.join("sub/index.html"), "<p>sub").unwrap();
    fs::write(folder.join("a name.txt"), "blanks").unwrap();
    fs::write(folder.join(".env"), "SECRET=1").unwrap();
    fs::write(place.folder().join("outside.txt"), "outside").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(place.folder().join("outside.txt"), folder.join("link.txt"))
        .unwrap();
    place
}

fn folder_of(place: &Place) -> String {
    place.folder().join("app").display().to_string()
}

fn ask(http: &Http, url: &str, headers: &[(&str, &str)]) -> Answer {
    let request = Presigned {
        method: "GET".to_owned(),
        url: url.to_owned(),
        headers: headers
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect::<BTreeMap<_, _>>(),
    };
    http.send(&request, "")
}

#[test]
fn an_app_is_served_beside_the_gateway() {
    let place = app();
    let serving = Serving::start_with(&["--app", &folder_of(&place)]);
    let http = Http::new();
    let get = |path: &str| ask(&http, &format!("{}{path}", serving.url()), &[]);
    let page = get("/");
    assert_eq!((page.status, page.body.as_str()), (200, PAGE));
    assert_eq!(page.headers["content-type"], "text/html; charset=utf-8");
    assert_eq!(page.headers["cache-control"], "no-cache");
    assert_eq!(page.headers["x-content-type-options"], "nosniff");
    assert!(page.headers["content-security-policy"].contains("frame-ancestors 'none'"));
    let script = get("/app-B7x9Qw2k.js?v=2");
    assert_eq!(
        script.headers["cache-control"],
        "public, max-age=31536000, immutable"
    );
    assert_eq!(
        script.headers["content-type"],
        "text/javascript; charset=utf-8"
    );
    assert_eq!(get("/sub/").body, "<p>sub");
    assert_eq!(get("/a%20name.txt").body, "blanks");
    let lost = get("/nowhere");
    assert_eq!((lost.status, lost.body.as_str()), (404, "<p>nothing here"));
    // The gateway and the objects are where they were.
    assert_eq!(get("/healthz").status, 200);
    let token = serving.admin();
    let made = http.call(
        "PUT",
        &format!("{}/v1/spaces/todo", serving.url()),
        &token,
        &json!({}),
    );
    assert!(made.status < 500, "{}", made.body);
    let place = serving.behind(&token);
    let replica: Replica = place.replica("a");
    replica.ok(&["space", "create", "mine"]);
    replica.merge("mine", r#"{"a":1}"#);
    replica.ok(&["sync", "mine"]);
    assert_eq!(
        get("/icecore/").status,
        403,
        "a listing of the bucket needs a signature"
    );
}

#[test]
fn what_a_browser_has_is_not_sent_again_and_what_it_reads_is_packed() {
    let place = app();
    let serving = Serving::start_with(&["--app", &folder_of(&place)]);
    let http = Http::new();
    let script = format!("{}/app-B7x9Qw2k.js", serving.url());
    let plain = ask(&http, &script, &[("accept-encoding", "identity")]);
    assert_eq!(plain.body.len(), 5_500);
    let tag = plain.headers["etag"].clone();
    let known = ask(
        &http,
        &script,
        &[("accept-encoding", "identity"), ("if-none-match", &tag)],
    );
    assert_eq!((known.status, known.body.as_str()), (304, ""));
    let brotli = ask(&http, &script, &[("accept-encoding", "gzip, br")]);
    assert_eq!(brotli.headers["content-encoding"], "br");
    assert_eq!(brotli.body, "packed by a build tool");
    assert_ne!(brotli.headers["etag"], tag);
    let gzip = raw(
        serving.url(),
        "/app-B7x9Qw2k.js",
        "Accept-Encoding: gzip, br;q=0\r\n",
    );
    assert!(gzip.contains("content-encoding: gzip"), "{gzip}");
    assert!(gzip.contains("vary: accept-encoding"), "{gzip}");
    // A new build is served without a restart.
    fs::write(place.folder().join("app/index.html"), "<p>the next version").unwrap();
    let mut page = String::new();
    for _ in 0..50 {
        page = ask(&http, serving.url(), &[]).body;
        if page != PAGE {
            break;
        }
        pause(Duration::from_millis(100));
    }
    assert_eq!(page, "<p>the next version");
}

/// What comes back for a path as it stands, which no client library repairs; the bytes as text, as far as they are.
fn raw(url: &str, path: &str, headers: &str) -> String {
    let address = url.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).unwrap();
    stream
        .set_read_timeout(Some(Duration::from_secs(10)))
        .unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn no_path_leads_out_of_the_app() {
    let place = app();
    let serving = Serving::start_with(&["--app", &folder_of(&place)]);
    for path in [
        "/../outside.txt",
        "/sub/../../outside.txt",
        "/%2e%2e/outside.txt",
        "/..%2foutside.txt",
        "/sub/%2e%2e/%2e%2e/outside.txt",
        "//etc/passwd",
        "/link.txt",
        "/.env",
        "/index.html/",
        "/sub",
        "/INDEX.HTML",
        "/index.html%00",
        "/%ff",
        "/%",
        "/%zz",
        "/..\\outside.txt",
    ] {
        let answer = raw(serving.url(), path, "");
        assert!(answer.starts_with("HTTP/1.1 404"), "{path}: {answer}");
        assert!(
            !answer.contains("outside") && !answer.contains("SECRET"),
            "{path}: {answer}"
        );
    }
    // Only reading.
    let http = Http::new();
    let put = Presigned {
        method: "PUT".to_owned(),
        url: format!("{}/index.html", serving.url()),
        headers: BTreeMap::new(),
    };
    assert!(http.send(&put, "mine").status >= 400);
    assert_eq!(ask(&http, serving.url(), &[]).body, PAGE);
}

#[test]
fn a_folder_that_is_no_app_is_refused() {
    let place = app();
    let folder = place.folder().join("app");
    let serve = |folder: &Path| {
        let data = place.folder().join("data").display().to_string();
        let folder = folder.display().to_string();
        place.replica("server").fails(
            2,
            &[
                "serve",
                "--dir",
                &data,
                "--listen",
                "127.0.0.1:0",
                "--app",
                &folder,
            ],
        )
    };
    let missing = serve(&place.folder().join("nowhere"));
    assert!(
        missing.contains("nowhere") && missing.contains("--app"),
        "{missing}"
    );
    fs::create_dir(folder.join("v1")).unwrap();
    let taken = serve(&folder);
    assert!(
        taken.contains("`v1`") && taken.contains("another name"),
        "{taken}"
    );
    fs::remove_dir(folder.join("v1")).unwrap();
    fs::remove_file(folder.join("index.html")).unwrap();
    let empty = serve(&folder);
    assert!(
        empty.contains("index.html") && empty.contains("dist"),
        "{empty}"
    );
}
