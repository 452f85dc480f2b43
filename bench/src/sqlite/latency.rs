//! How long an idle worker takes to notice a task, and how late a scheduled one starts.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use aftercommit::sqlite::SqliteQueue;
use aftercommit::{Clock, Router, State, SystemClock, Task, Worker};
use anyhow::{Context, Result, ensure};
use clap::Args;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use crate::measure::Samples;
use crate::row::Row;

/// The pace at which an idle worker is disturbed, and how much it varies.
const PACE: Duration = Duration::from_millis(250);
/// How many scheduled tasks, how far ahead, and how far apart.
const SCHEDULED: u32 = 200;
const AHEAD: Duration = Duration::from_secs(3);
const APART: Duration = Duration::from_micros(12_500);

/// Carries the moment it was enqueued, or is due, in microseconds since the Unix epoch.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Stamped {
    micros: u64,
}

impl Task for Stamped {
    const TYPE: &'static str = "bench:stamped";
}

#[expect(
    clippy::disallowed_methods,
    reason = "a latency across processes needs the machine's clock, to the microsecond"
)]
fn micros_now() -> u64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}

/// A worker that reports how many milliseconds after its stamp each task started.
struct Watched {
    late: mpsc::UnboundedReceiver<f64>,
    stop: aftercommit::StopHandle,
    running: tokio::task::JoinHandle<aftercommit::Result<()>>,
}

impl Watched {
    fn start(queue: SqliteQueue) -> Result<Self> {
        let (report, late) = mpsc::unbounded_channel();
        let router = Router::with_state(report).route(
            async |State(report): State<mpsc::UnboundedSender<f64>>, task: Stamped| {
                let late = (micros_now() as f64 - task.micros as f64) / 1_000.0;
                let _ = report.send(late);
            },
        );
        let worker = Worker::builder(queue, router).build()?;
        let stop = worker.stop_handle();
        Ok(Self { late, stop, running: tokio::spawn(worker.run()) })
    }

    async fn next(&mut self) -> Result<f64> {
        let next = tokio::time::timeout(Duration::from_secs(30), self.late.recv()).await;
        next.context("a task did not start within 30 s")?.context("the worker ended")
    }

    async fn end(self) -> Result<()> {
        self.stop.shutdown();
        Ok(self.running.await??)
    }
}

fn rows(name: &str, limit: &'static str, samples: &Samples) -> Vec<Row> {
    [50.0, 99.0]
        .into_iter()
        .map(|percent| {
            let mut row = Row::new(format!("{name}, p{percent}"), "ms", limit);
            row.ours.add(samples.percentile(percent));
            row
        })
        .collect()
}

/// The commit of this process wakes the worker.
pub(crate) async fn idle_same_process(count: usize) -> Result<Vec<Row>> {
    let dir = tempfile::tempdir()?;
    let queue = SqliteQueue::open(dir.path().join("queue.db")).await?;
    queue.migrate().await?;
    let mut worker = Watched::start(queue.clone())?;
    let mut samples = Samples::default();
    for _ in 0..count {
        pause().await;
        // Counted from the start of the transaction, so that its commit is part of it.
        let task = Stamped { micros: micros_now() };
        let mut tx = queue.begin().await?;
        queue.enqueue_in(&mut tx, &task).await?;
        tx.commit().await?;
        samples.add(worker.next().await?);
    }
    worker.end().await?;
    Ok(rows("idle pick-up, one process", "two commits: the enqueue's and the dequeue's", &samples))
}

/// Another process commits; the look at the file's version every 20 ms notices.
pub(crate) async fn idle_other_process(count: usize) -> Result<Vec<Row>> {
    let dir = tempfile::tempdir()?;
    let path = dir.path().join("queue.db");
    let queue = SqliteQueue::open(&path).await?;
    queue.migrate().await?;
    let mut worker = Watched::start(queue)?;
    let mut producer = tokio::process::Command::new(std::env::current_exe()?)
        .args(["produce", "--count", &count.to_string(), "--database"])
        .arg(&path)
        .kill_on_drop(true)
        .spawn()
        .context("cannot start the producer")?;
    let mut samples = Samples::default();
    for _ in 0..count {
        samples.add(worker.next().await?);
    }
    ensure!(producer.wait().await?.success(), "the producer failed");
    worker.end().await?;
    Ok(rows("idle pick-up, another process", "the look at the file every 20 ms", &samples))
}

/// Tasks due at moments that are not on any grid.
pub(crate) async fn scheduled() -> Result<Vec<Row>> {
    let dir = tempfile::tempdir()?;
    let queue = SqliteQueue::open(dir.path().join("queue.db")).await?;
    queue.migrate().await?;
    let mut worker = Watched::start(queue.clone())?;
    let first = SystemClock.now().to_system_time() + AHEAD;
    let mut tx = queue.begin().await?;
    for at in 0..SCHEDULED {
        let due = first + APART * at;
        let since = due.duration_since(std::time::UNIX_EPOCH)?;
        let task = Stamped { micros: u64::try_from(since.as_micros())? };
        queue.enqueue_in(&mut tx, &task).process_at(due).await?;
    }
    tx.commit().await?;
    let mut samples = Samples::default();
    for _ in 0..SCHEDULED {
        samples.add(worker.next().await?);
    }
    ensure!(samples.min() >= 0.0, "a task started {} ms early", -samples.min());
    worker.end().await?;
    Ok(rows("scheduled lateness", "two commits: the forward's and the dequeue's; timers of 1 ms", &samples))
}

async fn pause() {
    tokio::time::sleep(PACE.mul_f64(rand::random_range(0.8..1.2))).await;
}

/// The producer's side of the measurement across processes.
#[derive(Args)]
pub(crate) struct Produce {
    /// The database file.
    #[arg(long)]
    database: PathBuf,
    /// How many tasks.
    #[arg(long)]
    count: usize,
}

impl Produce {
    pub(crate) async fn run(self) -> Result<()> {
        let queue = SqliteQueue::open(&self.database).await?;
        let started = Instant::now();
        for _ in 0..self.count {
            pause().await;
            let mut tx = queue.begin().await?;
            queue.enqueue_in(&mut tx, &Stamped { micros: micros_now() }).await?;
            tx.commit().await?;
        }
        ensure!(started.elapsed() < Duration::from_secs(600), "the producer took too long");
        Ok(())
    }
}
