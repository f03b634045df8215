//! Which requests are the gateway's, and which are the S3 endpoint's.

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response};
use hyper::body::Incoming;
use icecore_s3::Endpoint;
use std::convert::Infallible;
use tower::ServiceExt;

/// Both, behind one listener. No bucket can be named as the gateway's paths are: `v1` is too short, `healthz` taken.
#[derive(Debug, Clone)]
pub(super) struct Service {
    gateway: Router,
    objects: Option<Endpoint>,
}

impl Service {
    pub(super) fn new(gateway: Router, objects: Option<Endpoint>) -> Self {
        Self { gateway, objects }
    }

    /// Answers a request.
    pub(super) async fn answer(
        self,
        request: Request<Incoming>,
    ) -> Result<Response<Body>, Infallible> {
        let path = request.uri().path();
        let is_gateways = path == "/healthz" || path == "/v1" || path.starts_with("/v1/");
        match self.objects {
            Some(objects) if !is_gateways => Ok(objects.call(request).await.map(Body::new)),
            _ => self.gateway.oneshot(request.map(Body::new)).await,
        }
    }
}
