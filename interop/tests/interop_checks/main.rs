//! asynq and ours on one Redis: ten checks, each in both directions. They end in a table, `target/interop-report.txt`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

mod aggregation;
mod changes;
mod compare;
mod corpus;
mod dead_go;
mod dead_rust;
mod due;
mod edits;
mod go_to_rust;
mod ground;
mod handover;
mod locks;
mod mutations;
mod operators;
mod readers;
mod report;
mod rust_to_go;
mod same;
mod schedules;
mod slow;
mod soak;
mod state;
mod stuck_groups;
