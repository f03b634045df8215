//! Which requests are the gateway's, which are the S3 endpoint's, and which are for the files of an app.

use super::app::App;
use super::arriving::Arriving;
use super::metrics::Metrics;
use super::site::BUCKET;
use axum::Router;
use axum::body::Body;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Request, Response, StatusCode};
use axum::routing::get;
use icecore_s3::{Endpoint, Memory, Peer, Share};
use std::convert::Infallible;
use std::sync::Arc;
use tower::ServiceExt;

/// The text format of Prometheus with its end marked.
const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// All of them, behind one listener. No bucket can be named as the gateway's paths are: `v1` is too short, `healthz` and
/// `metrics` are taken.
#[derive(Debug, Clone)]
pub(super) struct Service {
    /// The gateway, and the metrics beside it.
    gateway: Router,
    objects: Option<Endpoint>,
    app: Option<App>,
    bodies: Arc<Memory>,
}

impl Service {
    pub(super) fn new(
        gateway: Router,
        objects: Option<Endpoint>,
        metrics: Arc<Metrics>,
        bodies: Arc<Memory>,
    ) -> Self {
        let answer = move || async move {
            let text = metrics
                .text()
                .map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
            Ok::<_, StatusCode>(([(CONTENT_TYPE, METRICS_TYPE)], text))
        };
        Self {
            gateway: gateway.route("/metrics", get(answer)),
            objects,
            app: None,
            bodies,
        }
    }

    /// With the files of an app.
    pub(super) fn with_app(self, app: Option<App>) -> Self {
        Self { app, ..self }
    }

    /// The memory that the body of a call takes. The S3 endpoint takes it for its own.
    pub(super) fn share(&self, path: &str, peer: Peer) -> Option<Share> {
        let is_call = self.objects.is_none() || is_gateways(path);
        is_call.then(|| self.bodies.share(Some(peer), None))
    }

    /// Answers a request.
    pub(super) async fn answer(
        self,
        request: Request<Arriving>,
    ) -> Result<Response<Body>, Infallible> {
        let is_call = is_gateways(request.uri().path());
        let (parts, body) = request.into_parts();
        if let Some(app) = self
            .app
            .filter(|_| !is_call && App::is_asked(&parts, BUCKET))
        {
            return Ok(app.answer(&parts).await);
        }
        let request = Request::from_parts(parts, body);
        match self.objects {
            Some(objects) if !is_call => Ok(objects.call(request).await.map(Body::new)),
            _ => self.gateway.oneshot(request.map(Body::new)).await,
        }
    }
}

fn is_gateways(path: &str) -> bool {
    matches!(path, "/healthz" | "/metrics" | "/v1") || path.starts_with("/v1/")
}
