//! The `OpenAPI` document, made from the endpoints and the types of their bodies.

use super::Gateway;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi};

/// The document with what endpoints do not say.
pub(crate) fn finished(mut document: OpenApi) -> OpenApi {
    document.info = InfoBuilder::new()
        .title("icecore gateway")
        .version(env!("CARGO_PKG_VERSION"))
        .description(Some(
            "Presigned requests for offline-first clients of an icecore store.",
        ))
        .build();
    let bearer = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .bearer_format("JWT")
        .build();
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("token", SecurityScheme::Http(bearer));
    document
}

pub(crate) fn to_json(document: &OpenApi) -> String {
    document.to_json().expect("BUG: plain data has a JSON form")
}

/// `GET /v1/openapi.json`.
pub(crate) fn route(document: &OpenApi) -> Router<Gateway> {
    let json = to_json(document);
    let answer = move || async move { ([(CONTENT_TYPE, "application/json")], json) };
    Router::new().route("/v1/openapi.json", get(answer))
}
