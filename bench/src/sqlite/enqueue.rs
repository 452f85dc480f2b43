//! How fast tasks are stored, one per call.

use std::time::Instant;

use aftercommit::sqlite::SqliteQueue;
use aftercommit::{Client, NewTask};
use anyhow::Result;

use super::{bare, greet};
use crate::row::Row;

/// How many tasks a lone caller enqueues.
const ALONE: usize = 3_000;
/// How many callers enqueue at the same time, and how many tasks each.
const CALLERS: usize = 64;
const EACH: usize = 300;
/// How many tasks are enqueued in batches.
const BULK: usize = 40_000;

/// One caller, one task at a time, each durable when the call returns.
pub(crate) async fn alone(runs: usize) -> Result<Row> {
    let mut row = Row::new("enqueue, one caller", "tasks/s", "one commit per task: the disk's flush");
    for _ in 0..runs {
        let bare = bare_inserts(ALONE, 1).await?;
        let (_dir, client) = client().await?;
        let started = Instant::now();
        for _ in 0..ALONE {
            client.enqueue(&greet()).await?;
        }
        row.add(ALONE as f64 / started.elapsed().as_secs_f64(), bare);
    }
    Ok(row)
}

/// Many callers, whose tasks travel together.
pub(crate) async fn together(runs: usize) -> Result<Row> {
    let mut row = Row::new(
        "enqueue, 64 callers",
        "tasks/s",
        "one commit per group of waiting callers; the bare loop commits 64 at a time",
    );
    for _ in 0..runs {
        let bare = bare_inserts(CALLERS * EACH, CALLERS).await?;
        let (_dir, client) = client().await?;
        let started = Instant::now();
        let callers: Vec<_> = (0..CALLERS)
            .map(|_| {
                let client = client.clone();
                tokio::spawn(async move {
                    for _ in 0..EACH {
                        client.enqueue(&greet()).await?;
                    }
                    anyhow::Ok(())
                })
            })
            .collect();
        for caller in callers {
            caller.await??;
        }
        row.add((CALLERS * EACH) as f64 / started.elapsed().as_secs_f64(), bare);
    }
    Ok(row)
}

/// One caller with many tasks at once, `batch` to a call.
pub(crate) async fn batches(runs: usize, batch: usize) -> Result<Row> {
    let mut row = Row::new(
        format!("enqueue, batches of {batch}"),
        "tasks/s",
        "one statement per batch: SQLite reads it as JSON, and keeps four indexes",
    );
    for _ in 0..runs {
        let bare = bare_inserts(BULK, batch).await?;
        let (_dir, client) = client().await?;
        let started = Instant::now();
        for _ in 0..BULK / batch {
            let tasks = (0..batch).map(|_| NewTask::of(&greet())).collect::<Result<Vec<_>, _>>()?;
            for stored in client.enqueue_batch(tasks).await? {
                stored?;
            }
        }
        row.add(BULK as f64 / started.elapsed().as_secs_f64(), bare);
    }
    Ok(row)
}

async fn bare_inserts(count: usize, batch: usize) -> Result<f64> {
    let payload = serde_json::to_vec(&greet())?;
    tokio::task::spawn_blocking(move || {
        let dir = tempfile::tempdir()?;
        let mut connection = bare::open(&dir.path().join("bare.db"))?;
        bare::insert(&mut connection, count, batch, &payload)
    })
    .await?
}

async fn client() -> Result<(tempfile::TempDir, Client)> {
    let dir = tempfile::tempdir()?;
    let queue = SqliteQueue::open(dir.path().join("queue.db")).await?;
    queue.migrate().await?;
    Ok((dir, Client::new(queue)))
}
