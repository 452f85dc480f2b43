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

use crate::bank::Hash;
use crate::machine;
use crate::report::Report;
use crate::row::Row;

/// For the progress bar.
const MEASUREMENTS: u64 = 12;

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
    /// Only the measurements whose name contains this; they are printed and not recorded.
    #[arg(long)]
    only: Option<String>,
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
    let progress = ProgressBar::new(MEASUREMENTS);
    progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {msg}")?);
    let wanted = |name: &'static str| {
        progress.set_message(name);
        progress.inc(1);
        options.only.as_deref().is_none_or(|only| name.contains(only))
    };
    let mut rows: Vec<Row> = Vec::new();
    for concurrency in [1, 10, 100] {
        if wanted("drain") {
            rows.extend(drain::measure(options.runs, options.tasks, concurrency).await?);
        }
    }
    if wanted("enqueue, one caller") {
        rows.push(enqueue::alone(options.runs).await?);
    }
    if wanted("enqueue, 64 callers") {
        rows.push(enqueue::together(options.runs).await?);
    }
    for batch in [100, 1_000] {
        if wanted("enqueue, batches") {
            rows.push(enqueue::batches(options.runs, batch).await?);
        }
    }
    if wanted("idle pick-up, one process") {
        rows.extend(latency::idle_same_process(options.samples).await?);
    }
    if wanted("idle pick-up, another process") {
        rows.extend(latency::idle_other_process(options.samples).await?);
    }
    if wanted("scheduled lateness") {
        rows.extend(latency::scheduled().await?);
    }
    for hash in [Hash::Cheap, Hash::Real] {
        if wanted("create_user")
            && let Some(binary) = &options.simplebank
        {
            // The bank starts in a directory of its own.
            let binary =
                &binary.canonicalize().with_context(|| format!("cannot find {}", binary.display()))?;
            let time = Duration::from_secs(options.seconds);
            rows.extend(bank::sign_ups(binary, options.runs, time, hash).await?);
        }
    }
    progress.finish_and_clear();
    let knobs = format!(
        "WAL, synchronous=FULL, payload {} bytes, {} interleaved runs of {} tasks, temporary directory {}",
        serde_json::to_vec(&greet())?.len(),
        options.runs,
        options.tasks,
        std::env::temp_dir().display(),
    );
    let report =
        Report { bench: "sqlite", peer: None, machine: &machine::describe(), knobs: &knobs, rows: &rows };
    report.print();
    // A part of the measurements is for whoever asked, and no record.
    if options.only.is_none() { report.record() } else { Ok(()) }
}
