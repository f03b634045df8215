//! What a request must look like before its signature is checked: one way of signing, nothing that matters left
//! unsigned, and no more than can be held.

use chrono::DateTime;
use http::header::{
    AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue,
};
use http::request::Parts;
use http_body::Body as _;
use s3s::{Body, S3Error, S3ErrorCode, S3Result, s3_error};
use std::collections::BTreeSet;
use url::form_urlencoded;

/// The only algorithm that is understood.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// S3 lets no presigned URL live longer: seven days.
const EXPIRES_MAX_S: u32 = 604_800;

/// The part of a presigned URL that is the signature itself.
const PRESIGNED: [&str; 8] = [
    "x-amz-algorithm",
    "x-amz-content-sha256",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-security-token",
    "x-amz-signature",
    "x-amz-signedheaders",
];

/// Only ever a stricter demand, and part of what is signed by itself.
const CONTENT_SHA256: &str = "x-amz-content-sha256";
const AMZ_DATE: &str = "x-amz-date";

/// How much a request may bring.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    body_max: u64,
}

impl Limits {
    pub(crate) fn new(body_max: u64) -> Self {
        Self { body_max }
    }

    /// A body that is sent in signed chunks has about 90 bytes more for each, which are at least 8 KiB, and a list
    /// of keys may be larger than a small limit of objects.
    pub(crate) fn raw_body(self) -> usize {
        let raw = self.body_max.saturating_add(self.body_max / 64);
        usize::try_from(raw.saturating_add(4 << 20)).unwrap_or(usize::MAX)
    }
}

/// Refuses what must not get as far as its signature.
pub(crate) fn check(parts: &Parts, body: &Body, limits: Limits) -> S3Result<()> {
    let query = parts.uri.query().unwrap_or_default();
    let presigned = Presigned::find(query)?;
    let signed = match (parts.headers.get(AUTHORIZATION), presigned) {
        (Some(_), Some(_)) => {
            return Err(s3_error!(
                InvalidArgument,
                "a request is signed in its header or in its URL, not in both"
            ));
        }
        (None, None) => return Err(s3_error!(AccessDenied, "the request is not signed")),
        (Some(header), None) => signed_in_header(header)?,
        (None, Some(presigned)) => presigned.check()?,
    };
    check_headers(&parts.headers, &signed)?;
    if is_form(parts) {
        return Err(s3_error!(
            NotImplemented,
            "uploads from a form are not implemented"
        ));
    }
    check_length(&parts.headers, body, limits)
}

/// Gives a request the time of its `Date` where it has no `x-amz-date`: older tools sign that header. What is signed is the time
/// as `x-amz-date` has it, whichever header it came in.
pub(crate) fn dated(parts: &mut Parts) {
    if parts.headers.contains_key(AMZ_DATE) || !parts.headers.contains_key(AUTHORIZATION) {
        return;
    }
    let date = parts.headers.get(DATE).and_then(|date| date.to_str().ok());
    let time = date.and_then(|date| DateTime::parse_from_rfc2822(date).ok());
    let text = time.map(|time| time.to_utc().format("%Y%m%dT%H%M%SZ").to_string());
    if let Some(text) = text.and_then(|text| HeaderValue::try_from(text).ok()) {
        parts.headers.insert(AMZ_DATE, text);
    }
}

/// Makes headers of what a presigned URL carries instead of headers, as some SDKs write them. The query is signed
/// as a whole.
pub(crate) fn hoist(parts: &mut Parts) -> S3Result<()> {
    let query = parts.uri.query().unwrap_or_default();
    if Presigned::find(query)?.is_none() {
        return Ok(());
    }
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let name = name.to_ascii_lowercase();
        if !name.starts_with("x-amz-") || PRESIGNED.contains(&name.as_str()) {
            continue;
        }
        let invalid = || s3_error!(InvalidArgument, "a header in the query is not valid");
        let value = HeaderValue::try_from(value.as_ref()).map_err(|_| invalid())?;
        let name = HeaderName::try_from(name).map_err(|_| invalid())?;
        if parts.headers.insert(name, value).is_some() {
            return Err(s3_error!(
                InvalidArgument,
                "a header stands in the query and in the request"
            ));
        }
    }
    Ok(())
}

