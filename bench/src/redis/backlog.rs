//! Working through a backlog: its rate, and what it costs the worker and Redis.

use anyhow::Result;

use super::{Bench, Peer};
use crate::goal::Goal;
use crate::row::Row;
use crate::suite::{add, add_all};

/// How many tasks a peer works through: enough for a second or more.
fn tasks(bench: &Bench, peer: Peer) -> usize {
    match peer {
        Peer::Asynq => bench.scope.count(30_000, 15_000),
        Peer::Ours | Peer::Bare => bench.scope.count(200_000, 60_000),
    }
}

pub(super) fn knobs(bench: &Bench) -> String {
    let [ours, asynq] = [Peer::Ours, Peer::Asynq].map(|peer| tasks(bench, peer));
    format!("backlog: ours and bare {ours} tasks, asynq {asynq}, measured from 10 % to 100 %")
}

pub(super) async fn measure(bench: &mut Bench, concurrency: usize) -> Result<Vec<Row>> {
    let rate = if concurrency < 100 { Goal::times(5.0, 7.0) } else { Goal::times(8.0, 12.0) };
    let name = |what: &str| format!("{what}, concurrency {concurrency}");
    let mut rows = [
        Row::new(name("backlog"), "tasks/s", "the worker's and Redis' share of the cores").goal(rate),
        Row::new(name("worker CPU"), "ms per 1,000", "one spawn per task, decoding, the driver")
            .goal(Goal::share(0.25, 0.125)),
        Row::new(name("worker RSS"), "MB", "tasks held, and the allocator's spare")
            .goal(Goal::at_most(17.0, 10.0)),
    ];
    let mut redis =
        Row::new(name("Redis CPU"), "ms per 1,000", "two scripts per batch, HSET, HDEL, HMGET, DEL per task")
            .goal(Goal::share(0.30, 0.20));
    for _ in 0..bench.scope.runs {
        for peer in bench.peers.here(&[Peer::Ours, Peer::Bare, Peer::Asynq]) {
            let tasks = tasks(bench, peer);
            bench.server.empty()?;
            bench.server.fill(tasks).await?;
            let before = bench.server.spent()?;
            let addr = bench.server.addr();
            let words = format!("drain --redis {addr} --tasks {tasks} --concurrency {concurrency}");
            let measured = bench.peers.run(peer, &words).await?;
            let spent = bench.server.spent()?.cpu_ms_since(before);
            add_all(&mut rows, &["tasks_per_second", "cpu_ms_per_1000", "max_rss_mb"], peer, &measured)?;
            add(&mut redis, peer, spent * 1_000.0 / tasks as f64);
        }
    }
    let [rate, cpu, rss] = rows;
    Ok(vec![rate, cpu, redis, rss])
}
