//! Our relay, from the outbox of a Postgres to a Redis.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::postgres::{PostgresOptions, PostgresOutbox};
use aftercommit::{Outbox as _, Relay};
use anyhow::{Result, bail};

use super::cost::{Cost, Moment};
use super::ready;
use super::words::Relay as Words;
use super::work::abandoned;

/// How often the backlog is looked at: seldom enough to cost nothing.
const LOOK: Duration = Duration::from_millis(20);

/// Ends when as many rows as were wanted are published, or when nobody listens any more.
pub(super) async fn relay(it: &Words) -> Result<Cost> {
    let outbox = PostgresOutbox::new(&PostgresOptions::parse(it.place.postgres()?)?);
    // Connects, so that it is not measured.
    outbox.backlog().await?;
    let relay = Relay::builder(Arc::new(outbox), Arc::new(it.place.redis()?)).build()?;
    let (stop, monitor) = (relay.stop_handle(), relay.monitor());
    let from = Moment::now();
    let running = tokio::spawn(relay.run());
    ready();
    let all = async {
        while monitor.counts().published < it.tasks {
            tokio::time::sleep(LOOK).await;
        }
    };
    tokio::select! {
        () = all => {}
        error = abandoned() => bail!("{error}: {} of {}", monitor.counts().published, it.tasks),
    }
    let to = Moment::now();
    stop.shutdown();
    running.await??;
    Ok(Cost::of(it.tasks, from, to))
}
