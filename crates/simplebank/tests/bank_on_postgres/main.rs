//! The bank with its data and its tasks on a real Postgres, as processes.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper ends the test that called it")]

mod commands;
mod faults;
mod outages;
mod sign_up;

#[path = "../kills/auditor.rs"]
mod auditor;
#[path = "../kills/audits.rs"]
mod audits;
#[path = "../kills/commits.rs"]
mod commits;
#[path = "../support/database.rs"]
mod database;
#[path = "../support/home.rs"]
mod home;
#[path = "../kills/knobs.rs"]
mod knobs;
#[path = "../support/mails.rs"]
mod mails;
#[path = "../support/on_postgres.rs"]
mod place;
#[path = "../kills/points.rs"]
mod points;
#[path = "../support/process.rs"]
mod process;
#[path = "../kills/stops.rs"]
mod stops;
#[path = "../kills/strikes.rs"]
mod strikes;
#[path = "../kills/table.rs"]
mod table;
#[path = "../kills/trial.rs"]
mod trial;
#[path = "../kills/workers.rs"]
mod workers;

use aftercommit_servers::{PostgresServer, RedisServer};
use home::Home;

/// Kills at each point, unless the environment's `KILL_RUNS` says otherwise: fewer than in `kills`, on a server that
/// others use at the same time.
const KILLS: u64 = 4;

/// Where the tasks are.
const QUEUE: &str = "tasks in the database";

/// Starts what the tasks go to: nothing.
fn with_queue(_: &mut Home) -> Option<RedisServer> {
    None
}

impl Home {
    /// A directory whose processes have their data on a Postgres that nobody else uses.
    fn on(server: &PostgresServer) -> Self {
        let mut home = Self::new();
        home.settings.push(("DB_SOURCE", server.database_url().unwrap()));
        home
    }
}
