//! Errors, panics and stores as text: for the log, and for what is kept with a task.

use std::any::Any;

use aftercommit_core::Backend;

/// An error and its causes in one line. A cause that its parent already quotes is not repeated.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text
}

/// What a panic said.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("panic: {}", text.unwrap_or("of unknown kind"))
}

/// What kind of store a back-end is, by the name of its type, for messages.
pub(crate) fn store_name(backend: &dyn Backend) -> String {
    let shown = format!("{backend:?}");
    let name = shown.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
    if name.is_empty() { "the store".to_owned() } else { name.to_owned() }
}
