//! HTTP with JSON for every annotated method of the API: a transcoder over the descriptors, no route is
//! written by hand.
//!
//! A request is matched (`routes`), turned into a message (`bind`: path, query and body), sent through the
//! same gRPC service stack that the gRPC port serves, in process (`call`), and its answer rendered
//! (`reply`). So interceptors, limits and rules exist once, and the JSON is the canonical mapping of
//! protobuf with the names of the `.proto` files.

mod bind;
mod body;
mod call;
mod field_path;
mod json;
mod reply;
mod routes;
mod text;

use std::sync::Arc;

use axum::response::Response;
use bytes::Bytes;
use http::{Method, Request};
use http_body::Body;
use prost_reflect::DescriptorPool;
use tonic::client::GrpcService;
use tower::BoxError;

use routes::Routes;

pub use body::MAX_BODY_BYTES;
pub use json::MAX_DEPTH;
pub(crate) use reply::Refusal;
pub use routes::RouteError;

/// The JSON side of a gRPC service stack. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Gateway<S> {
    routes: Arc<Routes>,
    service: S,
}

impl<S> Gateway<S>
where
    S: GrpcService<tonic::body::Body> + Clone,
    S::ResponseBody: Body<Data = Bytes> + Send + 'static,
    <S::ResponseBody as Body>::Error: Into<BoxError> + Send,
{
    /// A gateway for the annotated methods in `descriptors`, all of which `service` must implement.
    ///
    /// # Errors
    /// The first annotation that cannot be served, with the method it stands on.
    pub fn new(descriptors: &DescriptorPool, service: S) -> Result<Self, RouteError> {
        Ok(Self { routes: Arc::new(Routes::from_descriptors(descriptors)?), service })
    }

    /// Answers one HTTP request. Whatever is wrong with it becomes a JSON error.
    ///
    /// A [`PeerAddress`](crate::server::PeerAddress) among the request's extensions is passed on to the
    /// service.
    pub async fn handle<B>(&self, request: Request<B>) -> Response
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        self.answer(request).await.unwrap_or_else(Refusal::into_response)
    }

    async fn answer<B>(&self, request: Request<B>) -> Result<Response, Refusal>
    where
        B: Body<Data = Bytes>,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        if head.method == Method::OPTIONS {
            return Ok(reply::options(self.routes.allowed(head.uri.path())?));
        }
        let found = self.routes.find(&head.method, head.uri.path())?;
        let body =
            if found.route.takes_body() { body::read(&head.headers, body).await? } else { Bytes::new() };
        let message = bind::request(&found, head.uri.query().unwrap_or_default(), &body)?;
        let answer = call::unary(self.service.clone(), found.route, &head, message).await?;
        reply::success(answer)
    }
}
