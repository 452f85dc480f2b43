//! How long the task of a killed worker waits until another worker starts it.

use anyhow::{Context, Result};

use super::{Bench, Peer};
use crate::goal::Goal;
use crate::row::Row;
use crate::suite::{Size, add};

/// How often asynq is measured: it takes minutes.
const ASYNQ_RUNS: usize = 1;

pub(super) async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut row = Row::new(
        "killed worker, until its task runs again",
        "s",
        "a worker counts as dead after three missed beats",
    )
    .goal(Goal::at_most(15.0, 10.0));
    for run in 0..bench.scope.runs {
        for peer in bench.peers.here(&[Peer::Ours, Peer::Asynq]) {
            if peer == Peer::Asynq && (bench.scope.size() == Size::Quick || run >= ASYNQ_RUNS) {
                continue;
            }
            bench.server.empty()?;
            let words = format!("hold --redis {}", bench.server.addr());
            let mut first = bench.peers.work(peer, &words).await?;
            bench.server.fill(1).await?;
            first.line("started").await?;
            let mut second = bench.peers.work(peer, &words).await?;
            // It has seen the other alive, as in a fleet.
            tokio::time::sleep(SETTLED).await;
            first.kill().await?;
            let killed = std::time::Instant::now();
            second.line("started").await.context("the task did not run again")?;
            add(&mut row, peer, killed.elapsed().as_secs_f64());
        }
    }
    Ok(vec![row])
}

/// How long a fleet is left alone before the kill.
const SETTLED: std::time::Duration = std::time::Duration::from_secs(12);
