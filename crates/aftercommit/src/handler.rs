//! Handlers: plain async functions whose last argument is the payload.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use aftercommit_core::{BoxError, Failure, FailureKind, Task};
use bytes::Bytes;

use crate::text::chain;
use crate::{FromContext, TaskContext, TaskOutput};

/// Why a handler did not succeed. Any error converts into one, so that `?` means "try again later".
///
/// The error's chain of causes is kept as text with the task; it must not contain secrets. It is shown
/// in one line; this type is no [`std::error::Error`] itself, since all of those convert into it.
#[derive(Debug)]
pub struct HandlerError {
    kind: FailureKind,
    source: BoxError,
}

impl HandlerError {
    /// Another attempt cannot help: archive the task now.
    pub fn skip_retry(error: impl Into<BoxError>) -> Self {
        Self { kind: FailureKind::SkipRetry, source: error.into() }
    }

    /// The task is no longer wanted: drop it, as if it had succeeded.
    pub fn revoke(error: impl Into<BoxError>) -> Self {
        Self { kind: FailureKind::Revoke, source: error.into() }
    }

    /// Not now: run again after `delay`. Burns no attempt.
    pub fn retry_after(delay: Duration, error: impl Into<BoxError>) -> Self {
        Self { kind: FailureKind::RetryAfter(delay), source: error.into() }
    }

    /// What kind of failure this is.
    pub const fn kind(&self) -> FailureKind {
        self.kind
    }

    /// The error that was converted.
    pub fn source(&self) -> &(dyn std::error::Error + Send + Sync + 'static) {
        self.source.as_ref()
    }

    pub(crate) fn into_failure(self) -> Failure {
        Failure::new(self.kind, chain(self.source.as_ref()))
    }
}

impl fmt::Display for HandlerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&chain(self.source.as_ref()))
    }
}

impl<E: Into<BoxError>> From<E> for HandlerError {
    fn from(error: E) -> Self {
        Self { kind: FailureKind::Error, source: error.into() }
    }
}

/// An async function that handles tasks of one type: up to six arguments taken from the attempt and the
/// router's state ([`FromContext`]), and last the payload.
///
/// ```
/// # use aftercommit::{Router, State, Task, TaskContext};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Resize { image: u64 }
/// # impl Task for Resize { const TYPE: &'static str = "image:resize"; }
/// # #[derive(Clone)] struct Images;
/// async fn resize(State(images): State<Images>, context: TaskContext, task: Resize) -> Result<(), std::io::Error> {
///     # let _ = (images, context, task);
///     Ok(())
/// }
/// let router = Router::with_state(Images).route(resize);
/// ```
///
/// State that the router does not have is a compile error:
///
/// ```compile_fail
/// # use aftercommit::{Router, State, Task};
/// # #[derive(serde::Serialize, serde::Deserialize)] struct Resize { image: u64 }
/// # impl Task for Resize { const TYPE: &'static str = "image:resize"; }
/// # #[derive(Clone)] struct Images;
/// async fn resize(State(images): State<Images>, task: Resize) {}
/// let router = Router::new().route(resize);
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a task handler for a router with state `{S}`",
    note = "a handler is an async function; its last argument is a payload (`Task`), the ones before it can be \
            taken from the attempt (`FromContext`), and its output is a `TaskOutput`"
)]
pub trait Handler<Parts, S>: Clone + Send + Sync + 'static {
    /// The payload this handler takes.
    type Payload: Task;

    /// Runs one attempt.
    fn call(
        &self,
        context: TaskContext,
        state: &S,
        payload: Self::Payload,
    ) -> impl Future<Output = Result<Option<Bytes>, HandlerError>> + Send;
}

macro_rules! impl_handler {
    ($($part:ident),*) => {
        impl<S, F, Fut, Payload, $($part),*> Handler<($($part,)* Payload,), S> for F
        where
            S: Sync,
            F: Fn($($part,)* Payload) -> Fut + Clone + Send + Sync + 'static,
            Fut: Future + Send,
            Fut::Output: TaskOutput,
            Payload: Task,
            $($part: FromContext<S>,)*
        {
            type Payload = Payload;

            fn call(
                &self,
                context: TaskContext,
                state: &S,
                payload: Payload,
            ) -> impl Future<Output = Result<Option<Bytes>, HandlerError>> + Send {
                // Not every list of parts uses both.
                let _ = (&context, state);
                let attempt = self($($part::from_context(&context, state),)* payload);
                async move { attempt.await.into_result() }
            }
        }
    };
}

impl_handler!();
impl_handler!(A);
impl_handler!(A, B);
impl_handler!(A, B, C);
impl_handler!(A, B, C, D);
impl_handler!(A, B, C, D, E);
impl_handler!(A, B, C, D, E, G);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_converts_and_keeps_its_causes() {
        #[derive(Debug, thiserror::Error)]
        #[error("failed to send mail")]
        struct SendFailed(#[source] std::io::Error);

        let failure =
            HandlerError::from(SendFailed(std::io::Error::other("connection refused"))).into_failure();
        assert_eq!(failure.kind, FailureKind::Error);
        assert_eq!(HandlerError::skip_retry("no such user").to_string(), "no such user");
        assert_eq!(failure.error, "failed to send mail: connection refused");
        assert_eq!(HandlerError::from("plain text").into_failure().error, "plain text");
        assert_eq!(HandlerError::skip_retry("no such user").kind(), FailureKind::SkipRetry);
    }
}
