//! The lectures, replayed: each experiment of the course on a real bank, a real Postgres and a real Redis, and what came
//! of it as a table. `make lecture-55`, `lecture-56` and `lecture-58` show the same on a terminal, step by step.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper ends the test that called it")]

mod database;
mod events;
mod lecture_55;
mod lecture_56;
mod lecture_58;
mod lost_data;
mod outbox;
mod queues;
mod scene;
mod table;

#[path = "../support/home.rs"]
mod home;
#[path = "../support/mails.rs"]
mod mails;
#[path = "../support/process.rs"]
mod process;
