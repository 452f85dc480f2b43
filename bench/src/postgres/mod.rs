//! The queue and the outbox on Postgres: ours, the bare limit, River, graphile-worker and pg-boss, one after the other
//! in each round, each in a fresh database of one private server.

mod bare;
mod beside;
mod drain;
mod enqueue;
mod flat;
mod held;
mod latency;
mod peers;
mod relay;
mod server;

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
    /// Fewer tasks and shorter loads; printed and not recorded.
    #[arg(long)]
    quick: bool,
    /// Also prints what our statements cost, after each drain that the measurement `flat` makes.
    #[arg(long)]
    statements: bool,
}

/// What is measured. Each gives one or several rows.
#[derive(Debug, Clone, Copy)]
enum Measurement {
    Drain { concurrency: usize },
    Bare,
    Enqueue { batch: usize },
    IdlePickUp,
    Commit(latency::Commit),
    Held(held::Load),
    Beside { host: beside::Host, connections: u32 },
    Relay,
    Flat,
}

impl Measurement {
    const ALL: [Self; 18] = [
        Self::Drain { concurrency: 10 },
        Self::Drain { concurrency: 100 },
        Self::Bare,
        Self::Enqueue { batch: 100 },
        Self::Enqueue { batch: 1_000 },
        Self::IdlePickUp,
        Self::Commit(latency::Commit::SameProcess),
        Self::Commit(latency::Commit::OtherProcess),
        Self::Commit(latency::Commit::ThroughRedis),
        Self::Held(held::Load::Backlog),
        Self::Held(held::Load::Churn),
        Self::Beside { host: beside::Host::Row, connections: 1 },
        Self::Beside { host: beside::Host::Row, connections: 8 },
        Self::Beside { host: beside::Host::Row, connections: 32 },
        Self::Beside { host: beside::Host::CreateUser, connections: 8 },
        Self::Beside { host: beside::Host::CreateUser, connections: 32 },
        Self::Relay,
        Self::Flat,
    ];

    fn name(self) -> String {
        match self {
            Self::Drain { concurrency } => format!("drain, concurrency {concurrency}"),
            Self::Bare => "bare loop".to_owned(),
            Self::Enqueue { batch } => format!("enqueue, batches of {batch}"),
            Self::IdlePickUp => "idle pick-up".to_owned(),
            Self::Commit(commit) => format!("commit to start, {}", commit.name()),
            Self::Held(load) => format!("held transaction, {}", load.name()),
            Self::Beside { host, connections } => format!("beside {}, {connections}", host.name()),
            Self::Relay => "relay".to_owned(),
            Self::Flat => "flat".to_owned(),
        }
    }

    async fn rows(self, bench: &Bench) -> Result<Vec<Row>> {
        match self {
            Self::Drain { concurrency } => drain::measure(bench, concurrency).await,
            Self::Bare => bare::measure(bench).await,
            Self::Enqueue { batch } => enqueue::measure(bench, batch).await,
            Self::IdlePickUp => latency::idle(bench).await,
            Self::Commit(commit) => latency::commit(bench, commit).await,
            Self::Held(load) => held::measure(bench, load).await,
            Self::Beside { host, connections } => beside::measure(bench, host, connections).await,
            Self::Relay => relay::measure(bench).await,
            Self::Flat => flat::measure(bench).await,
        }
    }
}

/// What the measurements share.
struct Bench {
    server: Server,
    peers: Programs,
    runs: usize,
    size: Size,
    shows_statements: bool,
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
        _ => row.add_peer(peer.name(), sample),
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
    let bench = Bench { server, peers, runs: options.runs, size, shows_statements: options.statements };
    let wanted: Vec<Measurement> = Measurement::ALL
        .into_iter()
        .filter(|it| options.only.as_deref().is_none_or(|only| it.name().contains(only)))
        .collect();
    let progress = ProgressBar::new(wanted.len() as u64);
    progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}")?);
    let mut rows: Vec<Row> = Vec::new();
    for measurement in wanted {
        progress.set_message(measurement.name());
        rows.extend(measurement.rows(&bench).await?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    let knobs = knobs(&bench);
    let report = Report {
        bench: "postgres",
        peer: Some("best peer"),
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
        bench.server.knobs(),
        "client, worker and server on the same cores, each a process".to_owned(),
        "payload {\"username\":\"alice10\"}, retention 0, retries 25, lease 30 s, presence on".to_owned(),
        format!("{} interleaved rounds", bench.runs),
        drain::knobs(bench),
        enqueue::knobs(bench),
        Peer::KNOBS.to_owned(),
        "Postgres' CPU is that of the postmaster and all its children, those that ended included".to_owned(),
        "River v0.51.0, graphile-worker 0.18.0, pg-boss 12.38.0, Node 24.21.0".to_owned(),
    ];
    knobs.extend(bench.peers.skipped.clone());
    knobs.join("; ")
}
