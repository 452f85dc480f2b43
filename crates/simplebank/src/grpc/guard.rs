//! What every call of the API goes through on either port: a bounded number at a time, a deadline, and a net
//! under panics.

use std::{
    convert::Infallible,
    panic::AssertUnwindSafe,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use futures_util::{FutureExt, future::BoxFuture};
use http::{Request, Response};
use tokio::{sync::Semaphore, time::timeout};
use tonic::{Status, body::Body};
use tower::{Layer, Service};

use super::{deadline, status};
use crate::telemetry::log_panic;

/// How much the API takes on.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Calls being worked on at the same time; one more is refused with `ResourceExhausted`.
    pub calls_in_flight: usize,
    /// The longest a call may take; a caller's `grpc-timeout` can only shorten it.
    pub call_timeout: Duration,
}

impl Limits {
    /// [`Limits::calls_in_flight`] unless said otherwise.
    pub const CALLS_IN_FLIGHT: usize = 1024;
    /// [`Limits::call_timeout`] unless said otherwise.
    pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
}

impl Default for Limits {
    fn default() -> Self {
        Self { calls_in_flight: Self::CALLS_IN_FLIGHT, call_timeout: Self::CALL_TIMEOUT }
    }
}

/// Puts the limits around a gRPC service. Its clones share the places.
#[derive(Debug, Clone)]
pub struct Guard {
    places: Arc<Semaphore>,
    call_timeout: Duration,
}

impl Guard {
    /// A guard with free places.
    pub fn new(limits: Limits) -> Self {
        Self { places: Arc::new(Semaphore::new(limits.calls_in_flight)), call_timeout: limits.call_timeout }
    }
}

impl<S> Layer<S> for Guard {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { inner, guard: self.clone() }
    }
}

/// A service behind a [`Guard`].
#[derive(Debug, Clone)]
pub struct Guarded<S> {
    inner: S,
    guard: Guard,
}

impl<S> Service<Request<Body>> for Guarded<S>
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Ok(place) = Arc::clone(&self.guard.places).try_acquire_owned() else {
            return refuse(status::overloaded("server is busy, retry later"));
        };
        let limit = match deadline::requested(request.headers()) {
            Ok(requested) => requested.unwrap_or(Duration::MAX).min(self.guard.call_timeout),
            Err(status) => return refuse(status),
        };
        let call = AssertUnwindSafe(self.inner.call(request)).catch_unwind();
        Box::pin(async move {
            let _place = place;
            match timeout(limit, call).await {
                Ok(Ok(answer)) => answer,
                Ok(Err(panic)) => {
                    log_panic(&*panic);
                    Ok(status::internal("internal error").into_http())
                }
                Err(_) => Ok(status::timed_out().into_http()),
            }
        })
    }
}

fn refuse(status: Status) -> BoxFuture<'static, Result<Response<Body>, Infallible>> {
    Box::pin(async move { Ok(status.into_http()) })
}
