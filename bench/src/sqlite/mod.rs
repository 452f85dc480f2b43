//! The queue and the bank on SQLite, with `synchronous=FULL`: every commit reaches the disk.

mod bank;
mod bare;
mod drain;
mod enqueue;
mod latency;

use std::time::Duration;

use aftercommit::Task;
use anyhow::{Context, Result};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use serde::{Deserialize, Serialize};

pub(crate) use latency::Produce;

use crate::machine;
use crate::report::{self, Row};

#[derive(Args)]
pub(crate) struct Options {
    /// How often each pair is measured, interleaved.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// How many tasks one drain takes.
    #[arg(long, default_value_t = 30_000)]
    tasks: usize,
    /// How many samples a latency takes.
    #[arg(long, default_value_t = 100)]
    samples: usize,
    /// How long the bank is loaded, in seconds.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// The bank's binary, for the sign-ups; without it they are left out.
    #[arg(long)]
    simplebank: Option<std::path::PathBuf>,
}

/// The payload of every benchmark: as large as a real one.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Greet {
    pub(crate) username: String,
}

impl Task for Greet {
    const TYPE: &'static str = "bench:greet";
}

pub(crate) fn greet() -> Greet {
    Greet { username: "alice10".to_owned() }
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let progress = ProgressBar::new(if options.simplebank.is_some() { 12 } else { 10 });
    progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?);
    let step = |name: &'static str| {
        progress.set_message(name);
        progress.inc(1);
    };
    let mut rows: Vec<Row> = Vec::new();
    for concurrency in [1, 10, 100] {
        step("drain");
        rows.extend(drain::measure(options.runs, options.tasks, concurrency).await?);
    }
    step("single enqueue");
    rows.push(enqueue::alone(options.runs).await?);
    step("enqueue by 64 callers");
    rows.push(enqueue::together(options.runs).await?);
    for batch in [100, 1_000] {
        step("enqueue in batches");
        rows.push(enqueue::batches(options.runs, batch).await?);
    }
    step("idle pick-up, one process");
    rows.extend(latency::idle_same_process(options.samples).await?);
    step("idle pick-up, another process enqueues");
    rows.extend(latency::idle_other_process(options.samples).await?);
    step("scheduled lateness");
    rows.extend(latency::scheduled().await?);
    if let Some(binary) = &options.simplebank {
        // The bank starts in a directory of its own.
        let binary = &binary.canonicalize().with_context(|| format!("cannot find {}", binary.display()))?;
        let time = Duration::from_secs(options.seconds);
        step("create_user, cheap hash");
        rows.extend(bank::sign_ups(binary, options.runs, time, bank::Hash::Cheap).await?);
        step("create_user, real hash");
        rows.extend(bank::sign_ups(binary, options.runs, time, bank::Hash::Real).await?);
    }
    progress.finish_and_clear();
    let knobs = format!(
        "WAL, synchronous=FULL, payload {} bytes, {} interleaved runs of {} tasks, temporary directory {}",
        serde_json::to_vec(&greet())?.len(),
        options.runs,
        options.tasks,
        std::env::temp_dir().display(),
    );
    report::publish("sqlite", &machine::describe(), &knobs, &rows)
}
