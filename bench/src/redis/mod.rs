//! The queue on Redis: ours, the bare limit and asynq, one after the other in each round.

mod backlog;
mod beside;
mod crash;
mod enqueue;
mod flat;
mod latency;
mod peers;
mod proxy;
mod server;
mod trip;

use anyhow::Result;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use peers::{Peer, Programs};
use server::Server;

use crate::halves::Measured;
use crate::machine;
use crate::report::{Report, Row};

#[derive(Args)]
pub(crate) struct Options {
    /// How often each peer is measured, interleaved.
    #[arg(long, default_value_t = 3)]
    runs: usize,
    /// Only the measurements whose name contains this; they are printed and not recorded.
    #[arg(long)]
    only: Option<String>,
    /// Fewer tasks, at most a million waiting, and no wait for asynq's recovery; printed and not recorded.
    #[arg(long)]
    quick: bool,
}

/// What is measured. Each gives one or several rows.
#[derive(Debug, Clone, Copy)]
enum Measurement {
    Backlog { concurrency: usize },
    Enqueue(enqueue::Way),
    IdlePickUp(latency::Producer),
    Scheduled,
    HalfRate,
    RoundTrip,
    Killed,
    Beside,
    Flat,
    IdleWorkers,
}

impl Measurement {
    const ALL: [Self; 15] = [
        Self::Backlog { concurrency: 10 },
        Self::Backlog { concurrency: 100 },
        Self::Enqueue(enqueue::Way::Batches),
        Self::Enqueue(enqueue::Way::Coalesced),
        Self::Enqueue(enqueue::Way::SixteenCallers),
        Self::Enqueue(enqueue::Way::Alone),
        Self::IdlePickUp(latency::Producer::Own),
        Self::IdlePickUp(latency::Producer::Go),
        Self::Scheduled,
        Self::HalfRate,
        Self::RoundTrip,
        Self::Killed,
        Self::Beside,
        Self::IdleWorkers,
        Self::Flat,
    ];

    fn name(self) -> String {
        match self {
            Self::Backlog { concurrency } => format!("backlog, concurrency {concurrency}"),
            Self::Enqueue(way) => format!("enqueue, {}", way.name()),
            Self::IdlePickUp(producer) => format!("idle pick-up, {}", producer.name()),
            Self::Scheduled => "scheduled lateness".to_owned(),
            Self::HalfRate => "at half of the maximum".to_owned(),
            Self::RoundTrip => "round trip of 2.4 ms".to_owned(),
            Self::Killed => "killed worker".to_owned(),
            Self::Beside => "a Go worker beside ours".to_owned(),
            Self::Flat => "flat".to_owned(),
            Self::IdleWorkers => "20 idle workers".to_owned(),
        }
    }

    async fn rows(self, bench: &mut Bench) -> Result<Vec<Row>> {
        match self {
            Self::Backlog { concurrency } => backlog::measure(bench, concurrency).await,
            Self::Enqueue(way) => enqueue::measure(bench, way).await,
            Self::IdlePickUp(producer) => latency::idle(bench, producer).await,
            Self::Scheduled => latency::scheduled(bench).await,
            Self::HalfRate => latency::half_rate(bench).await,
            Self::RoundTrip => trip::measure(bench).await,
            Self::Killed => crash::measure(bench).await,
            Self::Beside => beside::share(bench).await,
            Self::Flat => flat::measure(bench).await,
            Self::IdleWorkers => beside::idle_workers(bench).await,
        }
    }
}

/// What the measurements share.
struct Bench {
    server: Server,
    peers: Programs,
    runs: usize,
    size: Size,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Size {
    Full,
    Quick,
}

impl Bench {
    /// The larger number, or the smaller for a quick look.
    fn count(&self, full: usize, quick: usize) -> usize {
        match self.size {
            Size::Full => full,
            Size::Quick => quick,
        }
    }
}

/// Adds what one peer showed to its column.
fn add(row: &mut Row, peer: Peer, sample: f64) {
    match peer {
        Peer::Ours => row.ours.add(sample),
        Peer::Bare => row.bare.get_or_insert_default().add(sample),
        Peer::Asynq => row.add_peer("asynq", sample),
    }
}

/// Adds several numbers of one result, each to its row.
fn add_all(rows: &mut [Row], names: &[&str], peer: Peer, measured: &Measured) -> Result<()> {
    for (row, name) in rows.iter_mut().zip(names) {
        add(row, peer, measured.get(name)?);
    }
    Ok(())
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let size = if options.quick { Size::Quick } else { Size::Full };
    let built = tempfile::tempdir()?;
    let (server, peers) = (Server::start()?, peers::build(built.path()).await?);
    let mut bench = Bench { server, peers, runs: options.runs, size };
    let wanted: Vec<Measurement> = Measurement::ALL
        .into_iter()
        .filter(|it| options.only.as_deref().is_none_or(|only| it.name().contains(only)))
        .collect();
    let progress = ProgressBar::new(wanted.len() as u64);
    progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}")?);
    let mut rows: Vec<Row> = Vec::new();
    for measurement in wanted {
        progress.set_message(measurement.name());
        rows.extend(measurement.rows(&mut bench).await?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    let knobs = knobs(&bench);
    let report = Report {
        bench: "redis",
        peer: Some("asynq 0.26"),
        machine: &machine::describe(),
        knobs: &knobs,
        rows: &rows,
    };
    report.print();
    // A part of the measurements is for whoever asked, and no record.
    if options.only.is_none() && size == Size::Full { report.record() } else { Ok(()) }
}

fn knobs(bench: &Bench) -> String {
    let mut knobs = vec![
        format!("redis-server {} on loopback, RDB and AOF off", bench.server.version),
        "client, worker and server on the same cores, each a process".to_owned(),
        "payload {\"username\":\"alice10\"}, retention 0, retries 25, lease 30 s, presence on".to_owned(),
        format!("{} interleaved rounds", bench.runs),
        backlog::knobs(bench),
        enqueue::knobs(bench),
        "asynq at its defaults (looks every 1 s, at due tasks every 5 s)".to_owned(),
        "asynq's batch enqueuing is not measured here: unreleased".to_owned(),
    ];
    knobs.extend(bench.peers.skipped.clone());
    knobs.join("; ")
}
