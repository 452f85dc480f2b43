//! The bank with its tasks on a real Redis: the same conversation, and every fault between a commit and its mail.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper ends the test that called it")]

mod conversation;
mod faults;
mod kills;
mod login;
mod lost_data;
mod on_redis;
mod outages;
mod roles;
mod stranded;
mod ways;

#[path = "../kills/auditor.rs"]
mod auditor;
#[path = "../support/database.rs"]
mod database;
#[path = "../support/home.rs"]
mod home;
#[path = "../kills/knobs.rs"]
mod knobs;
#[path = "../support/mails.rs"]
mod mails;
#[path = "../support/on_sqlite.rs"]
mod place;
#[path = "../support/process.rs"]
mod process;
#[path = "../kills/strikes.rs"]
mod strikes;
#[path = "../kills/table.rs"]
mod table;
#[path = "../kills/trial.rs"]
mod trial;
