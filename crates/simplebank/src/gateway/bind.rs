//! Path, query and body of a request become its message.

use percent_encoding::percent_decode_str;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, Value};
use tonic::Status;
use tonic_types::FieldViolation;

use super::{
    field_path::FieldPath,
    json,
    routes::{BodyRule, Found, Route},
    text,
};
use crate::grpc::status;

/// Fills the message of a route. The path wins over the body and the query; all faults of path and query are
/// listed.
pub(super) fn request(found: &Found<'_, '_>, query: &str, body: &[u8]) -> Result<DynamicMessage, Status> {
    let route = found.route;
    let mut message = match &route.body {
        BodyRule::Ignored => DynamicMessage::new(route.input.clone()),
        BodyRule::Message => json::parse(&route.input, body)?,
        BodyRule::Field(field) => from_field(route, field, body)?,
    };
    let mut faults = Vec::new();
    if !matches!(route.body, BodyRule::Message) {
        from_query(route, query, &mut message, &mut faults);
    }
    for (field, text) in route.variables.iter().zip(&found.captured) {
        put(field, percent_decode(text), &mut message, &mut faults);
    }
    if faults.is_empty() { Ok(message) } else { Err(status::invalid(faults)) }
}

fn from_field(route: &Route, field: &FieldDescriptor, body: &[u8]) -> Result<DynamicMessage, Status> {
    let mut message = DynamicMessage::new(route.input.clone());
    if let Kind::Message(inner) = field.kind() {
        message.set_field(field, Value::Message(json::parse(&inner, body)?));
    }
    Ok(message)
}

/// Unknown keys are ignored, as are those that the path or the body speaks for.
fn from_query(route: &Route, query: &str, message: &mut DynamicMessage, faults: &mut Vec<FieldViolation>) {
    let mut seen = Vec::new();
    for pair in query.split('&') {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let Some(field) = form_decode(key).and_then(|key| FieldPath::resolve(&route.input, &key)) else {
            continue;
        };
        let in_body = matches!(&route.body, BodyRule::Field(body) if field.first() == body);
        if in_body || route.variables.contains(&field) || !text::has_text_form(field.field()) {
            continue;
        }
        if !text::is_single(field.field()) {
            put(&field, form_decode(value), message, faults);
        } else if seen.contains(&field) {
            blame(faults, &field, "must be given only once".to_owned());
        } else {
            put(&field, form_decode(value), message, faults);
            seen.push(field);
        }
    }
}

fn put(
    field: &FieldPath,
    text: Option<String>,
    message: &mut DynamicMessage,
    faults: &mut Vec<FieldViolation>,
) {
    let kind = field.field().kind();
    match text {
        None => blame(faults, field, "must be valid UTF-8".to_owned()),
        Some(text) => match text::parse(&kind, &text) {
            Some(value) => field.put(message, value),
            None => blame(faults, field, text::expectation(&kind)),
        },
    }
}

/// Notes the first fault of a field; a hundred repetitions of a key are still one fault.
fn blame(faults: &mut Vec<FieldViolation>, field: &FieldPath, description: String) {
    let field = field.name();
    if faults.iter().all(|fault| fault.field != field) {
        faults.push(FieldViolation::new(field, description));
    }
}

/// Undoes the encoding of a query, where `+` is a space. `None` if the result is not UTF-8.
fn form_decode(text: &str) -> Option<String> {
    percent_decode(&text.replace('+', " "))
}

/// Undoes percent-encoding. `None` if the result is not UTF-8.
fn percent_decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(|text| text.into_owned())
}
