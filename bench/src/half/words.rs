//! The words of a half: the same as those of the peers' programs.

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};

use super::place::Place;

/// Whose half it is.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Of {
    Ours,
    Bare,
}

#[derive(Subcommand)]
pub(super) enum What {
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
pub(super) struct Enqueue {
    #[command(flatten)]
    pub(super) place: Place,
    #[arg(long)]
    pub(super) tasks: usize,
    /// How many callers share one client.
    #[arg(long, default_value_t = 1)]
    pub(super) callers: usize,
    /// How many tasks go with one call; 1 is the call for a single task.
    #[arg(long, default_value_t = 1)]
    pub(super) batch: usize,
}

#[derive(Args)]
pub(super) struct Pace {
    #[command(flatten)]
    pub(super) place: Place,
    #[arg(long)]
    pub(super) tasks: u32,
    #[arg(long)]
    pub(super) per_second: f64,
    /// The share of the distance by which a task may come early or late.
    #[arg(long)]
    pub(super) jitter: f64,
    /// How each task is stored.
    #[arg(long, value_enum, default_value_t)]
    pub(super) way: Way,
}

/// How a task at a pace is stored.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum)]
pub(super) enum Way {
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
pub(super) struct Both {
    #[command(flatten)]
    pub(super) pace: Pace,
    /// First tasks to leave out.
    #[arg(long, default_value_t = 0)]
    pub(super) skip: usize,
    #[arg(long, default_value_t = 10)]
    pub(super) concurrency: usize,
}

#[derive(Args)]
pub(super) struct Schedule {
    #[command(flatten)]
    pub(super) place: Place,
    #[arg(long)]
    pub(super) tasks: u32,
    /// From now to the first, in milliseconds.
    #[arg(long = "in", value_parser = millis)]
    pub(super) ahead: Duration,
    /// From one to the next, in milliseconds.
    #[arg(long, value_parser = millis)]
    pub(super) apart: Duration,
}

#[derive(Args)]
pub(super) struct Drain {
    #[command(flatten)]
    pub(super) place: Place,
    #[arg(long)]
    pub(super) tasks: u64,
    #[arg(long)]
    pub(super) concurrency: usize,
    /// How many the bare loop takes at once; its concurrency and 200 more unless set.
    #[arg(long)]
    pub(super) batch: Option<usize>,
    /// How many loops the bare one is.
    #[arg(long, default_value_t = 2)]
    pub(super) loops: usize,
}

#[derive(Args)]
pub(super) struct Lateness {
    #[command(flatten)]
    pub(super) place: Place,
    #[arg(long)]
    pub(super) tasks: usize,
    /// First tasks to leave out.
    #[arg(long, default_value_t = 0)]
    pub(super) skip: usize,
    #[arg(long, default_value_t = 10)]
    pub(super) concurrency: usize,
}

#[derive(Args)]
pub(super) struct Beside {
    #[command(flatten)]
    pub(super) place: Place,
    #[arg(long)]
    pub(super) seconds: u64,
    #[arg(long, default_value_t = 10)]
    pub(super) concurrency: usize,
    /// How long each task takes.
    #[arg(long, value_parser = millis, default_value = "0ms")]
    pub(super) handling: Duration,
}

#[derive(Args)]
pub(super) struct Hold {
    #[command(flatten)]
    pub(super) place: Place,
}

#[derive(Args)]
pub(super) struct Relay {
    /// The outbox is in the one, the queue in the other.
    #[command(flatten)]
    pub(super) place: Place,
    /// How many rows to publish before it ends.
    #[arg(long)]
    pub(super) tasks: u64,
}

/// `12.5ms`, as Go writes it.
fn millis(text: &str) -> Result<Duration> {
    match text.strip_suffix("ms").map(str::parse::<f64>) {
        Some(Ok(number)) if number >= 0.0 => Ok(Duration::from_secs_f64(number / 1_000.0)),
        _ => bail!("{text:?} is no number of milliseconds, as in 12.5ms"),
    }
}
