//! Which web pages may use the endpoint, and how browsers are told.

use crate::error::respond;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::{Response, StatusCode};
use s3s::{Body, S3Error, S3ErrorCode, S3Result, s3_error};
use std::collections::BTreeSet;

const METHODS: [&str; 5] = ["GET", "PUT", "HEAD", "DELETE", "POST"];

/// Browsers forget an answer after this at the latest.
const MAX_AGE_S: HeaderValue = HeaderValue::from_static("7200");

/// What the client in a page may read of a response.
const EXPOSED: [&str; 15] = [
    "ETag",
    "Date",
    "Last-Modified",
    "Accept-Ranges",
    "Content-Encoding",
    "Content-Length",
    "Content-Range",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
    "x-amz-meta-author",
    "x-amz-request-id",
    "x-amz-version-id",
];

/// The origins whose pages may send requests, and what they may read of the responses.
///
/// Any header may be sent, since every request is signed. Cookies are never asked for.
#[derive(Debug, Clone)]
pub struct Cors {
    /// Any, where there is none.
    origins: Option<BTreeSet<String>>,
    exposed: String,
}

impl Cors {
    /// Pages of any origin.
    pub fn any() -> Self {
        Self {
            origins: None,
            exposed: EXPOSED.join(", "),
        }
    }

    /// Pages of these origins, as browsers write them: `https://app.example`, with a port where it is not the usual one,
    /// without a slash at the end.
    pub fn origins<T: Into<String>>(origins: impl IntoIterator<Item = T>) -> Self {
        Self {
            origins: Some(origins.into_iter().map(Into::into).collect()),
            ..Self::any()
        }
    }

    /// One more header that a page may read, such as `x-amz-meta-device`.
    #[must_use]
    pub fn expose(mut self, name: &HeaderName) -> Self {
        let mut known = self.exposed.split(", ");
        if !known.any(|known| known.eq_ignore_ascii_case(name.as_str())) {
            self.exposed.push_str(", ");
            self.exposed.push_str(name.as_str());
        }
        self
    }

    fn allows(&self, origin: &HeaderValue) -> bool {
        let Some(origins) = &self.origins else {
            return true;
        };
        origin.to_str().is_ok_and(|origin| origins.contains(origin))
    }

    /// Answers a browser that asks whether it may send a request.
    pub(crate) fn preflight(cors: Option<&Self>, asked: &HeaderMap) -> Response<Body> {
        match Self::permit(cors, asked) {
            Ok(permitted) => {
                let mut response = Response::new(Body::empty());
                *response.status_mut() = StatusCode::OK;
                *response.headers_mut() = permitted;
                response
            }
            Err(error) => respond(error),
        }
    }

    fn permit(cors: Option<&Self>, asked: &HeaderMap) -> S3Result<HeaderMap> {
        let (Some(origin), Some(method)) =
            (asked.get(ORIGIN), asked.get(ACCESS_CONTROL_REQUEST_METHOD))
        else {
            return Err(s3_error!(
                InvalidRequest,
                "a preflight request names its Origin and Access-Control-Request-Method"
            ));
        };
        let Some(cors) = cors else {
            return Err(forbidden("CORS is not enabled here"));
        };
        if !cors.allows(origin) {
            return Err(forbidden("the origin is not allowed"));
        }
        if !METHODS.iter().any(|allowed| method == allowed) {
            return Err(forbidden("the method is not allowed"));
        }
        let mut permitted = HeaderMap::new();
        let methods = HeaderValue::from_static("GET, PUT, HEAD, DELETE, POST");
        permitted.insert(ACCESS_CONTROL_ALLOW_METHODS, methods);
        permitted.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE_S);
        if let Some(names) = asked.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            permitted.insert(ACCESS_CONTROL_ALLOW_HEADERS, header_names(names)?);
        }
        Ok(permitted)
    }

    /// Lets the page read a response, whatever it says. Others get nothing, and caches learn that it depends.
    pub(crate) fn apply(&self, origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
        let vary = "Origin, Access-Control-Request-Headers, Access-Control-Request-Method";
        headers.insert(VARY, HeaderValue::from_static(vary));
        let Some(origin) = origin.filter(|origin| self.allows(origin)) else {
            return;
        };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        if let Ok(exposed) = HeaderValue::try_from(&self.exposed) {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, exposed);
        }
    }
}

/// The names that were asked for, in the form in which they are compared.
fn header_names(names: &HeaderValue) -> S3Result<HeaderValue> {
    let invalid = || forbidden("a header that is asked for has no valid name");
    let names = names.to_str().map_err(|_| invalid())?.split(',');
    let names: Option<Vec<_>> = names
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .map(|name| Some(HeaderName::try_from(name).ok()?.as_str().to_owned()))
        .collect();
    let list = names.ok_or_else(invalid)?.join(", ");
    HeaderValue::try_from(list).map_err(|_| invalid())
}

fn forbidden(why: &'static str) -> S3Error {
    let code = S3ErrorCode::Custom("AccessForbidden".into());
    let mut error = S3Error::with_message(code, why);
    error.set_status_code(StatusCode::FORBIDDEN);
    error
}
