//! The lectures, replayed on SQLite: the scenes of `lectures`, for a machine without Postgres.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper ends the test that called it")]

mod database;

#[path = "../lectures/events.rs"]
mod events;
#[path = "../lectures/lecture_55.rs"]
mod lecture_55;
#[path = "../lectures/lecture_56.rs"]
mod lecture_56;
#[path = "../lectures/lecture_58.rs"]
mod lecture_58;
#[path = "../lectures/lost_data.rs"]
mod lost_data;
#[path = "../lectures/outbox.rs"]
mod outbox;
#[path = "../lectures/queues.rs"]
mod queues;
#[path = "../lectures/scene.rs"]
mod scene;
#[path = "../lectures/table.rs"]
mod table;

#[path = "../support/home.rs"]
mod home;
#[path = "../support/mails.rs"]
mod mails;
#[path = "../support/process.rs"]
mod process;
