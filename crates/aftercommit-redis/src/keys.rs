//! The names of the keys.
