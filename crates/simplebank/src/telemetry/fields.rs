//! The fields of one event, in the order in which they were given.

use std::fmt;

use serde_json::Value;
use tracing::{
    Event,
    field::{Field, Visit},
};

/// An event taken apart.
#[derive(Debug, Default)]
pub(super) struct Fields {
    pub(super) message: String,
    pub(super) others: Vec<(&'static str, Value)>,
}

impl Fields {
    pub(super) fn of(event: &Event<'_>) -> Self {
        let mut fields = Self::default();
        event.record(&mut fields);
        fields
    }

    fn push(&mut self, field: &Field, value: Value) {
        // A field whose name is a Rust keyword is written with a prefix in code, never in a log.
        let name = field.name().strip_prefix("r#").unwrap_or(field.name());
        match (name, value) {
            ("message", Value::String(text)) => self.message = text,
            ("message", value) => self.message = value.to_string(),
            // Where in the source an event of the older `log` crate came from.
            (name, _) if name.starts_with("log.") => {}
            (name, value) => self.others.push((name, value)),
        }
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.push(field, format!("{value:?}").into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.push(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.push(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.push(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.push(field, value.into());
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.push(field, value.into());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn std::error::Error + 'static)) {
        self.push(field, causes(value).into());
    }
}

/// An error and what caused it, in one line. A cause that ends the line already is not told again: many an error
/// quotes its source.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut line = error.to_string();
    for cause in std::iter::successors(error.source(), |error| error.source()) {
        let cause = cause.to_string();
        if !line.ends_with(&cause) {
            line.push_str(": ");
            line.push_str(&cause);
        }
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Layer {
        text: &'static str,
        source: Option<Box<Layer>>,
    }

    fn told(texts: &[&'static str]) -> String {
        let layers = texts.iter().rev().fold(None, |source, text| Some(Box::new(Layer { text, source })));
        causes(&*layers.expect("at least one"))
    }

    #[test]
    fn cause_that_is_quoted_already_is_told_once() {
        assert_eq!(told(&["cannot read x", "no such file"]), "cannot read x: no such file");
        assert_eq!(told(&["cannot read x: no such file", "no such file"]), "cannot read x: no such file");
        assert_eq!(told(&["a: b: c", "b: c", "c", "d"]), "a: b: c: d");
        assert_eq!(told(&["closed", "the pool is closed", "closed"]), "closed: the pool is closed");
    }
}
