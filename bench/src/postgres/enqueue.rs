//! Enqueuing many tasks with one call.

use anyhow::Result;

use super::{Bench, Peer};
use crate::goal::Goal;
use crate::row::Row;
use crate::suite::add;

/// How many callers have such a call under way.
const CALLERS: usize = 4;

fn tasks(bench: &Bench, peer: Peer) -> usize {
    match peer {
        Peer::Ours | Peer::Bare => bench.scope.count(400_000, 100_000),
        _ => bench.scope.count(100_000, 40_000),
    }
}

pub(super) fn knobs(bench: &Bench) -> String {
    let [ours, boss] = [Peer::Ours, Peer::BEST[4]].map(|peer| tasks(bench, peer));
    format!("enqueue: {CALLERS} callers, ours and bare {ours} tasks, the others {boss}")
}

pub(super) async fn measure(bench: &Bench, batch: usize) -> Result<Vec<Row>> {
    let name = format!("enqueue, batches of {batch}");
    let mut row =
        Row::new(name, "tasks/s", "one statement with arrays per batch; three index entries per task")
            .goal(Goal::times(2.0, 2.0));
    for _ in 0..bench.scope.runs {
        for peer in bench.peers.here(&Peer::BEST) {
            let url = bench.server.fresh(&bench.peers, peer).await?;
            let tasks = tasks(bench, peer);
            let words =
                format!("enqueue --postgres {url} --tasks {tasks} --callers {CALLERS} --batch {batch}");
            add(&mut row, peer, bench.peers.run(peer, &words).await?.get("tasks_per_second")?);
        }
    }
    Ok(vec![row])
}
