//! One half of a measurement, in a process of its own, so that what it costs can be told apart. It takes the same
//! words as the peers' programs and answers as they do: `{"ready": {}}` from a worker, and `{"result": ..}` at the end.

mod bare;
mod cost;
mod produce;
mod task;
mod work;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use serde::Serialize;
use serde_json::json;

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
    /// Works for a while, and counts.
    Beside(Beside),
    /// Takes tasks and never ends them; says when each was started.
    Hold(Hold),
}

#[derive(Args, Clone)]
struct Place {
    /// HOST:PORT.
    #[arg(long)]
    redis: String,
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

/// `12.5ms`, as Go writes it.
fn millis(text: &str) -> Result<Duration> {
    match text.strip_suffix("ms").map(str::parse::<f64>) {
        Some(Ok(number)) if number >= 0.0 => Ok(Duration::from_secs_f64(number / 1_000.0)),
        _ => bail!("{text:?} is no number of milliseconds, as in 12.5ms"),
    }
}

impl Half {
    pub(crate) async fn run(self) -> Result<()> {
        match (self.of, self.what) {
            (Of::Ours, What::Enqueue(it)) => say(produce::enqueue(&it).await?),
            (Of::Ours, What::Pace(it)) => say(produce::pace(&it).await?),
            (Of::Ours, What::Schedule(it)) => say(produce::schedule(&it).await?),
            (Of::Ours, What::Drain(it)) => say(work::drain(&it).await?),
            (Of::Ours, What::Lateness(it)) => say(work::lateness(&it).await?),
            (Of::Ours, What::Beside(it)) => say(work::beside(&it).await?),
            (Of::Ours, What::Hold(it)) => work::hold(&it).await,
            (Of::Bare, What::Enqueue(it)) => say(bare::enqueue(&it)?),
            (Of::Bare, What::Drain(it)) => say(bare::drain(&it)?),
            (Of::Bare, What::Lateness(it)) => say(bare::lateness(&it)?),
            (Of::Bare, _) => bail!("the bare loop has no such half"),
        }
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
