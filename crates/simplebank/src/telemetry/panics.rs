//! A caught panic, as one log line.

use std::any::Any;

/// Logs what a panic said.
pub(crate) fn log_panic(panic: &(dyn Any + Send)) {
    let text = panic
        .downcast_ref::<&str>()
        .copied()
        .or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a text");
    tracing::error!(error = text, "request handler panicked");
}
