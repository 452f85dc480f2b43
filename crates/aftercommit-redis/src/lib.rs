//! aftercommit's back-end on Redis, in the wire format of Go's asynq: both may serve one Redis.

#![expect(dead_code, reason = "the wire stands before the broker that speaks it")]

mod entry_option;
mod exact;
mod go_duration;
mod go_quote;
mod go_time;
mod keys;
mod message;
mod patch;
mod proto;
mod salvage;
mod scheduler_entry;
mod seconds;
mod server;
mod view;
mod wire;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod oracle;
