//! The `OpenAPI` document, made from the endpoints and the types of their bodies.

use super::Gateway;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use utoipa::openapi::path::{Operation, Parameter, PathItem};
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{InfoBuilder, OpenApi, RefOr, Schema};

/// What a name of a space may be, as `SpaceName` reads it. A guest's id is one too.
const SPACE_NAME: &str = "^[a-z0-9_-][a-z0-9_.-]{0,63}$";

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
    let operations = document.paths.paths.values_mut().flat_map(operations);
    for parameter in operations.flat_map(|operation| operation.parameters.iter_mut().flatten()) {
        describe(parameter);
    }
    document
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = &mut Operation> {
    let PathItem {
        get,
        put,
        post,
        delete,
        ..
    } = item;
    [get, put, post, delete].into_iter().flatten()
}

/// Here and not at each endpoint: one that is added cannot forget it.
fn describe(parameter: &mut RefOr<Parameter>) {
    if let RefOr::T(Parameter {
        name,
        schema: Some(RefOr::T(Schema::Object(schema))),
        ..
    }) = parameter
        && matches!(name.as_str(), "space" | "id")
    {
        schema.pattern = Some(SPACE_NAME.to_owned());
    }
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
