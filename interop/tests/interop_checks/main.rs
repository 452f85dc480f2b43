//! asynq and ours on one Redis: ten checks, each in both directions. They end in a table, `target/interop-report.txt`.

mod aggregation;
mod compare;
mod corpus;
mod dead_go;
mod dead_rust;
mod edits;
mod go_to_rust;
mod ground;
mod locks;
mod mutations;
mod operators;
mod readers;
mod report;
mod rust_to_go;
mod same;
mod slow;
mod soak;
mod state;
mod stuck_groups;