/// The signature of a presigned URL.
#[derive(Debug, Default)]
struct Presigned {
    expires: Option<String>,
    signed_headers: String,
}

impl Presigned {
    fn find(query: &str) -> S3Result<Option<Self>> {
        let (mut found, mut is_presigned) = (Self::default(), false);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "X-Amz-Signature" => is_presigned = true,
                "X-Amz-Expires" => found.expires = Some(value.into_owned()),
                "X-Amz-SignedHeaders" => found.signed_headers = value.into_owned(),
                "Signature" | "AWSAccessKeyId" => return Err(unsupported()),
                _ => {}
            }
        }
        Ok(is_presigned.then_some(found))
    }

    fn check(self) -> S3Result<BTreeSet<String>> {
        let expires = self.expires.and_then(|expires| expires.parse::<u32>().ok());
        if !expires.is_some_and(|seconds| (1..=EXPIRES_MAX_S).contains(&seconds)) {
            let mut error = S3Error::with_message(
                S3ErrorCode::AuthorizationQueryParametersError,
                "X-Amz-Expires must be from 1 to 604800 seconds",
            );
            error.set_status_code(http::StatusCode::FORBIDDEN);
            return Err(error);
        }
        Ok(names(&self.signed_headers))
    }
}

fn names(list: &str) -> BTreeSet<String> {
    list.split(';').map(str::to_ascii_lowercase).collect()
}

fn signed_in_header(header: &HeaderValue) -> S3Result<BTreeSet<String>> {
    let text = header.to_str().map_err(|_| unsupported())?;
    let fields = text.strip_prefix(ALGORITHM).ok_or_else(unsupported)?;
    let list = fields
        .split(',')
        .find_map(|field| field.trim().strip_prefix("SignedHeaders="));
    Ok(names(list.unwrap_or_default()))
}

fn unsupported() -> S3Error {
    s3_error!(
        InvalidRequest,
        "only signatures of AWS4-HMAC-SHA256 are supported"
    )
}

/// Whoever has a presigned URL could otherwise add to it what its signer did not mean. What is not text is not
/// seen by the check of the signature.
fn check_headers(headers: &HeaderMap, signed: &BTreeSet<String>) -> S3Result<()> {
    for (name, value) in headers {
        let is_signed = signed.contains(name.as_str());
        let is_amz = name.as_str().starts_with("x-amz-");
        if is_amz && !is_signed && name != CONTENT_SHA256 {
            return Err(s3_error!(
                AccessDenied,
                "There were headers present in the request which were not signed"
            ));
        }
        if (is_amz || is_signed) && std::str::from_utf8(value.as_bytes()).is_err() {
            return Err(s3_error!(InvalidRequest, "a header is not in UTF-8"));
        }
    }
    Ok(())
}

/// The file of a form would be read before anybody asked whether it may be written.
fn is_form(parts: &Parts) -> bool {
    let kind = parts.headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes);
    let is_multipart = |kind: &[u8]| {
        kind.get(..10)
            .is_some_and(|start| start.eq_ignore_ascii_case(b"multipart/"))
    };
    parts.method == http::Method::POST && kind.is_some_and(is_multipart)
}

fn check_length(headers: &HeaderMap, body: &Body, limits: Limits) -> S3Result<()> {
    let announced = headers
        .get(CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let length = announced.unwrap_or(0).max(body.size_hint().lower());
    if usize::try_from(length).is_ok_and(|length| length <= limits.raw_body()) {
        Ok(())
    } else {
        Err(s3_error!(EntityTooLarge, "the body is too large"))
    }
}
