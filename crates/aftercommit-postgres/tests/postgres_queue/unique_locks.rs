//! Unique locks and the transactions that take them.

use std::time::Duration;

use aftercommit_core::{
    Broker, Clock, Error, LeaseGrant, NewTask, Options, Outcome, QueueName, Quota, Settlement, SystemClock,
    WorkerId,
};
use aftercommit_postgres::PostgresQueue;
use sqlx::Connection;
use tokio::task::JoinSet;

use crate::kit::{Kit, task};

fn unique(id: &str) -> NewTask {
    NewTask::from(task()).with(Options::new().id(id).unique_for(Duration::from_secs(60)))
}

fn with_payload(id: &str, payload: String) -> NewTask {
    let mut new = unique(id);
    new.task.payload = payload.into();
    new
}

async fn finish_one(queue: &PostgresQueue) {
    let grant = LeaseGrant { worker: WorkerId::from_stored("h:1:w"), duration: Duration::from_secs(60) };
    let leased =
        queue.dequeue(&[Quota { queue: QueueName::default(), count: 1 }], &grant).await.expect("dequeue");
    let done: Vec<_> = leased
        .into_iter()
        .map(|leased| Settlement { leased: leased.into(), outcome: Outcome::Done })
        .collect();
    assert_eq!(queue.settle(&done).await.expect("settle"), [Ok(())]);
}

#[tokio::test]
async fn lock_of_a_transaction_that_rolled_back_was_never_taken() {
    let kit = Kit::new().await;
    let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
    kit.queue.enqueue_batch_in(&mut tx, vec![unique("a")]).await.expect("it works")[0]
        .as_ref()
        .expect("stored");
    tx.rollback().await.expect("it rolls back");
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.unique_locks").await, 0);
    let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
    let mut savepoint = tx.begin().await.expect("a savepoint");
    kit.queue.enqueue_batch_in(&mut savepoint, vec![unique("a")]).await.expect("it works")[0]
        .as_ref()
        .expect("stored");
    savepoint.rollback().await.expect("it rolls back");
    kit.queue.enqueue_batch_in(&mut tx, vec![unique("b")]).await.expect("it works")[0]
        .as_ref()
        .expect("stored");
    tx.commit().await.expect("it commits");
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.tasks WHERE id = 'b'").await, 1);
}

/// The second waits until it is known what became of the first.
#[tokio::test]
async fn of_two_open_transactions_the_second_gets_what_the_first_leaves() {
    for (commits, gets) in [(true, false), (false, true)] {
        let kit = Kit::new().await;
        let mut first = kit.queue.begin(&kit.pool).await.expect("a transaction");
        kit.queue.enqueue_batch_in(&mut first, vec![unique("first")]).await.expect("it works")[0]
            .as_ref()
            .expect("stored");
        let (queue, pool) = (kit.handle(), kit.pool.clone());
        let second = tokio::spawn(async move {
            let mut second = queue.begin(&pool).await.expect("a transaction");
            let answers =
                queue.enqueue_batch_in(&mut second, vec![unique("second")]).await.expect("it works");
            let is_stored = match &answers[0] {
                Ok(_) => true,
                Err(Error::Duplicate { .. }) => false,
                Err(other) => panic!("{other}"),
            };
            // The transaction goes on, whatever the answer was.
            sqlx::query("SELECT 1").execute(&mut *second).await.expect("it is not aborted");
            second.commit().await.expect("it commits");
            is_stored
        });
        let waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while kit.number(waits).await == 0 {
            assert!(!second.is_finished(), "it waits for the first");
            tokio::task::yield_now().await;
        }
        if commits { first.commit().await } else { first.rollback().await }.expect("it ends");
        assert_eq!(second.await.expect("it ends"), gets);
        assert_eq!(kit.number("SELECT count(*) FROM aftercommit.tasks").await, 1);
    }
}

/// A refused task in a transaction that stays open must not keep the owner of the lock from ending.
#[tokio::test]
async fn owner_of_a_lock_need_not_wait_for_those_it_was_refused_to() {
    let kit = Kit::new().await;
    let now = SystemClock.now();
    let owner = unique("owner").resolve(&Options::new(), now).expect("it is valid");
    assert_eq!(kit.queue.enqueue(&[owner]).await.expect("enqueue"), [Ok(())]);
    let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
    let answers = kit.queue.enqueue_batch_in(&mut tx, vec![unique("other")]).await.expect("it works");
    assert!(matches!(answers[0], Err(Error::Duplicate { .. })));
    tokio::time::timeout(Duration::from_secs(10), finish_one(&kit.queue)).await.expect("it waits for nobody");
    tx.commit().await.expect("it commits");
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.unique_locks").await, 0);
}

/// Batches that want the same locks in different orders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn batches_that_want_the_same_locks_share_them_out() {
    let kit = Kit::new().await;
    for round in 0..10 {
        let stored: JoinSet<usize> = (0..4)
            .map(|process| {
                let queue = kit.handle();
                async move {
                    let mut batch: Vec<_> = (0..50)
                        .map(|n| with_payload(&format!("{round}-{process}-{n}"), format!("{round}-{n}")))
                        .map(|new| new.resolve(&Options::new(), SystemClock.now()).expect("it is valid"))
                        .collect();
                    if process % 2 == 1 {
                        batch.reverse();
                    }
                    let answers = queue.enqueue(&batch).await.expect("enqueue");
                    answers.into_iter().filter(Result::is_ok).count()
                }
            })
            .collect();
        assert_eq!(stored.join_all().await.into_iter().sum::<usize>(), 50, "each lock once");
    }
    let owned = "SELECT count(*) FROM aftercommit.unique_locks AS l
                   JOIN aftercommit.tasks AS t ON t.queue = l.queue AND t.id = l.id AND t.unique_key = l.key";
    assert_eq!(kit.number(owned).await, 500, "each by a task that is there");
    let deadlocks = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()";
    assert_eq!(kit.number(deadlocks).await, 0);
}
