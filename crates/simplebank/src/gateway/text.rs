//! Field values written as plain text, as they stand in a path or a query, and what each kind of field
//! expects.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};
use serde::de::{IntoDeserializer, value::Error};

const TIMESTAMP: &str = "google.protobuf.Timestamp";
const DURATION: &str = "google.protobuf.Duration";
const FIELD_MASK: &str = "google.protobuf.FieldMask";

/// Whether the field holds one value, not a list or a map.
pub(super) fn is_single(field: &FieldDescriptor) -> bool {
    !field.is_list() && !field.is_map()
}

/// Whether values of this kind can be written as text at all.
pub(super) fn has_text_form(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(message) => {
            !field.is_map() && [TIMESTAMP, DURATION, FIELD_MASK].contains(&message.full_name())
        }
        _ => true,
    }
}

/// One value of this kind; `None` if the text is not one.
pub(super) fn parse(kind: &Kind, text: &str) -> Option<Value> {
    match kind {
        Kind::Double => text.parse().ok().map(Value::F64),
        Kind::Float => text.parse().ok().map(Value::F32),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => text.parse().ok().map(Value::I32),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => text.parse().ok().map(Value::I64),
        Kind::Uint32 | Kind::Fixed32 => text.parse().ok().map(Value::U32),
        Kind::Uint64 | Kind::Fixed64 => text.parse().ok().map(Value::U64),
        Kind::Bool => text.parse().ok().map(Value::Bool),
        Kind::String => Some(Value::String(text.to_owned())),
        Kind::Bytes => URL_SAFE
            .decode(text)
            .or_else(|_| STANDARD.decode(text))
            .ok()
            .map(|bytes| Value::Bytes(bytes.into())),
        Kind::Enum(names) => names
            .get_value_by_name(text)
            .map(|value| value.number())
            .or_else(|| text.parse().ok())
            .map(Value::EnumNumber),
        Kind::Message(message) => parse_message(message, text).map(Value::Message),
    }
}

/// The messages that JSON writes as a string are written the same way here, without the quotes.
fn parse_message(message: &MessageDescriptor, text: &str) -> Option<DynamicMessage> {
    let deserializer = IntoDeserializer::<Error>::into_deserializer(text);
    DynamicMessage::deserialize(message.clone(), deserializer).ok()
}

/// What a value of this kind must look like, to stand after the name of a field. Says nothing of the value
/// sent.
pub(super) fn expectation(kind: &Kind) -> String {
    match kind {
        Kind::Double | Kind::Float => "must be a number".to_owned(),
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "must be a 32-bit integer".to_owned(),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "must be a 64-bit integer".to_owned(),
        Kind::Uint32 | Kind::Fixed32 => "must be a 32-bit integer, not negative".to_owned(),
        Kind::Uint64 | Kind::Fixed64 => "must be a 64-bit integer, not negative".to_owned(),
        Kind::Bool => "must be true or false".to_owned(),
        Kind::String => "must be a string".to_owned(),
        Kind::Bytes => "must be base64 text".to_owned(),
        Kind::Enum(names) => {
            let names: Vec<String> = names.values().map(|value| value.name().to_owned()).collect();
            format!("must be one of {}", names.join(", "))
        }
        Kind::Message(message) => match message.full_name() {
            TIMESTAMP => "must be an RFC 3339 time such as 2026-01-31T12:00:00Z".to_owned(),
            DURATION => "must be a duration in seconds such as 1.5s".to_owned(),
            FIELD_MASK => "must be field names joined by commas".to_owned(),
            _ => "must be an object".to_owned(),
        },
    }
}
