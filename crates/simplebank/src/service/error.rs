//! What can go wrong in a use case, as meanings; the transports turn them into codes and statuses.

pub use crate::domain::user::Taken;
pub use crate::domain::violation::Violation;

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
    Overloaded,
    /// Something the caller can do nothing about. The text names the use case only; the source goes to the log.
    #[error("failed to {doing}")]
    Internal {
        /// What was being done, as in "create user".
        doing: &'static str,
        /// The cause, for the log.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}
