//! The bank with its data and its tasks on a real Postgres, as processes.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper ends the test that called it")]

mod commands;
mod outages;
mod sign_up;

#[path = "../support/home.rs"]
mod home;
#[path = "../support/mails.rs"]
mod mails;
#[path = "../support/process.rs"]
mod process;

use aftercommit_servers::PostgresServer;
use home::Home;

impl Home {
    /// A directory whose processes have their data on a Postgres that nobody else uses.
    fn on(server: &PostgresServer) -> Self {
        let mut home = Self::new();
        home.settings.push(("DB_SOURCE", server.database_url().unwrap()));
        home
    }
}
