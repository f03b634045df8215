//! Who asks: the request's token, and how often it may call; and about which space.

use super::Gateway;
use super::refusal::Refused;
use crate::token::{Access, bearer_token};
use axum::extract::{FromRequestParts, Path};
use axum::http::header::{AUTHORIZATION, HOST};
use axum::http::request::Parts;
use axum::http::uri::Authority;
use icecore_core::{Error, SpaceName};

/// What the request's token allows.
#[derive(Debug)]
pub(crate) struct Caller(pub(crate) Access);

impl FromRequestParts<Gateway> for Caller {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refused> {
        let header = parts.headers.get(AUTHORIZATION);
        let token = bearer_token(header.and_then(|value| value.to_str().ok()))?;
        let access = gateway.verifier.verify(token).await?;
        let now = gateway.clock().monotonic();
        gateway
            .rate
            .take(&access.token_id, now)
            .map_err(Refused::too_many)?;
        Ok(Self(access))
    }
}

/// The gateway's own address as this client knows it.
#[derive(Debug)]
pub(crate) struct OwnAddress(pub(crate) String);

impl FromRequestParts<Gateway> for OwnAddress {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refused> {
        if let Some(url) = &gateway.public_url {
            return Ok(Self(url.to_string()));
        }
        let header = parts
            .headers
            .get(HOST)
            .and_then(|value| value.to_str().ok());
        let host = header.or_else(|| parts.uri.authority().map(Authority::as_str));
        // It goes into addresses that only this client is given.
        let is_host = |host: &&str| {
            !host.is_empty()
                && host.len() <= 255
                && host
                    .chars()
                    .all(|c| c.is_ascii_alphanumeric() || ".-:[]_".contains(c))
        };
        let is_host = |host: &&str| {
            is_host(host) && url::Url::parse(&format!("http://{host}")).is_ok_and(|u| u.has_host())
        };
        match host.filter(is_host) {
            Some(host) => Ok(Self(format!("http://{host}"))),
            None => Err(Error::invalid("the request has no usable Host header")
                .with_object("host")
                .into()),
        }
    }
}

/// The space that a path names.
#[derive(Debug)]
pub(crate) struct SpaceInPath(pub(crate) SpaceName);

impl FromRequestParts<Gateway> for SpaceInPath {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refused> {
        let name = Path::<String>::from_request_parts(parts, gateway).await;
        let Path(name) = name.map_err(|_| {
            Error::invalid("the name of the space in the path is no text in UTF-8")
                .with_hint("names have a-z, 0-9, `-`, `_` and `.`")
        })?;
        Ok(Self(name.parse()?))
    }
}
