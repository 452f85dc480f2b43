//! asynq and ours on one Redis: ten checks, each in both directions. They end in a table, `target/interop-report.txt`.

mod compare;
mod corpus;
mod go_to_rust;
mod ground;
mod report;
mod rust_to_go;
