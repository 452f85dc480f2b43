//! The queue in a real Postgres: what the conformance suite does not ask.

mod cancellations;
mod claims;
mod complete;
mod counted;
mod from_sql;
mod from_sql_refused;
mod group_races;
mod held_back;
mod hot_path;
mod kit;
mod migrations;
mod news;
mod operators;
mod orphans;
mod plans;
mod races;
mod reach;
mod statements;
mod unique_locks;
