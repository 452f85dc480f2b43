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
mod words;
mod work;

use aftercommit::postgres::{PostgresOptions, PostgresQueue};
use anyhow::{Result, bail};
use clap::Args;
use serde::Serialize;
use serde_json::json;

use place::Store;
pub(super) use task::SendVerifyEmail;
use words::{Of, What};

#[derive(Args)]
pub(crate) struct Half {
    #[arg(value_enum)]
    of: Of,
    #[command(subcommand)]
    what: What,
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
