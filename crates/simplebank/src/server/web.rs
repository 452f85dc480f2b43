//! What the HTTP port serves: the probes, and behind them the gateway.

use axum::{
    Json, Router,
    extract::Request,
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use http::{StatusCode, header::CACHE_CONTROL};
use http_body::Body;
use serde_json::json;
use tonic::client::GrpcService;
use tower::BoxError;

use super::Readiness;
use crate::gateway::{Gateway, Refusal};
use crate::grpc::status;

/// `/healthz` (the process is alive), `/readyz` (traffic may be sent here), and all else to the gateway.
pub fn web<S>(gateway: Gateway<S>, readiness: Readiness) -> Router
where
    S: GrpcService<tonic::body::Body> + Clone + Send + Sync + 'static,
    S::Future: Send,
    S::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <S::ResponseBody as Body>::Error: Into<BoxError> + Send,
{
    probes(readiness).fallback(async move |request: Request| gateway.handle(request).await)
}

/// What the HTTP port serves while the process waits for its database: the probes, and to all else that it is too early.
pub fn waiting_room(readiness: Readiness) -> Router {
    let too_early = || Refusal::from(status::unavailable("the database is not available, retry later"));
    probes(readiness).fallback(async move || too_early().into_response())
}

fn probes(readiness: Readiness) -> Router {
    Router::new()
        .route("/healthz", get(async || probe(StatusCode::OK, json!({"status": "alive"}))))
        .route("/readyz", get(async move || readyz(&readiness).await))
        .method_not_allowed_fallback(async || Refusal::wrong_verb("GET, HEAD".to_owned()).into_response())
}

async fn readyz(readiness: &Readiness) -> Response {
    match readiness.obstacles().await.as_slice() {
        [] => probe(StatusCode::OK, json!({"status": "ready"})),
        obstacles => {
            probe(StatusCode::SERVICE_UNAVAILABLE, json!({"status": "not ready", "not_ready": obstacles}))
        }
    }
}

fn probe(status: StatusCode, body: serde_json::Value) -> Response {
    (status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
}
