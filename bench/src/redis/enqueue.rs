//! Enqueuing: with one call for many tasks, from many callers, and one at a time.

use anyhow::Result;

use super::{Bench, Peer};
use crate::goal::Goal;
use crate::row::Row;
use crate::suite::add;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Batches,
    Coalesced,
    SixteenCallers,
    Alone,
}

/// How many tasks go with one call.
const BATCH: usize = 100;
/// How many callers have such a call under way; the bare loop is one.
const BATCH_CALLERS: usize = 4;
/// How many callers wait, each for its own task.
const CALLERS: usize = 64;

impl Way {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Batches => "4 callers, batches of 100",
            Self::Coalesced => "64 callers",
            Self::SixteenCallers => "16 callers",
            Self::Alone => "one caller",
        }
    }

    fn row(self) -> Row {
        let name = format!("enqueue, {}", self.name());
        match self {
            Self::Batches | Self::Coalesced => {
                Row::new(name, "tasks/s", "against asynq's 16 callers, its best released way")
                    .goal(Goal::times(3.0, 5.0))
            }
            Self::SixteenCallers => Row::new(name, "tasks/s", "16 tasks in a round trip at most"),
            Self::Alone => Row::new(name, "tasks/s", "one round trip per task").goal(Goal::times(0.9, 1.1)),
        }
    }

    const fn words(self, peer: Peer) -> (usize, usize) {
        match (self, peer) {
            (Self::Alone, _) => (1, 1),
            (Self::SixteenCallers, _) | (_, Peer::Asynq) => (16, 1),
            (Self::Coalesced, _) => (CALLERS, 1),
            (Self::Batches, Peer::Bare) => (1, BATCH),
            (Self::Batches, _) => (BATCH_CALLERS, BATCH),
        }
    }
}

fn tasks(bench: &Bench, way: Way, peer: Peer) -> usize {
    match (way, peer) {
        (Way::Alone, _) => bench.scope.count(30_000, 10_000),
        (_, Peer::Asynq) => bench.scope.count(50_000, 20_000),
        _ => bench.scope.count(200_000, 60_000),
    }
}

pub(super) fn knobs(bench: &Bench) -> String {
    let [ours, asynq] = [Peer::Ours, Peer::Asynq].map(|peer| tasks(bench, Way::Batches, peer));
    format!(
        "enqueue: ours and bare {ours} tasks, asynq {asynq}, one caller {}",
        tasks(bench, Way::Alone, Peer::Ours)
    )
}

pub(super) async fn measure(bench: &mut Bench, way: Way) -> Result<Vec<Row>> {
    let mut row = way.row();
    for _ in 0..bench.scope.runs {
        for peer in bench.peers.here(&[Peer::Ours, Peer::Bare, Peer::Asynq]) {
            bench.server.empty()?;
            let (callers, batch) = way.words(peer);
            let mut words = format!(
                "enqueue --redis {} --tasks {} --callers {callers}",
                bench.server.addr(),
                tasks(bench, way, peer)
            );
            if batch > 1 {
                words += &format!(" --batch {batch}");
            }
            add(&mut row, peer, bench.peers.run(peer, &words).await?.get("tasks_per_second")?);
        }
    }
    Ok(vec![row])
}
