//! How fast a worker empties a full queue.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use aftercommit::sqlite::SqliteQueue;
use aftercommit::{Client, NewTask, Router, State, Worker};
use anyhow::Result;

use super::{Greet, bare, greet};
use crate::machine;
use crate::row::Row;

/// Tasks to a transaction while the queue is filled; not measured.
const FILL: usize = 500;
/// The bare loop takes as many at a time as our worker holds at most.
const BARE_BATCH: usize = 100;

pub(crate) async fn measure(runs: usize, tasks: usize, concurrency: usize) -> Result<Vec<Row>> {
    let mut rate = Row::new(
        format!("drain, concurrency {concurrency}"),
        "tasks/s",
        "two commits per batch on one writer, and sqlx handing over each row",
    );
    let mut cpu = Row::new(
        format!("worker CPU, concurrency {concurrency}"),
        "ms per 1,000",
        "statements, decoding and one spawn per task",
    );
    for _ in 0..runs {
        let payload = serde_json::to_vec(&greet())?;
        let bare = tokio::task::spawn_blocking(move || -> Result<f64> {
            let dir = tempfile::tempdir()?;
            let mut connection = bare::open(&dir.path().join("bare.db"))?;
            bare::insert(&mut connection, tasks, FILL, &payload)?;
            bare::drain(&mut connection, tasks, BARE_BATCH)
        })
        .await??;
        let ours = drain(tasks, concurrency).await?;
        rate.add(ours.per_second, bare);
        cpu.ours.add(ours.cpu.as_secs_f64() * 1e6 / tasks as f64);
    }
    Ok(vec![rate, cpu])
}

struct Drained {
    per_second: f64,
    cpu: Duration,
}

/// The rate from the tenth part of the tasks to the last, as the start of a worker is not what is asked.
async fn drain(tasks: usize, concurrency: usize) -> Result<Drained> {
    let dir = tempfile::tempdir()?;
    let queue = SqliteQueue::open(dir.path().join("queue.db")).await?;
    queue.migrate().await?;
    let client = Client::new(queue.clone());
    for first in (0..tasks).step_by(FILL) {
        let batch = (first..(first + FILL).min(tasks))
            .map(|_| NewTask::of(&greet()))
            .collect::<Result<Vec<_>, _>>()?;
        for stored in client.enqueue_batch(batch).await? {
            stored?;
        }
    }
    let done = Arc::new(AtomicUsize::new(0));
    let router = Router::with_state(Arc::clone(&done)).route(
        async |State(done): State<Arc<AtomicUsize>>, _: Greet| {
            done.fetch_add(1, Ordering::Relaxed);
        },
    );
    let worker = Worker::builder(queue, router).concurrency(concurrency).build()?;
    let stop = worker.stop_handle();
    let running = tokio::spawn(worker.run());
    let cpu = machine::cpu_time();
    reach(&done, tasks / 10).await;
    let started = Instant::now();
    reach(&done, tasks).await;
    let per_second = (tasks - tasks / 10) as f64 / started.elapsed().as_secs_f64();
    let cpu = machine::cpu_time() - cpu;
    stop.shutdown();
    running.await??;
    Ok(Drained { per_second, cpu })
}

async fn reach(done: &AtomicUsize, count: usize) {
    while done.load(Ordering::Relaxed) < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
