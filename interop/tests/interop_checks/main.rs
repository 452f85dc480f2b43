//! asynq and ours on one Redis: ten checks, each in both directions. They end in a table, `target/interop-report.txt`.

mod compare;
mod corpus;
mod dead_go;
mod dead_rust;
mod go_to_rust;
mod ground;
mod locks;
mod operators;
mod report;
mod rust_to_go;
mod slow;
mod soak;
mod stuck_groups;
