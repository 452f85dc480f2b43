//! What a task costs Postgres with ever more tasks waiting behind it.

use anyhow::Result;

use super::server::Spent;
use super::{Bench, Peer};
use crate::goal::Goal;
use crate::row::Row;
use crate::suite::Size;

/// How many tasks wait.
const DEPTHS: [usize; 3] = [1_000, 100_000, 1_000_000];
/// The deepest for a quick look.
const QUICK: usize = 100_000;
/// How many tasks are worked off at each depth.
const TASKS: usize = 20_000;

/// Each depth once, from the shallowest to the deepest: the backlog only grows.
pub(super) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let url = bench.server.fresh(&bench.peers, Peer::Ours).await?;
    let (mut rows, mut waiting, mut first) = (Vec::new(), 0, None);
    for depth in DEPTHS {
        if bench.scope.size() == Size::Quick && depth > QUICK {
            break;
        }
        bench.server.fill(&bench.peers, Peer::Ours, &url, depth - waiting).await?;
        waiting = depth;
        let mut costs = rows_of(depth);
        for _ in 0..bench.scope.runs {
            bench.server.fill(&bench.peers, Peer::Ours, &url, TASKS).await?;
            bench.server.forget_statements(Peer::Ours)?;
            let words = format!("drain --postgres {url} --tasks {TASKS} --concurrency 100");
            bench.peers.run(Peer::Ours, &words).await?;
            let spent = bench.server.spent(Peer::Ours)?;
            for (row, cost) in costs.iter_mut().zip(per_task(&spent)) {
                row.ours.add(cost);
            }
            if bench.shows_statements {
                eprintln!("with {depth} waiting:\n{}", bench.server.statements(Peer::Ours)?);
            }
        }
        let most = *first.get_or_insert(costs[0].ours.median());
        let [time, blocks, statements] = costs;
        rows.extend([time.goal(Goal::at_most(tenths(most * 1.5), tenths(most * 1.2))), blocks, statements]);
    }
    Ok(rows)
}

fn rows_of(depth: usize) -> [Row; 3] {
    let limit =
        "all statements of the worker, by pg_stat_statements; goals: 1.5 and 1.2 times the first depth";
    let row = |what: &str, unit| Row::new(format!("flat: {what} with {depth} waiting"), unit, limit);
    [
        row("time in statements", "ms per 1,000"),
        row("shared blocks looked at", "per task"),
        row("statements", "per 1,000"),
    ]
}

fn per_task(spent: &Spent) -> [f64; 3] {
    let tasks = TASKS as f64;
    [spent.exec_ms * 1_000.0 / tasks, spent.blocks / tasks, spent.calls * 1_000.0 / tasks]
}

fn tenths(number: f64) -> f64 {
    (number * 10.0).round() / 10.0
}
