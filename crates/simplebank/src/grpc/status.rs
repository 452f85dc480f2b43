//! What went wrong in a use case, as a gRPC status with `google.rpc` details.

use std::{collections::HashMap, error::Error, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, FieldViolation, StatusExt};

use crate::service::{ServiceError, Taken};

/// The `domain` of every `google.rpc.ErrorInfo`: reasons are unique within it, and stable.
pub const ERROR_DOMAIN: &str = "simplebank";

/// How long a caller is asked to wait before it tries again what was refused for now.
const RETRY_DELAY: Duration = Duration::from_secs(1);

impl From<ServiceError> for Status {
    /// Also logs the cause of a fault of ours: all of them pass here, and nobody behind this sees the cause.
    fn from(error: ServiceError) -> Self {
        let message = error.to_string();
        match error {
            ServiceError::Invalid(violations) => invalid(
                violations
                    .into_iter()
                    .map(|fault| FieldViolation::new(fault.field, fault.description))
                    .collect(),
            ),
            ServiceError::AlreadyExists(Taken::Username) => {
                with_reason(Code::AlreadyExists, message, "USERNAME_ALREADY_EXISTS")
            }
            ServiceError::AlreadyExists(Taken::Email) => {
                with_reason(Code::AlreadyExists, message, "EMAIL_ALREADY_EXISTS")
            }
            ServiceError::IdempotencyKeyReused => {
                with_reason(Code::InvalidArgument, message, "IDEMPOTENCY_KEY_REUSED")
            }
            ServiceError::IdempotencyKeyInFlight => {
                retry_later(Code::Aborted, message, "IDEMPOTENCY_KEY_IN_FLIGHT")
            }
            ServiceError::VerificationCode => {
                with_reason(Code::FailedPrecondition, message, "VERIFICATION_CODE_INVALID")
            }
            ServiceError::Overloaded(source) => {
                tracing::warn!(error = &*source as &dyn Error, "a request was turned away");
                overloaded(message)
            }
            ServiceError::NotEnqueued { doing, source } => {
                tracing::error!(error = &source as &dyn Error, "failed to {doing}: failed to enqueue task");
                with_reason(Code::Internal, message, "TASK_NOT_ENQUEUED")
            }
            ServiceError::Unavailable(source) => {
                tracing::error!(error = &*source as &dyn Error, "a request was turned away");
                unavailable(message)
            }
            ServiceError::Internal { doing, source } => {
                tracing::error!(error = &*source as &dyn Error, "failed to {doing}");
                internal(message)
            }
        }
    }
}

/// Fields that break rules, all of them.
pub(crate) fn invalid(violations: Vec<FieldViolation>) -> Status {
    let details = ErrorDetails::with_bad_request(violations);
    Status::with_error_details(Code::InvalidArgument, "invalid parameters", details)
}

/// Too much is going on; the same call may succeed a little later.
pub(crate) fn overloaded(message: impl Into<String>) -> Status {
    retry_later(Code::ResourceExhausted, message, "OVERLOADED")
}

/// The database is away; the same call may succeed when it is back.
pub(crate) fn unavailable(message: impl Into<String>) -> Status {
    retry_later(Code::Unavailable, message, "DATABASE_UNAVAILABLE")
}

/// A fault of ours. The cause belongs in the log, not in the message.
pub(crate) fn internal(message: impl Into<String>) -> Status {
    with_reason(Code::Internal, message, "INTERNAL")
}

/// The time that the caller or the server allows for a call is over.
pub(crate) fn timed_out() -> Status {
    with_reason(Code::DeadlineExceeded, "the call took too long", "DEADLINE_EXCEEDED")
}

fn with_reason(code: Code, message: impl Into<String>, reason: &str) -> Status {
    let details = ErrorDetails::with_error_info(reason, ERROR_DOMAIN, HashMap::new());
    Status::with_error_details(code, message, details)
}

fn retry_later(code: Code, message: impl Into<String>, reason: &str) -> Status {
    let mut details = ErrorDetails::with_retry_info(Some(RETRY_DELAY));
    details.set_error_info(reason, ERROR_DOMAIN, HashMap::new());
    Status::with_error_details(code, message, details)
}
