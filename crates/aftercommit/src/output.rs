//! What a handler may return.

use aftercommit_core::BoxError;
use bytes::Bytes;
use serde::Serialize;

use crate::HandlerError;

/// What a handler returns: a value, or a result of one. The value is kept with the task for its retention.
#[diagnostic::on_unimplemented(
    message = "a handler cannot return `{Self}`",
    note = "return `()`, a `TaskValue` such as `Bytes` or `Json<T>`, or a `Result` of one; the error is anything \
            that converts into `HandlerError`"
)]
pub trait TaskOutput {
    /// The bytes to keep, or why the attempt failed.
    ///
    /// # Errors
    /// The handler's error, or the failure to encode its value.
    fn into_result(self) -> Result<Option<Bytes>, HandlerError>;
}

/// A value a handler may return.
pub trait TaskValue {
    /// The bytes to keep, if any.
    ///
    /// # Errors
    /// If the value cannot be encoded.
    fn into_bytes(self) -> Result<Option<Bytes>, BoxError>;
}

impl TaskValue for () {
    fn into_bytes(self) -> Result<Option<Bytes>, BoxError> {
        Ok(None)
    }
}

impl TaskValue for Bytes {
    fn into_bytes(self) -> Result<Option<Bytes>, BoxError> {
        Ok(Some(self))
    }
}

/// A value kept as JSON.
#[derive(Debug, Clone, Copy)]
pub struct Json<T>(pub T);

impl<T: Serialize> TaskValue for Json<T> {
    fn into_bytes(self) -> Result<Option<Bytes>, BoxError> {
        Ok(Some(serde_json::to_vec(&self.0)?.into()))
    }
}

impl<T: TaskValue> TaskOutput for T {
    fn into_result(self) -> Result<Option<Bytes>, HandlerError> {
        Ok(self.into_bytes()?)
    }
}

impl<T: TaskValue, E: Into<HandlerError>> TaskOutput for Result<T, E> {
    fn into_result(self) -> Result<Option<Bytes>, HandlerError> {
        match self {
            Ok(value) => Ok(value.into_bytes()?),
            Err(error) => Err(error.into()),
        }
    }
}
