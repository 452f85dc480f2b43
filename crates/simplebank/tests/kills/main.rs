//! The guarantee, on real processes that are killed at named points: no user without a mail, no mail without a user,
//! never two codes for one address.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper ends the test that called it")]

mod auditor;
mod audits;
mod commits;
mod knobs;
mod points;
mod stops;
mod table;
mod trial;
mod workers;

#[path = "../support/database.rs"]
mod database;
#[path = "../support/home.rs"]
mod home;
#[path = "../support/mails.rs"]
mod mails;
#[path = "../support/on_sqlite.rs"]
mod place;
#[path = "../support/process.rs"]
mod process;

/// Kills at each point, unless the environment's `KILL_RUNS` says otherwise.
const KILLS: u64 = 10;
