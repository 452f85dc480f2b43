//! Working through a backlog when Redis is 2.4 ms away.

use std::time::Duration;

use anyhow::Result;

use super::{Bench, Peer, proxy};
use crate::goal::Goal;
use crate::row::Row;
use crate::suite::add;

const ONE_WAY: Duration = Duration::from_micros(1_200);
const CONCURRENCY: usize = 200;

pub(super) async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let mut row =
        Row::new("round trip of 2.4 ms, concurrency 200", "tasks/s", "how many tasks are under way at once")
            .goal(Goal::times(20.0, 50.0));
    let addr = proxy::start(bench.server.addr(), ONE_WAY)?;
    for _ in 0..bench.scope.runs {
        for peer in bench.peers.here(&[Peer::Ours, Peer::Bare, Peer::Asynq]) {
            let tasks = match peer {
                Peer::Asynq => bench.scope.count(2_000, 1_000),
                Peer::Ours | Peer::Bare => bench.scope.count(100_000, 30_000),
            };
            bench.server.empty()?;
            bench.server.fill(tasks).await?;
            let words = format!("drain --redis {addr} --tasks {tasks} --concurrency {CONCURRENCY}");
            add(&mut row, peer, bench.peers.run(peer, &words).await?.get("tasks_per_second")?);
        }
    }
    Ok(vec![row])
}
