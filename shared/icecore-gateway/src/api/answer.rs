//! Bodies: JSON in, JSON out.

use super::refusal::Refused;
use axum::body::Bytes;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use icecore_core::Error;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// How many requests an answer holds that were signed for it: an extension of the response.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Signatures(pub(crate) u64);

/// A JSON answer that holds signed requests.
///
/// # Errors
/// As [`json`].
pub(crate) fn signed(value: &impl Serialize, count: usize) -> Result<Response, Refused> {
    let mut response = json(value)?;
    response.extensions_mut().insert(Signatures(count as u64));
    Ok(response)
}

/// Reads a request's body.
///
/// # Errors
/// `Invalid`, saying where it is wrong.
pub(crate) fn parse<T: DeserializeOwned>(body: &Bytes) -> Result<T, Refused> {
    let wrong = |why: String| {
        Error::invalid(format!("the request's body is wrong: {why}"))
            .with_hint("GET /v1/openapi.json describes what each endpoint takes")
    };
    // A list of a struct's fields in order would be taken for it.
    if !body.trim_ascii_start().starts_with(b"{") {
        return Err(wrong("it is no JSON object".to_owned()).into());
    }
    serde_json::from_slice(body).map_err(|e| wrong(e.to_string()).into())
}

/// A JSON answer to what made something.
///
/// # Errors
/// As [`json`].
pub(crate) fn created(value: &impl Serialize) -> Result<Response, Refused> {
    Ok((StatusCode::CREATED, json(value)?).into_response())
}

/// A JSON answer.
///
/// # Errors
/// `Internal`: our own types have a JSON form.
pub(crate) fn json(value: &impl Serialize) -> Result<Response, Refused> {
    let body = serde_json::to_vec(value)
        .map_err(|e| Error::internal("BUG: an answer has no JSON form").with_source(e))?;
    Ok(([(CONTENT_TYPE, "application/json")], body).into_response())
}
