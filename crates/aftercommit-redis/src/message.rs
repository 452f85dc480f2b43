//! The stored form of a task: a protobuf message.
