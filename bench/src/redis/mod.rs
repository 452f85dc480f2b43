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

use peers::{Peer, Programs};
use server::Server;

use crate::report::Report;
use crate::row::Row;
use crate::suite::Scope;
use crate::{machine, suite};

#[derive(Args)]
pub(crate) struct Options {
    #[command(flatten)]
    scope: Scope,
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
    scope: Scope,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    let built = tempfile::tempdir()?;
    let (server, peers) = (Server::start()?, peers::build(built.path()).await?);
    let mut bench = Bench { server, peers, scope: options.scope };
    let wanted = bench.scope.wanted(&Measurement::ALL, Measurement::name);
    let rows = suite::measure(wanted, Measurement::name, async |it| it.rows(&mut bench).await).await?;
    let knobs = knobs(&bench);
    let report = Report {
        bench: "redis",
        peer: Some("asynq 0.26"),
        machine: &machine::describe(),
        knobs: &knobs,
        rows: &rows,
    };
    bench.scope.publish(&report)
}

fn knobs(bench: &Bench) -> String {
    let mut knobs = vec![
        format!("redis-server {} on loopback, RDB and AOF off", bench.server.version),
        "client, worker and server on the same cores, each a process".to_owned(),
        "payload {\"username\":\"alice10\"}, retention 0, retries 25, lease 30 s, presence on".to_owned(),
        format!("{} interleaved rounds", bench.scope.runs),
        backlog::knobs(bench),
        enqueue::knobs(bench),
        "asynq at its defaults (looks every 1 s, at due tasks every 5 s)".to_owned(),
        "asynq's batch enqueuing is not measured here: unreleased".to_owned(),
    ];
    knobs.extend(bench.peers.skipped.clone());
    knobs.join("; ")
}
