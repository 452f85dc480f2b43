//! Real workers and clients on a real Postgres that goes wrong in every way it can. For each fault an auditor that knows
//! only what was acknowledged and what was done says what became of the tasks: none is lost, and a task that ran twice
//! has a line in the log that says why.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod completed;
mod lost_answers;
mod outages;
mod refusals;
mod server;
mod store;
mod transactions;

#[path = "../faults/answers.rs"]
mod answers;
#[path = "../faults/audit.rs"]
mod audit;
#[path = "../faults/chance.rs"]
mod chance;
#[path = "../faults/clocks.rs"]
mod clocks;
#[path = "../faults/deaths.rs"]
mod deaths;
#[path = "../faults/kit/mod.rs"]
mod kit;
#[path = "../faults/lines.rs"]
mod lines;
#[path = "../faults/network.rs"]
mod network;
#[path = "../faults/said.rs"]
mod said;
#[path = "../faults/stories.rs"]
mod stories;
#[path = "../faults/table.rs"]
mod table;
