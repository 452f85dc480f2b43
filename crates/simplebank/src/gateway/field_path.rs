//! The way to a field through nested messages, as a path template or a query key spells it: `account.id`.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use super::{MAX_DEPTH, text};

/// A field of a message, or of a message inside it.
#[derive(Debug, PartialEq)]
pub(super) struct FieldPath {
    parents: Vec<FieldDescriptor>,
    field: FieldDescriptor,
}

impl FieldPath {
    /// Follows names (of the `.proto` file or of JSON) joined by dots. `None` if they lead nowhere.
    pub(super) fn resolve(message: &MessageDescriptor, path: &str) -> Option<Self> {
        let mut parents = Vec::new();
        let mut names = path.split('.').take(MAX_DEPTH);
        let mut field = by_name(message, names.next()?)?;
        for name in names {
            let Kind::Message(inner) = field.kind() else { return None };
            // Google's own types are values with a text of their own, not messages to look into.
            if !text::is_single(&field) || inner.package_name() == "google.protobuf" {
                return None;
            }
            parents.push(std::mem::replace(&mut field, by_name(&inner, name)?));
        }
        Some(Self { parents, field })
    }

    /// The field at the end.
    pub(super) fn field(&self) -> &FieldDescriptor {
        &self.field
    }

    /// The field at the start.
    pub(super) fn first(&self) -> &FieldDescriptor {
        self.parents.first().unwrap_or(&self.field)
    }

    /// Whether the field holds one value that can stand in a path.
    pub(super) fn is_scalar(&self) -> bool {
        text::is_single(&self.field) && !matches!(self.field.kind(), Kind::Message(_))
    }

    /// The names of the `.proto` file, joined by dots.
    pub(super) fn name(&self) -> String {
        let names: Vec<&str> = self.parents.iter().chain([&self.field]).map(FieldDescriptor::name).collect();
        names.join(".")
    }

    /// Sets a single field, or adds to a list.
    pub(super) fn put(&self, message: &mut DynamicMessage, value: Value) {
        let mut target = message;
        for parent in &self.parents {
            target = target
                .get_field_mut(parent)
                .as_message_mut()
                .expect("resolve() only passes through fields that are single messages");
        }
        match target.get_field_mut(&self.field) {
            Value::List(list) => list.push(value),
            single => *single = value,
        }
    }
}

/// A field by its name in the `.proto` file or in JSON.
pub(super) fn by_name(message: &MessageDescriptor, name: &str) -> Option<FieldDescriptor> {
    message.get_field_by_name(name).or_else(|| message.get_field_by_json_name(name))
}
