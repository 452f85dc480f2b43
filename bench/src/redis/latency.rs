//! How soon tasks start: on an idle worker, when they are due, and at half of what a worker can do.

use anyhow::Result;

use super::{Bench, Peer};
use crate::goal::Goal;
use crate::row::Row;
use crate::suite::{add, add_all};

/// Who wakes the idle worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Producer {
    /// Each peer's own.
    Own,
    Go,
}

impl Producer {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Own => "own producer",
            Self::Go => "a Go producer",
        }
    }
}

fn rows(name: &str, limit: &'static str, p50: Option<Goal>, p99: Goal) -> [Row; 2] {
    let mut rows = [50, 99].map(|percent| Row::new(format!("{name}, p{percent}"), "ms", limit));
    rows[0].goals.extend(p50);
    rows[1].goals.push(p99);
    rows
}

/// One task every 250 ms or so, from another process.
pub(super) async fn idle(bench: &mut Bench, producer: Producer) -> Result<Vec<Row>> {
    let name = format!("idle pick-up, {}", producer.name());
    let limit = "Redis tells, one look, one task; the bare loop blocks on the list";
    let mut rows = rows(&name, limit, Some(Goal::at_most(2.0, 1.0)), Goal::at_most(15.0, 5.0));
    let tasks = bench.scope.count(100, 24);
    for _ in 0..bench.scope.runs {
        for peer in bench.peers.here(&[Peer::Ours, Peer::Bare, Peer::Asynq]) {
            let from = match (producer, peer) {
                (Producer::Own, Peer::Ours | Peer::Bare) => Peer::Ours,
                _ => Peer::Asynq,
            };
            if bench.peers.here(&[from]).is_empty() {
                continue;
            }
            bench.server.empty()?;
            let addr = bench.server.addr();
            // The first few find connections that are new.
            let words = format!("lateness --redis {addr} --tasks {} --skip 2", tasks + 2);
            let worker = bench.peers.work(peer, &words).await?;
            let pace = format!("pace --redis {addr} --tasks {} --per-second 4 --jitter 0.2", tasks + 2);
            let (paced, measured) = tokio::join!(bench.peers.run(from, &pace), worker.measured());
            paced?;
            add_all(&mut rows, &["p50_ms", "p99_ms"], peer, &measured?)?;
        }
    }
    Ok(rows.into())
}

/// 200 tasks that fall due 12.5 ms apart.
pub(super) async fn scheduled(bench: &mut Bench) -> Result<Vec<Row>> {
    let limit = "the forwarder sleeps until the next is due; timers of 1 ms";
    let [p50, p99] = rows("scheduled lateness", limit, None, Goal::at_most(50.0, 10.0));
    let min = Row::new("scheduled lateness, least", "ms", "less than zero is too early")
        .goal(Goal::at_least(0.0, 0.0));
    let mut rows = [p50, p99, min];
    for _ in 0..bench.scope.runs {
        for peer in bench.peers.here(&[Peer::Ours, Peer::Asynq]) {
            bench.server.empty()?;
            let addr = bench.server.addr();
            let worker = bench.peers.work(peer, &format!("lateness --redis {addr} --tasks 200")).await?;
            let words = format!("schedule --redis {addr} --tasks 200 --in 3000ms --apart 12.5ms");
            let (scheduled, measured) = tokio::join!(bench.peers.run(peer, &words), worker.measured());
            scheduled?;
            add_all(&mut rows, &["p50_ms", "p99_ms", "min_ms"], peer, &measured?)?;
        }
    }
    Ok(rows.into())
}

/// Latency at half of one's own maximum, which is measured first, in the same round.
pub(super) async fn half_rate(bench: &mut Bench) -> Result<Vec<Row>> {
    let limit = "producer, worker and Redis share the cores";
    let [p50, p99] = rows("at half of the maximum", limit, None, Goal::at_most(20.0, 8.0));
    let rate = Row::new("at half of the maximum, rate", "tasks/s", "what the producer kept up")
        .goal(Goal::times(5.0, 5.0));
    let (mut rows, mut rate) = ([p50, p99], rate);
    for _ in 0..bench.scope.runs {
        for peer in bench.peers.here(&[Peer::Ours, Peer::Asynq]) {
            let addr = bench.server.addr();
            let backlog = if peer == Peer::Ours { bench.scope.count(200_000, 60_000) } else { 15_000 };
            bench.server.empty()?;
            bench.server.fill(backlog).await?;
            let words = format!("drain --redis {addr} --tasks {backlog} --concurrency 100");
            let most = bench.peers.run(peer, &words).await?.get("tasks_per_second")?;
            let per_second = most / 2.0;
            let tasks = (per_second * bench.scope.count(8, 3) as f64).round();
            let words = format!(
                "lateness --redis {addr} --tasks {tasks} --skip {} --concurrency 100",
                (tasks / 10.0).floor()
            );
            let worker = bench.peers.work(peer, &words).await?;
            let words = format!("pace --redis {addr} --tasks {tasks} --per-second {per_second} --jitter 0");
            let (paced, measured) = tokio::join!(bench.peers.run(peer, &words), worker.measured());
            add(&mut rate, peer, paced?.get("tasks_per_second")?);
            add_all(&mut rows, &["p50_ms", "p99_ms"], peer, &measured?)?;
        }
    }
    let [p50, p99] = rows;
    Ok(vec![rate, p50, p99])
}
