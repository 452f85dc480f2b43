//! The bank as its users run it: the real program, in a directory of its own, over real connections.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper ends the test that called it")]

mod bad_input;
mod configuration_faults;
mod conversation;
mod grpc;
mod log_lines;
mod mail_by_smtp;
mod production;
mod roles;
mod secrets;
mod start_faults;
mod stop;
mod upkeep;

#[path = "../support/database.rs"]
mod database;
#[path = "../support/home.rs"]
mod home;
#[path = "../support/mail_server.rs"]
mod mail_server;
#[path = "../support/mails.rs"]
mod mails;
#[path = "../support/process.rs"]
mod process;
#[path = "../support/program.rs"]
mod program;
#[path = "../support/suite.rs"]
mod suite;
