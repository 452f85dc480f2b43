//! What surrounds every request of a port: its id, the span that carries the id to all that happens inside,
//! and its log line.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll, ready},
};

use axum::body::Body;
use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::{Request, Response};
use http_body::{Frame, SizeHint};
use tonic::{Code, Status};
use tower::{Layer, Service};
use tracing::Instrument;

use super::{
    REQUEST_ID, RequestId,
    request_line::{Outcome, RequestLine},
};

/// What a port speaks, which decides where the outcome of a call is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// The outcome is the HTTP status.
    Http,
    /// The outcome is the gRPC status, in the headers or after the body.
    Grpc,
}

/// Surrounds all that one port serves.
#[derive(Debug, Clone, Copy)]
pub struct RequestLayer(pub Protocol);

impl<S> Layer<S> for RequestLayer {
    type Service = Surrounded<S>;

    fn layer(&self, inner: S) -> Surrounded<S> {
        Surrounded { inner, protocol: self.0 }
    }
}

/// A service within a [`RequestLayer`].
#[derive(Debug, Clone)]
pub struct Surrounded<S> {
    inner: S,
    protocol: Protocol,
}

impl<S> Service<Request<Body>> for Surrounded<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let id = RequestId::of(request.headers());
        let line = RequestLine::start(self.protocol, &request, id.clone());
        // The id in force replaces a refused one, so that whoever reads the header further in agrees with
        // the log.
        request.headers_mut().insert(REQUEST_ID, id.as_header().clone());
        request.extensions_mut().insert(id.clone());
        let span = tracing::info_span!("request", request_id = %id);
        let call = span.in_scope(|| self.inner.call(request)).instrument(span);
        let protocol = self.protocol;
        Box::pin(async move {
            let mut response = call.await?;
            response.headers_mut().insert(REQUEST_ID, id.as_header().clone());
            Ok(match protocol {
                Protocol::Http => {
                    line.finish(Outcome::Http(response.status().as_u16()));
                    response
                }
                Protocol::Grpc => finish_grpc(line, response),
            })
        })
    }
}

/// A failed call has its status in the headers; that of all others follows the body.
fn finish_grpc(line: RequestLine, response: Response<Body>) -> Response<Body> {
    match Status::from_header_map(response.headers()) {
        Some(status) => {
            line.finish(Outcome::Grpc(status.code()));
            response
        }
        None => response.map(|inner| Body::new(UntilTrailers { inner, line: Some(line) })),
    }
}

/// A body that finishes the line at its end. Dropped before that, it leaves the line as one given up.
#[derive(Debug)]
struct UntilTrailers {
    inner: Body,
    line: Option<RequestLine>,
}

impl http_body::Body for UntilTrailers {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.inner).poll_frame(context));
        let outcome = match &frame {
            Some(Ok(frame)) => frame.trailers_ref().map(|trailers| {
                Status::from_header_map(trailers).map_or(Code::Unknown, |status| status.code())
            }),
            Some(Err(_)) | None => Some(Code::Unknown),
        };
        if let Some(code) = outcome
            && let Some(line) = self.line.take()
        {
            line.finish(Outcome::Grpc(code));
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
