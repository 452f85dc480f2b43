//! A handler that finishes its task in its own transaction: what it books is booked once, whatever happens between its
//! commit and the worker's settle.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::postgres::PostgresQueue;
use aftercommit::{Backend, BoxError, Fixed, Router, State, Task, TaskContext, Worker};
use aftercommit_testing::{Call, Fault, Faults, Faulty};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::audit::{Ledger, What};
use crate::kit::{Rig, Setup, play};

/// What a handler does once it has committed.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
enum Then {
    Return,
    Fail,
    Hang,
}

impl Task for Then {
    const TYPE: &'static str = "fault:book";
}

#[derive(Debug, Clone)]
struct Hands {
    queue: PostgresQueue,
    pool: PgPool,
    ledger: Ledger,
}

async fn book(State(hands): State<Hands>, context: TaskContext, task: Then) -> Result<(), BoxError> {
    hands.ledger.note(context.id().as_str(), What::Started);
    let mut tx = hands.queue.begin(&hands.pool).await?;
    sqlx::query("INSERT INTO ledger VALUES ($1)").bind(context.id().as_str()).execute(&mut *tx).await?;
    hands.queue.complete_in(&mut tx, &context).await?;
    tx.commit().await?;
    hands.ledger.note(context.id().as_str(), What::Finished);
    match task {
        Then::Return => Ok(()),
        Then::Fail => Err("the answer to the commit was lost".into()),
        Then::Hang => std::future::pending().await,
    }
}

async fn enqueue(rig: &Rig, task: Then) {
    let id = rig.next_id();
    rig.client.enqueue(&task).id(id.as_str()).await.unwrap();
    rig.ledger.note(&id, What::Acknowledged);
}

fn worker(rig: &Rig, backend: Arc<dyn Backend>) -> Worker {
    let hands = Hands { queue: rig.another_backend(), pool: rig.host_pool(), ledger: rig.ledger.clone() };
    let builder = Worker::builder_dyn(backend, Router::with_state(hands).route(book));
    builder.retry_policy(Fixed(Duration::from_millis(1))).build().unwrap()
}

const LEDGER: &str = "CREATE TABLE ledger (task text NOT NULL)";
const BOOKED: &str = "SELECT count(*), count(DISTINCT task) FROM ledger";

#[test]
fn settles_that_fail_or_are_repeated_book_nothing_again() {
    let (verdict, lines) = play(Setup::new("settles lost after complete_in"), async |rig| {
        rig.sql(LEDGER);
        let faulty = Arc::new(Faulty::new(Arc::new(rig.another_backend()), Faults::none()));
        for fault in [Fault::LoseAnswer, Fault::Refuse, Fault::LoseAnswer, Fault::Twice] {
            faulty.inject(Call::Settle, fault);
        }
        let worker = worker(rig, faulty);
        let stop = worker.stop_handle();
        let working = tokio::spawn(worker.run());
        for nth in 0..20 {
            enqueue(rig, if nth % 2 == 0 { Then::Return } else { Then::Fail }).await;
        }
        rig.until(What::Finished, 20).await;
        rig.drained().await;
        stop.shutdown();
        working.await.unwrap().unwrap();
        assert_eq!(rig.sql(BOOKED), "20|20");
        assert_eq!(rig.counted().await, (20, 0));
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["lease lost"]), 0);
}

#[test]
fn a_worker_killed_between_commit_and_settle_leaves_nothing_to_run_again() {
    let (verdict, lines) = play(Setup::new("worker killed after complete_in"), async |rig| {
        rig.sql(LEDGER);
        for _ in 0..5 {
            enqueue(rig, Then::Hang).await;
        }
        let victim = rig.process_of(|| worker(rig, Arc::new(rig.another_backend())));
        rig.until(What::Finished, 5).await;
        victim.kill();
        assert_eq!(rig.sql("SELECT count(*) FROM aftercommit.tasks"), "0", "there is nothing to recover");
        let survivor = worker(rig, Arc::new(rig.another_backend()));
        let stop = survivor.stop_handle();
        let working = tokio::spawn(survivor.run());
        enqueue(rig, Then::Return).await;
        rig.drained().await;
        stop.shutdown();
        working.await.unwrap().unwrap();
        assert_eq!(rig.sql(BOOKED), "6|6");
        assert_eq!(rig.counted().await, (6, 0));
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    assert_eq!(lines.with(&["lease lost"]) + lines.with(&["recovered"]), 0);
}
