//! The queue and the outbox on Postgres: ours, the bare limit, River, graphile-worker and pg-boss, one after the other
//! in each round, each in a fresh database of one private server.

mod bank;
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

use std::path::PathBuf;

use anyhow::{Context, Result};
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
    /// Also prints what our statements cost, after each drain that the measurement `flat` makes.
    #[arg(long)]
    statements: bool,
    /// The bank's binary, for the sign-ups; without it they are left out.
    #[arg(long)]
    simplebank: Option<PathBuf>,
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
    Bank { clients: u32 },
    Relay,
    Flat,
}

impl Measurement {
    const ALL: [Self; 20] = [
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
        Self::Bank { clients: 8 },
        Self::Bank { clients: 32 },
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
            Self::Bank { clients } => format!("create_user over HTTP, {clients}"),
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
            Self::Bank { clients } => match &bench.simplebank {
                Some(binary) => bank::measure(bench, binary, clients).await,
                None => Ok(Vec::new()),
            },
            Self::Relay => relay::measure(bench).await,
            Self::Flat => flat::measure(bench).await,
        }
    }
}

/// What the measurements share.
struct Bench {
    server: Server,
    peers: Programs,
    scope: Scope,
    shows_statements: bool,
    simplebank: Option<PathBuf>,
}

pub(crate) async fn run(options: Options) -> Result<()> {
    // It starts in a directory of its own.
    let simplebank =
        options.simplebank.map(|path| path.canonicalize().context("cannot find the bank's binary"));
    let simplebank = simplebank.transpose()?;
    let built = tempfile::tempdir()?;
    let (server, peers) = (Server::start()?, peers::build(built.path()).await?);
    let bench =
        Bench { server, peers, scope: options.scope, shows_statements: options.statements, simplebank };
    let wanted = bench.scope.wanted(&Measurement::ALL, Measurement::name);
    let rows = suite::measure(wanted, Measurement::name, async |it| it.rows(&bench).await).await?;
    let knobs = knobs(&bench);
    let report = Report {
        bench: "postgres",
        peer: Some("best peer"),
        machine: &machine::describe(),
        knobs: &knobs,
        rows: &rows,
    };
    bench.scope.publish(&report)
}

fn knobs(bench: &Bench) -> String {
    let mut knobs = vec![
        bench.server.knobs(),
        "client, worker and server on the same cores, each a process".to_owned(),
        "payload {\"username\":\"alice10\"}, retention 0, retries 25, lease 30 s, presence on".to_owned(),
        format!("{} interleaved rounds", bench.scope.runs),
        drain::knobs(bench),
        enqueue::knobs(bench),
        Peer::KNOBS.to_owned(),
        "Postgres' CPU is that of the postmaster and all its children, those that ended included".to_owned(),
        "River v0.51.0, graphile-worker 0.18.0, pg-boss 12.38.0, Node 24.21.0".to_owned(),
    ];
    knobs.extend(bench.peers.skipped.clone());
    knobs.join("; ")
}
