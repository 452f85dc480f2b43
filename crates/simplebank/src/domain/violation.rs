//! What is wrong with a field of a request.

use std::borrow::Cow;

/// One fault of one field of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The field as it is named on the wire.
    pub field: &'static str,
    /// What is wrong with it, for a person. Never contains the value.
    pub description: String,
}

/// Which rule a text breaks, without the field it came from: "must contain from 3-100 characters".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault(Cow<'static, str>);

impl Fault {
    pub(super) fn new(description: impl Into<Cow<'static, str>>) -> Self {
        Self(description.into())
    }

    /// What is wrong, for a person. Never contains the value.
    #[must_use]
    pub fn description(&self) -> &str {
        &self.0
    }

    /// This fault, found in `field`. Fits `map_err`.
    pub fn at(field: &'static str) -> impl FnOnce(Self) -> Violation {
        move |fault| Violation { field, description: fault.0.into_owned() }
    }
}
