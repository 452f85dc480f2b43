//! One half of a measurement, in a process of its own, so that what it costs can be told apart. It takes the same
//! words as the peers' programs and answers as they do: `{"ready": {}}` from a worker, and `{"result": ..}` at the end.

mod bare_postgres;
mod bare_redis;
mod both;
mod cost;
mod place;
mod produce;
mod relay;
mod task;
mod work;

use std::time::Duration;

use aftercommit::postgres::{PostgresOptions, PostgresQueue};
use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::json;

use place::{Place, Store};
pub(super) use task::SendVerifyEmail;

/// Whose half it is.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Of {
    Ours,
    Bare,
}

#[derive(Args)]
pub(crate) struct Half {
    #[arg(value_enum)]
    of: Of,
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Makes the tables, where there are such.
    Prepare(Place),
    /// As fast as its callers can.
    Enqueue(Enqueue),
    /// At a steady pace, the moment of enqueuing in the payload.
    Pace(Pace),
    /// For moments to come, which are in the payload.
    Schedule(Schedule),
    /// Works through a backlog.
    Drain(Drain),
    /// Works, and tells how long after the moment in its payload each task started.
    Lateness(Lateness),
    /// The same, and commits these tasks at a steady pace in the same process.
    Both(Both),
    /// Works for a while, and counts.
    Beside(Beside),
    /// Takes tasks and never ends them; says when each was started.
    Hold(Hold),
    /// Publishes from the outbox of a Postgres to a Redis.
    Relay(Relay),
}

#[derive(Args)]
struct Enqueue {
    #[command(flatten)]
    place: Place,
    #[arg(long)]
    tasks: usize,
    /// How many callers share one client.
    #[arg(long, default_value_t = 1)]
    callers: usize,
    /// How many tasks go with one call; 1 is the call for a single task.
    #[arg(long, default_value_t = 1)]
    batch: usize,
}

#[derive(Args)]
struct Pace {
    #[command(flatten)]
    place: Place,
    #[arg(long)]
    tasks: u32,
    #[arg(long)]
    per_second: f64,
    /// The share of the distance by which a task may come early or late.
    #[arg(long)]
    jitter: f64,
    /// How each task is stored.
    #[arg(long, value_enum, default_value_t)]
    way: Way,
}

/// How a task at a pace is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
enum Way {
    /// By the client, on its own.
    #[default]
    Client,
    /// In a transaction of the host, beside a row of its own, in the queue of the same database.
    Transaction,
    /// The same in the outbox, for a relay.
    Outbox,
}

/// A worker, and a producer on the same handle.
#[derive(Args)]
struct Both {
    #[command(flatten)]
    pace: Pace,
    /// First tasks to leave out.
    #[arg(long, default_value_t = 0)]
    skip: usize,
    #[arg(long, default_value_t = 10)]
    concurrency: usize,
}

#[derive(Args)]
struct Schedule {
    #[command(flatten)]
    place: Place,
    #[arg(long)]
    tasks: u32,
    /// From now to the first, in milliseconds.
    #[arg(long = "in", value_parser = millis)]
    ahead: Duration,
    /// From one to the next, in milliseconds.
    #[arg(long, value_parser = millis)]
    apart: Duration,
}

#[derive(Args)]
struct Drain {
    #[command(flatten)]
    place: Place,
    #[arg(long)]
    tasks: u64,
    #[arg(long)]
    concurrency: usize,
    /// How many the bare loop takes at once; its concurrency and 200 more unless set.
    #[arg(long)]
    batch: Option<usize>,
    /// How many loops the bare one is.
    #[arg(long, default_value_t = 2)]
    loops: usize,
}

#[derive(Args)]
struct Lateness {
    #[command(flatten)]
    place: Place,
    #[arg(long)]
    tasks: usize,
    /// First tasks to leave out.
    #[arg(long, default_value_t = 0)]
    skip: usize,
    #[arg(long, default_value_t = 10)]
    concurrency: usize,
}

#[derive(Args)]
struct Beside {
    #[command(flatten)]
    place: Place,
    #[arg(long)]
    seconds: u64,
    #[arg(long, default_value_t = 10)]
    concurrency: usize,
    /// How long each task takes.
    #[arg(long, value_parser = millis, default_value = "0ms")]
    handling: Duration,
}

#[derive(Args)]
struct Hold {
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
struct Relay {
    /// The outbox is in the one, the queue in the other.
    #[command(flatten)]
    place: Place,
    /// How many rows to publish before it ends.
    #[arg(long)]
    tasks: u64,
}

/// `12.5ms`, as Go writes it.
fn millis(text: &str) -> Result<Duration> {
    match text.strip_suffix("ms").map(str::parse::<f64>) {
        Some(Ok(number)) if number >= 0.0 => Ok(Duration::from_secs_f64(number / 1_000.0)),
        _ => bail!("{text:?} is no number of milliseconds, as in 12.5ms"),
    }
}

impl Half {
    pub(crate) async fn run(self) -> Result<()> {
        match self.of {
            Of::Ours => ours(self.what).await,
            Of::Bare => bare(self.what).await,
        }
    }
}

async fn ours(what: What) -> Result<()> {
    match what {
        What::Prepare(place) => {
            if let Store::Postgres(url) = place.store()? {
                PostgresQueue::new(&PostgresOptions::parse(&url)?).migrate().await?;
            }
            say(())
        }
        What::Enqueue(it) => say(produce::enqueue(&it).await?),
        What::Pace(it) => say(produce::pace(&it).await?),
        What::Schedule(it) => say(produce::schedule(&it).await?),
        What::Drain(it) => say(work::drain(&it).await?),
        What::Lateness(it) => say(work::lateness(&it).await?),
        What::Both(it) => say(both::both(&it).await?),
        What::Beside(it) => say(work::beside(&it).await?),
        What::Hold(it) => work::hold(&it).await,
        What::Relay(it) => say(relay::relay(&it).await?),
    }
}

async fn bare(what: What) -> Result<()> {
    match what {
        What::Prepare(place) => say(bare_postgres::prepare(&place).await?),
        What::Enqueue(it) => match it.place.store()? {
            Store::Redis(url) => say(bare_redis::enqueue(&url, &it)?),
            Store::Postgres(url) => say(bare_postgres::enqueue(&url, &it).await?),
        },
        What::Drain(it) => match it.place.store()? {
            Store::Redis(url) => say(bare_redis::drain(&url, &it)?),
            Store::Postgres(url) => say(bare_postgres::drain(&url, &it).await?),
        },
        What::Lateness(it) => match it.place.store()? {
            Store::Redis(url) => say(bare_redis::lateness(&url, &it)?),
            Store::Postgres(_) => bail!("the bare loop on Postgres does not listen"),
        },
        _ => bail!("the bare loop has no such half"),
    }
}

fn say(measured: impl Serialize) -> Result<()> {
    println!("{}", json!({ "result": { "measured": measured } }));
    Ok(())
}

/// A worker is about to look for tasks.
fn ready() {
    println!("{}", json!({ "ready": {} }));
}
