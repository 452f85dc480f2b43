//! The JSON body of a request becomes a message; every fault is named by its place, none by the value sent.

use prost_reflect::{DeserializeOptions, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor};
use serde_json::error::Category;
use serde_path_to_error::{Deserializer, Path, Segment, Track};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::{field_path::by_name, text};

/// How deep objects and lists may be nested. Far below the limits of the parser and of protobuf decoders
/// (100), so that whatever is let in here can be read there.
pub const MAX_DEPTH: usize = 32;

/// How the deserializer says that a oneof has two values. It has no type for its errors.
const TWO_OF_ONE: &str = "multiple fields provided for oneof";

/// Parses a body. An empty body is an empty message; unknown fields are ignored.
pub(super) fn parse(message: &MessageDescriptor, body: &[u8]) -> Result<DynamicMessage, Status> {
    let json = std::str::from_utf8(body).map_err(|error| {
        Status::invalid_argument(format!("body is not valid UTF-8 at byte {}", error.valid_up_to()))
    })?;
    if json.trim_ascii().is_empty() {
        return Ok(DynamicMessage::new(message.clone()));
    }
    if depth(json) > MAX_DEPTH {
        return Err(Status::invalid_argument(format!("JSON is nested deeper than {MAX_DEPTH} levels")));
    }
    let mut parser = serde_json::Deserializer::from_str(json);
    let mut track = Track::new();
    let options = DeserializeOptions::new().deny_unknown_fields(false);
    DynamicMessage::deserialize_with_options(
        message.clone(),
        Deserializer::new(&mut parser, &mut track),
        &options,
    )
    .and_then(|parsed| parser.end().map(|()| parsed))
    .map_err(|error| fault(message, &track.path(), &error))
}

/// The deepest nesting of brackets outside strings, in text that need not be JSON.
fn depth(json: &str) -> usize {
    let (mut deepest, mut depth) = (0, 0_usize);
    let (mut in_string, mut escaped) = (false, false);
    for byte in json.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                deepest = deepest.max(depth);
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn fault(message: &MessageDescriptor, path: &Path, error: &serde_json::Error) -> Status {
    let place = format!("line {} column {}", error.line(), error.column());
    // The texts of the other classes name what the parser expected and where, never what it read.
    if error.classify() != Category::Data {
        return Status::invalid_argument(format!("malformed JSON: {error}"));
    }
    if error.to_string().starts_with(TWO_OF_ONE) {
        return Status::invalid_argument(format!(
            "body sets a field twice, or two that exclude each other ({place})"
        ));
    }
    let Some((field, steps_inside)) = field_at(message, path) else {
        return Status::invalid_argument("body must be a JSON object");
    };
    let (path, expected) = (path.to_string(), expectation(&field, steps_inside));
    Status::with_error_details(
        Code::InvalidArgument,
        format!("{path} {expected} ({place})"),
        ErrorDetails::with_bad_request_violation(path, expected),
    )
}

/// The last field on the way to a fault, and how many steps the way goes on inside it (into a list or a map).
fn field_at(message: &MessageDescriptor, path: &Path) -> Option<(FieldDescriptor, usize)> {
    let mut inside = Some(message.clone());
    let mut last: Option<(FieldDescriptor, usize)> = None;
    for segment in path {
        let next = match (segment, &inside) {
            (Segment::Map { key }, Some(message)) => by_name(message, key),
            _ => None,
        };
        match (next, &mut last) {
            (Some(field), _) => {
                inside = match field.kind() {
                    Kind::Message(message) if !field.is_map() => Some(message),
                    _ => None,
                };
                last = Some((field, 0));
            }
            (None, Some((_, steps))) => *steps += 1,
            (None, None) => return None,
        }
    }
    last
}

fn expectation(field: &FieldDescriptor, steps_inside: usize) -> String {
    if field.is_map() {
        "must be an object with values of one type".to_owned()
    } else if field.is_list() && steps_inside == 0 {
        "must be a list".to_owned()
    } else {
        text::expectation(&field.kind())
    }
}
