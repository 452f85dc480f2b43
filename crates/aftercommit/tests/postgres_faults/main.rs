//! Real workers and clients on a real Postgres that goes wrong in every way it can. For each fault an auditor that knows
//! only what was acknowledged and what was done says what became of the tasks: none is lost, and a task that ran twice
//! has a line in the log that says why.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

#[path = "../faults/audit.rs"]
mod audit;
mod chance;
mod clocks;
mod completed;
mod deaths;
mod kit;
#[path = "../faults/lines.rs"]
mod lines;
mod lost_answers;
mod network;
mod outages;
mod refusals;
mod said;
mod server;
#[path = "../faults/table.rs"]
mod table;
mod transactions;

/// Where the table of faults is written to.
const TABLE: &str = "postgres-faults.txt";
