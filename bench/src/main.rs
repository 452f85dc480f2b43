//! Benchmarks: each measures ours and a bare loop (no engine around it, and so an upper bound) in one
//! interleaved run, since on a shared machine ratios say more than rates.

mod bank;
mod goal;
mod half;
mod halves;
mod machine;
mod measure;
mod postgres;
mod redis;
mod report;
mod row;
mod sqlite;
mod suite;
mod table;
mod toolchain;

use anyhow::Result;
use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about, version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// The queue and the bank on SQLite.
    Sqlite(sqlite::Options),
    /// The queue on Redis, beside the bare limit and asynq.
    Redis(redis::Options),
    /// The queue, the outbox and the bank on Postgres, beside the bare limit, River, graphile-worker and pg-boss.
    Postgres(postgres::Options),
    /// One half of a measurement on Redis or Postgres.
    #[command(hide = true)]
    Half(half::Half),
    /// Enqueues tasks at a steady pace into a database that another process works on.
    #[command(hide = true)]
    Produce(sqlite::Produce),
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        match Arguments::parse().command {
            Command::Sqlite(options) => sqlite::run(options).await,
            Command::Redis(options) => redis::run(options).await,
            Command::Postgres(options) => postgres::run(options).await,
            Command::Half(half) => half.run().await,
            Command::Produce(produce) => produce.run().await,
        }
    })
}
