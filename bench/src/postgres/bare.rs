//! What the bare loop does at several batch sizes: the limit that all others have.

use anyhow::Result;

use super::{Bench, Peer};
use crate::row::Row;
use crate::suite::add;

/// How many loops, tasks at once, and tasks.
const KNOBS: [(usize, usize, usize); 6] = [
    (1, 1, 3_000),
    (1, 10, 20_000),
    (1, 100, 60_000),
    (1, 500, 100_000),
    (2, 100, 60_000),
    (2, 500, 100_000),
];

pub(super) async fn measure(bench: &Bench) -> Result<Vec<Row>> {
    let mut rows: Vec<Row> = KNOBS
        .iter()
        .map(|(loops, batch, _)| {
            let name = format!("knob: the bare loop at batch {batch}, {loops} of them");
            Row::new(name, "tasks/s", "no engine around it")
        })
        .collect();
    for _ in 0..bench.scope.runs {
        for (row, (loops, batch, tasks)) in rows.iter_mut().zip(KNOBS) {
            let url = bench.server.filled(&bench.peers, Peer::Bare, tasks).await?;
            let words = format!(
                "drain --postgres {url} --tasks {tasks} --concurrency 1 --batch {batch} --loops {loops}"
            );
            let measured = bench.peers.run(Peer::Bare, &words).await?;
            add(row, Peer::Bare, measured.get("tasks_per_second")?);
        }
    }
    Ok(rows)
}
