//! A handler on SQLite that finishes its task in its own transaction, under a real worker: what it books is booked once,
//! whatever happens between its commit and the worker's settle.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

#[path = "faults/lines.rs"]
mod lines;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use aftercommit::sqlite::SqliteQueue;
use aftercommit::{
    Backend, BoxError, Inspect, Options, QueueName, Router, State, Task, TaskContext, TaskId, Worker,
};
use aftercommit_testing::{Call, Fault, Faults, Faulty};
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

use crate::lines::Lines;

const PATIENCE: Duration = Duration::from_secs(30);

/// What a handler does once it has committed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Book {
    AndReturn,
    AndFail,
    AndHang,
    /// It does not commit: the first attempt rolls back and returns an error.
    AtTheSecondTry,
}

impl Task for Book {
    const TYPE: &'static str = "book";
}

#[derive(Debug, Clone)]
struct Hands {
    queue: SqliteQueue,
    committed: mpsc::UnboundedSender<()>,
}

async fn book(State(hands): State<Hands>, context: TaskContext, task: Book) -> Result<(), BoxError> {
    let mut tx = hands.queue.begin().await?;
    sqlx::query("INSERT INTO ledger VALUES (?1)").bind(context.id().as_str()).execute(&mut *tx).await?;
    hands.queue.complete_in(&mut tx, &context).await?;
    if matches!(task, Book::AtTheSecondTry) && context.retried() == 0 {
        tx.rollback().await?;
        return Err("not yet".into());
    }
    tx.commit().await?;
    let _ = hands.committed.send(());
    match task {
        Book::AndReturn | Book::AtTheSecondTry => Ok(()),
        Book::AndFail => Err("the answer to the commit was lost".into()),
        Book::AndHang => std::future::pending().await,
    }
}

async fn open(path: &Path) -> SqliteQueue {
    let queue = SqliteQueue::open(path).await.unwrap();
    queue.migrate().await.unwrap();
    let ledger = sqlx::query("CREATE TABLE IF NOT EXISTS ledger (task TEXT NOT NULL)");
    ledger.execute(&queue.pools().writer).await.unwrap();
    queue
}

async fn enqueue(queue: &SqliteQueue, id: &str, task: Book) {
    let mut tx = queue.begin().await.unwrap();
    queue.enqueue_in(&mut tx, &task).options(Options::new().id(id)).await.unwrap();
    tx.commit().await.unwrap();
}

fn worker(backend: Arc<dyn Backend>, hands: Hands) -> Worker {
    let router = Router::with_state(hands).route(book);
    let retry = aftercommit::Fixed(Duration::from_millis(1));
    Worker::builder_dyn(backend, router).retry_policy(retry).build().unwrap()
}

/// Waits until no task is left, and says what was booked, and how many attempts were counted.
async fn booked(queue: &SqliteQueue) -> (Vec<String>, u64, u64) {
    let none_left = async {
        while sqlx::query("SELECT 1 FROM aftercommit_tasks")
            .fetch_optional(&queue.pools().readers)
            .await
            .unwrap()
            .is_some()
        {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, none_left).await.unwrap();
    let rows = sqlx::query_scalar("SELECT task FROM ledger ORDER BY task");
    let info = queue.queue(&QueueName::default()).await.unwrap().unwrap();
    (rows.fetch_all(&queue.pools().readers).await.unwrap(), info.processed, info.failed)
}

#[tokio::test]
async fn settles_that_fail_or_are_repeated_book_nothing_again() {
    let lines = Lines::default();
    lines.listen();
    let dir = tempfile::tempdir().unwrap();
    let queue = open(&dir.path().join("bank.db")).await;
    for (id, task) in
        [("fails", Book::AndFail), ("later", Book::AtTheSecondTry), ("returns", Book::AndReturn)]
    {
        enqueue(&queue, id, task).await;
    }
    let faulty = Arc::new(Faulty::new(Arc::new(queue.clone()), Faults::none()));
    for fault in [Fault::LoseAnswer, Fault::Refuse, Fault::LoseAnswer, Fault::Twice] {
        faulty.inject(Call::Settle, fault);
    }
    let (committed, mut heard) = mpsc::unbounded_channel();
    let worker = worker(faulty, Hands { queue: queue.clone(), committed });
    let stop = worker.stop_handle();
    let working = tokio::spawn(worker.run());
    for _ in 0..3 {
        tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap().unwrap();
    }
    let (rows, processed, failed) = booked(&queue).await;
    stop.shutdown();
    working.await.unwrap().unwrap();
    assert_eq!(rows, ["fails", "later", "returns"]);
    assert_eq!((processed, failed), (4, 1), "one attempt rolled back");
    assert!(heard.try_recv().is_err(), "nothing ran again");
    assert_eq!(lines.so_far().with(&["lease lost"]), 0, "{:?}", lines.all());
}

#[tokio::test]
async fn a_worker_killed_between_commit_and_settle_leaves_nothing_to_run_again() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("bank.db");
    let queue = open(&path).await;
    enqueue(&queue, "hangs", Book::AndHang).await;
    let (committed, mut heard) = mpsc::unbounded_channel();
    let victim = Runtime::new().unwrap();
    let (sender, file) = (committed.clone(), path.clone());
    victim.spawn(async move {
        let queue = open(&file).await;
        worker(Arc::new(queue.clone()), Hands { queue, committed: sender }).run().await
    });
    tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap().unwrap();
    victim.shutdown_background();
    let id = TaskId::new("hangs").unwrap();
    assert!(queue.get(&QueueName::default(), &id).await.unwrap().is_none(), "there is nothing to recover");
    enqueue(&queue, "after", Book::AndReturn).await;
    let survivor = worker(Arc::new(queue.clone()), Hands { queue: queue.clone(), committed });
    let stop = survivor.stop_handle();
    let working = tokio::spawn(survivor.run());
    tokio::time::timeout(PATIENCE, heard.recv()).await.unwrap().unwrap();
    assert_eq!(booked(&queue).await, (vec!["after".to_owned(), "hangs".to_owned()], 2, 0));
    stop.shutdown();
    working.await.unwrap().unwrap();
}
