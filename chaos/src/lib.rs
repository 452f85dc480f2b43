//! Chaos: sign-ups at a steady rate against the real bank, while its processes, its stores and its network fail by a
//! seeded plan; and an auditor who judges what is left by the stores and an append-only effect log.
//!
//! `kind` says which fleets there are, `deck` which faults each can suffer, `plan` when they happen. `fleet` starts the
//! stores and the processes, a `keeper` for each of them; `load` signs up; `sink` takes the mails and writes the effect
//! log. `trial` puts them together, `auditor` judges, `report` tells.

mod alibi;
mod auditor;
mod books;
mod deck;
mod effects;
mod evidence;
mod fleet;
mod journal;
mod keeper;
mod kind;
mod link;
mod load;
mod plan;
mod postgres_site;
mod process;
mod progress;
mod redis_site;
mod report;
mod sink;
mod trial;

pub use auditor::Findings;
pub use kind::FleetKind;
pub use progress::Watcher;
pub use report::Report;
pub use trial::{DRAIN_BOUND, Outcome, Setup, run};
