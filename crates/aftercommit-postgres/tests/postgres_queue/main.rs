//! The queue in a real Postgres: what the conformance suite does not ask.

mod cancellations;
mod group_races;
mod kit;
mod migrations;
mod operators;
mod statements;
