//! What is answered for a file: its kind, how long it counts, and what keeps a page safe.

use super::files::File;
use axum::body::Body;
use axum::http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_SECURITY_POLICY,
    CONTENT_TYPE, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH, REFERRER_POLICY, VARY,
    X_CONTENT_TYPE_OPTIONS,
};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, Response, StatusCode};

/// A file whose name changes whenever it does.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
/// Any other: kept, and asked after each time.
const ASK_AGAIN: &str = "no-cache";
/// What no app needs and a page that is shown within another one could be made to do.
const POLICY: &str = "frame-ancestors 'none'; object-src 'none'; base-uri 'self'";

/// What browsers are told of a file, by its extension. One that is not here is downloaded, and not run.
const TYPES: [(&str, &str); 28] = [
    ("avif", "image/avif"),
    ("css", "text/css; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("gif", "image/gif"),
    ("htm", "text/html; charset=utf-8"),
    ("html", "text/html; charset=utf-8"),
    ("ico", "image/x-icon"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("js", "text/javascript; charset=utf-8"),
    ("json", "application/json"),
    ("map", "application/json"),
    ("md", "text/markdown; charset=utf-8"),
    ("mjs", "text/javascript; charset=utf-8"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("ogg", "audio/ogg"),
    ("otf", "font/otf"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("svg", "image/svg+xml"),
    ("ttf", "font/ttf"),
    ("txt", "text/plain; charset=utf-8"),
    ("wasm", "application/wasm"),
    ("webmanifest", "application/manifest+json"),
    ("webp", "image/webp"),
    ("woff2", "font/woff2"),
    ("xml", "application/xml"),
];

/// The file, or that the browser has it already.
pub(super) fn of_file(request: &Parts, file: &File) -> Response<Body> {
    let (body, encoding) = chosen(&request.headers, file);
    // Packed and plain are two representations: each has a tag of its own.
    let tag = format!("\"{}{}\"", file.tag, encoding.map_or("", |e| &e[..1]));
    let is_known = request
        .headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|known| matches!(known.trim(), "*") || known.trim().trim_start_matches("W/") == tag);
    let status = if is_known {
        StatusCode::NOT_MODIFIED
    } else {
        StatusCode::OK
    };
    let cache = if file.is_hashed { FOR_EVER } else { ASK_AGAIN };
    let mut response = dressed(request, status, (file, body), encoding);
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(cache));
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        headers.insert(ETAG, tag);
    }
    response
}

/// There is no such file: the app's own page for that, or a line.
pub(super) fn not_found(request: &Parts, page: Option<&File>) -> Response<Body> {
    let page = page.filter(|page| !page.plain.is_empty());
    let line = File {
        extension: "txt".to_owned(),
        plain: b"the app has no such file\n".to_vec(),
        ..File::default()
    };
    let file = page.unwrap_or(&line);
    let (body, encoding) = chosen(&request.headers, file);
    let mut response = dressed(request, StatusCode::NOT_FOUND, (file, body), encoding);
    response
        .headers_mut()
        .insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

fn dressed(
    request: &Parts,
    status: StatusCode,
    (file, body): (&File, &[u8]),
    encoding: Option<&'static str>,
) -> Response<Body> {
    let has_body = request.method == Method::GET && status != StatusCode::NOT_MODIFIED;
    let sent = if has_body { body.to_vec() } else { Vec::new() };
    let mut response = Response::new(Body::from(sent));
    *response.status_mut() = status;
    let kind = TYPES.iter().find(|(end, _)| *end == file.extension);
    let kind = kind.map_or("application/octet-stream", |(_, kind)| kind);
    let headers = response.headers_mut();
    let mut say = |name: HeaderName, value: &'static str| {
        headers.insert(name, HeaderValue::from_static(value));
    };
    say(CONTENT_TYPE, kind);
    say(X_CONTENT_TYPE_OPTIONS, "nosniff");
    say(REFERRER_POLICY, "same-origin");
    say(CONTENT_SECURITY_POLICY, POLICY);
    say(VARY, "accept-encoding");
    if let Some(encoding) = encoding {
        say(CONTENT_ENCODING, encoding);
    }
    if status != StatusCode::NOT_MODIFIED {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    response
}

/// The smallest form that the browser reads.
fn chosen<'a>(headers: &HeaderMap, file: &'a File) -> (&'a [u8], Option<&'static str>) {
    if let Some(packed) = &file.brotli
        && accepts(headers, "br")
    {
        return (packed, Some("br"));
    }
    match &file.gzip {
        Some(packed) if accepts(headers, "gzip") => (packed, Some("gzip")),
        _ => (&file.plain, None),
    }
}

fn accepts(headers: &HeaderMap, encoding: &str) -> bool {
    let listed = headers.get_all(ACCEPT_ENCODING).iter();
    let listed = listed.filter_map(|value| value.to_str().ok());
    listed.flat_map(|value| value.split(',')).any(|item| {
        let mut parts = item.split(';').map(str::trim);
        let is_it = parts
            .next()
            .is_some_and(|name| name.eq_ignore_ascii_case(encoding));
        is_it && parts.all(|part| !matches!(part, "q=0" | "q=0.0" | "q=0.00" | "q=0.000"))
    })
}

/// A path with its escapes undone; `None` where it is none that a file can have.
pub(super) fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        let byte = if byte == b'%' {
            let digit = |digit: Option<u8>| char::from(digit?).to_digit(16);
            let (high, low) = (digit(rest.next())?, digit(rest.next())?);
            u8::try_from(high * 16 + low).ok()?
        } else {
            byte
        };
        bytes.push(byte);
    }
    String::from_utf8(bytes).ok()
}
