//! Draining while somebody's transaction is open: nothing that is deleted meanwhile can be cleaned up.

use anyhow::Result;

use super::{Bench, Peer};
use crate::goal::Goal;
use crate::row::Row;

#[derive(Debug, Clone, Copy)]
pub(super) enum Load {
    /// All is there before the worker starts.
    Backlog,
    /// Tasks come as fast as they can, while the worker is at work.
    Churn,
}

impl Load {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Backlog => "backlog",
            Self::Churn => "churn",
        }
    }
}

/// What else is going on in the database.
#[derive(Debug, Clone, Copy)]
enum Others {
    Nothing,
    /// A transaction is open, and sees the tables as they were at the start.
    HeldTransaction,
}

const CONCURRENCY: usize = 100;

/// The column of the bare loop has ours without the held transaction.
pub(super) async fn measure(bench: &Bench, load: Load) -> Result<Vec<Row>> {
    let name = format!("held transaction, {}", load.name());
    let limit =
        "dead rows and index entries stay; compared with ours without it, in the column of the bare loop";
    let mut row = Row::new(name, "tasks/s", limit).goal(Goal::of_bare(0.8));
    for _ in 0..bench.scope.runs {
        let without = one(bench, load, Others::Nothing).await?;
        row.add(one(bench, load, Others::HeldTransaction).await?, without);
    }
    Ok(vec![row])
}

async fn one(bench: &Bench, load: Load, others: Others) -> Result<f64> {
    let tasks = bench.scope.count(200_000, 60_000);
    let url = match load {
        Load::Backlog => bench.server.filled(&bench.peers, Peer::Ours, tasks).await?,
        Load::Churn => bench.server.fresh(&bench.peers, Peer::Ours).await?,
    };
    let held = match others {
        Others::Nothing => None,
        Others::HeldTransaction => Some(bench.server.hold(&url).await?),
    };
    let words = format!("drain --postgres {url} --tasks {tasks} --concurrency {CONCURRENCY}");
    let measured = match load {
        Load::Backlog => bench.peers.run(Peer::Ours, &words).await?,
        Load::Churn => {
            let worker = bench.peers.work(Peer::Ours, &words).await?;
            let words = format!("enqueue --postgres {url} --tasks {tasks} --callers 2 --batch 100");
            let (enqueued, measured) = tokio::join!(bench.peers.run(Peer::Ours, &words), worker.measured());
            enqueued?;
            measured?
        }
    };
    drop(held);
    measured.get("tasks_per_second")
}
