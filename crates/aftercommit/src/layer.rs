//! Middleware as an async function around the handler. For everything else there are tower's layers.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tower::{Layer, Service, ServiceExt};

use crate::router::Route;
use crate::{HandlerError, TaskContext};

/// Makes a layer from an async function, to give to [`Router::layer`](crate::Router::layer).
///
/// ```
/// use aftercommit::{Next, Router, TaskContext, from_fn};
///
/// let router = Router::new().layer(from_fn(|context: TaskContext, next: Next| async move {
///     let id = context.id().clone();
///     let result = next.run(context).await;
///     println!("{id}: {}", if result.is_ok() { "ok" } else { "failed" });
///     result
/// }));
/// ```
pub fn from_fn<F, Fut>(function: F) -> FromFn<F>
where
    F: Fn(TaskContext, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<Bytes>, HandlerError>> + Send + 'static,
{
    FromFn { function: Arc::new(function) }
}

/// The rest of the way to the handler.
#[derive(Debug)]
pub struct Next(Route);

impl Next {
    /// Goes on.
    ///
    /// # Errors
    /// What the handler, or a layer on the way to it, returned.
    pub async fn run(self, context: TaskContext) -> Result<Option<Bytes>, HandlerError> {
        self.0.oneshot(context).await
    }
}

/// The layer made by [`from_fn`].
#[derive(Debug)]
pub struct FromFn<F> {
    function: Arc<F>,
}

impl<F> Clone for FromFn<F> {
    fn clone(&self) -> Self {
        Self { function: Arc::clone(&self.function) }
    }
}

impl<F> Layer<Route> for FromFn<F> {
    type Service = FromFnService<F>;

    fn layer(&self, inner: Route) -> Self::Service {
        FromFnService { function: Arc::clone(&self.function), inner }
    }
}

/// A route behind a [`from_fn`] layer.
#[derive(Debug)]
pub struct FromFnService<F> {
    function: Arc<F>,
    inner: Route,
}

impl<F> Clone for FromFnService<F> {
    fn clone(&self) -> Self {
        Self { function: Arc::clone(&self.function), inner: self.inner.clone() }
    }
}

impl<F, Fut> Service<TaskContext> for FromFnService<F>
where
    F: Fn(TaskContext, Next) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = Result<Option<Bytes>, HandlerError>> + Send + 'static,
{
    type Response = Option<Bytes>;
    type Error = HandlerError;
    type Future = Pin<Box<dyn Future<Output = Result<Option<Bytes>, HandlerError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), HandlerError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, context: TaskContext) -> Self::Future {
        Box::pin((self.function)(context, Next(self.inner.clone())))
    }
}
