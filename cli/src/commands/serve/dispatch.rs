//! Which requests are the gateway's, and which are the S3 endpoint's.

use super::arriving::Arriving;
use super::metrics::Metrics;
use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use icecore_s3::Endpoint;
use std::convert::Infallible;
use std::sync::Arc;
use tower::ServiceExt;

/// The text format of Prometheus with its end marked.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Both, behind one listener. No bucket can be named as the gateway's paths are: `v1` is too short, `healthz` and
/// `metrics` are taken.
#[derive(Debug, Clone)]
pub(super) struct Service {
    /// The gateway, and the metrics beside it.
    gateway: Router,
    objects: Option<Endpoint>,
}

impl Service {
    pub(super) fn new(gateway: Router, objects: Option<Endpoint>, metrics: Arc<Metrics>) -> Self {
        let answer = move || async move {
            let text = metrics
                .text()
                .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
            Ok::<_, StatusCode>(([(CONTENT_TYPE, METRICS_TYPE)], text))
        };
        Self {
            gateway: gateway.route("/metrics", get(answer)),
            objects,
        }
    }

    /// Answers a request.
    pub(super) async fn answer(
        self,
        request: Request<Arriving>,
    ) -> Result<Response<Body>, Infallible> {
        let path = request.uri().path();
        let is_gateways =
            path == "/healthz" || path == "/metrics" || path == "/v1" || path.starts_with("/v1/");
        match self.objects {
            Some(objects) if !is_gateways => Ok(objects.call(request).await.map(Body::new)),
            _ => self.gateway.oneshot(request.map(Body::new)).await,
        }
    }
}
