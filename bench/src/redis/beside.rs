//! What our workers leave to others: a Go worker on the same queue, and Redis while nothing is to be done.

use std::time::Duration;

use anyhow::{Context, Result};

use super::{Bench, Peer};
use crate::goal::Goal;
use crate::halves::Half;
use crate::machine;
use crate::row::Row;
use crate::suite::add;

/// How many idle workers there are, each a process.
const IDLE: usize = 20;
/// How long after their start they count as idle.
const SETTLED: Duration = Duration::from_secs(4);

/// A Go worker's speed beside ours. Ours is busy with tasks of 50 ms, so that what the two share is the queue and not
/// the processor.
pub(super) async fn share(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut row = Row::new(
        "a Go worker beside ours, its speed relative to alone",
        "ratio",
        "our ids in the list of active tasks, which Go searches",
    )
    .goal(Goal::at_least(0.90, 0.95));
    if bench.peers.here(&[Peer::Asynq]).is_empty() {
        return Ok(vec![row]);
    }
    let seconds = bench.scope.count(8, 4);
    for _ in 0..bench.scope.runs {
        let mut speeds = Vec::new();
        for with_ours in [None, Some(Peer::Ours)] {
            bench.server.empty()?;
            bench.server.fill(25_000 * seconds).await?;
            let addr = bench.server.addr();
            let ours = match with_ours {
                None => None,
                Some(peer) => {
                    let seconds = seconds + 2;
                    let words = format!(
                        "beside --redis {addr} --seconds {seconds} --concurrency 100 --handling 50ms"
                    );
                    Some(bench.peers.work(peer, &words).await?)
                }
            };
            let words = format!("beside --redis {addr} --seconds {seconds}");
            speeds.push(bench.peers.run(Peer::Asynq, &words).await?.get("total")?);
            if let Some(ours) = ours {
                ours.measured().await?;
            }
        }
        row.ours.add(speeds[1] / speeds[0]);
    }
    Ok(vec![row])
}

/// What 20 idle workers cost.
pub(super) async fn idle_workers(bench: &mut Bench) -> Result<Vec<Row>> {
    let limit = "beats, recovery and due tasks are looked after all the same";
    let mut rows = [
        Row::new("20 idle workers, their CPU", "% of a core", limit),
        Row::new("20 idle workers, Redis' CPU", "% of a core", limit),
        Row::new("20 idle workers, commands", "per second", limit),
    ];
    let seconds = bench.scope.count(20, 8);
    for _ in 0..bench.scope.runs {
        for peer in bench.peers.here(&[Peer::Ours, Peer::Asynq]) {
            bench.server.empty()?;
            let addr = bench.server.addr();
            let mut workers = Vec::new();
            for _ in 0..IDLE {
                let words = format!("beside --redis {addr} --seconds {}", seconds + 30);
                workers.push(bench.peers.work(peer, &words).await?);
            }
            tokio::time::sleep(SETTLED).await;
            let ids: Vec<u32> = workers.iter().filter_map(Half::id).collect();
            let cpu = || ids.iter().map(|id| machine::cpu_time_of(*id)).sum::<Option<Duration>>();
            let (before, cpu_before) = (bench.server.spent()?, cpu().context("a worker has ended")?);
            tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
            let (after, cpu_after) = (bench.server.spent()?, cpu().context("a worker has ended")?);
            let percent = 100.0 / seconds as f64;
            add(&mut rows[0], peer, (cpu_after - cpu_before).as_secs_f64() * percent);
            add(&mut rows[1], peer, after.cpu_ms_since(before) / 1_000.0 * percent);
            add(&mut rows[2], peer, after.commands_since(before) / seconds as f64);
            for mut worker in workers {
                worker.kill().await?;
            }
        }
    }
    Ok(rows.into())
}
