//! What can go wrong in a use case, as meanings; the transports turn them into codes and statuses.

pub use crate::domain::user::Taken;
pub use crate::domain::violation::Violation;

use crate::password::PasswordError;
use crate::store::{self, StoreError};
use crate::tasks::WritesTo;
use std::error::Error;

/// Why a use case did not happen.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServiceError {
    /// The request breaks rules; every violation is listed.
    #[error("invalid parameters")]
    Invalid(Vec<Violation>),
    /// A user with this property exists.
    #[error("{0} already exists")]
    AlreadyExists(Taken),
    /// The idempotency key was used for another request.
    #[error("idempotency key was already used for a different request")]
    IdempotencyKeyReused,
    /// A request with the same idempotency key is being processed; the caller may try again.
    #[error("a request with this idempotency key is still in progress, retry later")]
    IdempotencyKeyInFlight,
    /// The verification code is wrong, belongs to another e-mail, or has expired. One answer for all three.
    #[error("verification code is invalid or has expired")]
    VerificationCode,
    /// Too much work is waiting; the caller should back off.
    #[error("server is busy, retry later")]
    Overloaded(
        /// What is overloaded, for the log.
        #[source]
        Box<dyn Error + Send + Sync>,
    ),
    /// The database is away for now. A commit may have happened before its answer was lost: whoever asks again under the
    /// same idempotency key learns which.
    #[error("the database is not available, retry later")]
    Unavailable(
        /// What is away, for the log.
        #[source]
        Box<dyn Error + Send + Sync>,
    ),
    /// A task could not be enqueued. The text says in general what stood in the way; the source goes to the log.
    #[error("failed to {doing}: failed to enqueue task: {}", obstacle(.source))]
    NotEnqueued {
        /// What was being done, as in "create user".
        doing: &'static str,
        /// The cause, for the log.
        source: aftercommit::Error,
    },
    /// Something the caller can do nothing about. The text names the use case only; the source goes to the log.
    #[error("failed to {doing}")]
    Internal {
        /// What was being done, as in "create user".
        doing: &'static str,
        /// The cause, for the log.
        source: Box<dyn Error + Send + Sync>,
    },
}

impl ServiceError {
    /// A failure that the caller can do nothing about. Fits `map_err`.
    pub(super) fn internal<E: Into<Box<dyn Error + Send + Sync>>>(doing: &'static str) -> impl Fn(E) -> Self {
        move |source| Self::Internal { doing, source: source.into() }
    }

    /// A failure of the database. Fits `map_err`.
    pub(super) fn store(doing: &'static str) -> impl Fn(StoreError) -> Self {
        move |error| match error {
            error if error.is_absence() => Self::Unavailable(error.into()),
            error if error.is_transient() => Self::Overloaded(error.into()),
            error => Self::internal(doing)(error),
        }
    }

    /// Whether the transaction was ended because others were in its way, and can be done once more.
    pub(super) fn is_conflict(&self) -> bool {
        match self {
            Self::Overloaded(source) | Self::Unavailable(source) | Self::Internal { source, .. } => {
                store::is_conflict(&**source)
            }
            Self::NotEnqueued { source, .. } => store::is_conflict(source),
            _ => false,
        }
    }

    /// A failure to write a task before the commit. Fits `map_err`.
    pub(super) fn not_written(doing: &'static str, to: WritesTo) -> impl Fn(aftercommit::Error) -> Self {
        move |error| match to {
            WritesTo::Database if error.is_transient() => Self::Unavailable(error.into()),
            WritesTo::Database | WritesTo::Queue => Self::not_enqueued(doing)(error),
        }
    }

    /// A failure to enqueue a task. Fits `map_err`.
    pub(super) fn not_enqueued(doing: &'static str) -> impl Fn(aftercommit::Error) -> Self {
        move |source| Self::NotEnqueued { doing, source }
    }

    /// A failure of the password pool. Fits `map_err`.
    pub(super) fn password(doing: &'static str) -> impl Fn(PasswordError) -> Self {
        move |error| match error {
            error @ PasswordError::Overloaded => Self::Overloaded(error.into()),
            error @ PasswordError::Failed(_) => Self::internal(doing)(error),
        }
    }
}

fn obstacle(error: &aftercommit::Error) -> &'static str {
    match error.is_transient() {
        true => "the task queue is not available",
        false => "the task queue refused it",
    }
}
