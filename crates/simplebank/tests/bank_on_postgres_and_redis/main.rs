//! The bank with its data on a real Postgres and its tasks on a real Redis: what `bank_on_redis` tests on SQLite, and
//! what Postgres does to it.

#![expect(clippy::unwrap_used, reason = "what goes wrong in a helper ends the test that called it")]

#[path = "../kills/auditor.rs"]
mod auditor;
#[path = "../bank_on_redis/conversation.rs"]
mod conversation;
#[path = "../support/database.rs"]
mod database;
#[path = "../bank_on_redis/faults.rs"]
mod faults;
#[path = "../bank_on_postgres/faults.rs"]
mod faults_of_postgres;
#[path = "../support/home.rs"]
mod home;
#[path = "../bank_on_redis/kills.rs"]
mod kills;
#[path = "../kills/knobs.rs"]
mod knobs;
#[path = "../bank_on_redis/lost_data.rs"]
mod lost_data;
#[path = "../support/mails.rs"]
mod mails;
#[path = "../bank_on_redis/on_redis.rs"]
mod on_redis;
#[path = "../bank_on_redis/outages.rs"]
mod outages;
#[path = "../support/on_postgres.rs"]
mod place;
#[path = "../support/process.rs"]
mod process;
#[path = "../bank_on_redis/roles.rs"]
mod roles;
#[path = "../bank_on_redis/stranded.rs"]
mod stranded;
#[path = "../kills/strikes.rs"]
mod strikes;
#[path = "../kills/table.rs"]
mod table;
#[path = "../kills/trial.rs"]
mod trial;
#[path = "../bank_on_redis/ways.rs"]
mod ways;

use aftercommit_servers::RedisServer;
use home::Home;

/// Where the tasks are.
const QUEUE: &str = "tasks through the outbox to Redis";

/// Starts what the tasks go to.
fn with_queue(home: &mut Home) -> Option<RedisServer> {
    let redis = on_redis::lasting_redis();
    home.settings.push(("REDIS_ADDRESS", redis.addr().to_string()));
    Some(redis)
}
