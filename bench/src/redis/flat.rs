//! What a task costs Redis with ever more tasks waiting behind it.

use anyhow::Result;

use super::{Bench, Peer};
use crate::goal::Goal;
use crate::row::Row;
use crate::suite::Size;

/// How many tasks wait.
const DEPTHS: [usize; 5] = [1_000, 10_000, 100_000, 1_000_000, 5_000_000];
/// The deepest for a quick look.
const QUICK: usize = 1_000_000;
/// How many tasks are stored and worked off at each depth.
const TASKS: usize = 50_000;

/// Each depth once, from the shallowest to the deepest: the backlog only grows.
pub(super) async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    bench.server.empty()?;
    let (mut rows, mut waiting, mut first) = (Vec::new(), 0, None);
    for depth in DEPTHS {
        if bench.scope.size() == Size::Quick && depth > QUICK {
            break;
        }
        bench.server.fill(depth - waiting).await?;
        let mut row = Row::new(
            format!("flat: Redis CPU with {depth} waiting"),
            "ms per 1,000",
            "enqueue, dequeue and settle of 50,000 tasks; the goal is 1.5 and 1.2 times the first depth",
        );
        for _ in 0..bench.scope.runs {
            let before = bench.server.spent()?;
            bench.server.fill(TASKS).await?;
            let words = format!("drain --redis {} --tasks {TASKS} --concurrency 100", bench.server.addr());
            bench.peers.run(Peer::Ours, &words).await?;
            row.ours.add(bench.server.spent()?.cpu_ms_since(before) * 1_000.0 / TASKS as f64);
        }
        waiting = depth;
        let shallow = *first.get_or_insert(row.ours.median());
        rows.push(row.goal(Goal::at_most(tenths(shallow * 1.5), tenths(shallow * 1.2))));
    }
    bench.server.empty()?;
    Ok(rows)
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
