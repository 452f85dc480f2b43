//! The queue in a real Postgres: what the conformance suite does not ask.

mod kit;
mod migrations;
