//! A task that is finished in its handler's own transaction: its effect and its end are one.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Broker, Clock, Error, Inspect, LeaseGrant, LeaseLost, Leased, NewTask, Options, Outcome, QueueName,
    Quota, RequeueCause, Settlement, State, SystemClock, TaskId, Timestamp, Upkeep, WorkerId,
};
use aftercommit_postgres::PostgresQueue;
use aftercommit_testing::ManualClock;

use crate::kit::{Kit, task};

const LEASE: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

/// Stores a task and takes it.
async fn taken(queue: &PostgresQueue, options: Options) -> Leased {
    let new = NewTask::from(task()).with(options.id("a"));
    let new = new.resolve(&Options::new(), SystemClock.now()).expect("it is valid");
    assert_eq!(queue.enqueue(&[new]).await.expect("enqueue"), [Ok(())]);
    take(queue).await
}

async fn take(queue: &PostgresQueue) -> Leased {
    let worker = WorkerId::from_stored("h:1:w");
    let quotas = [Quota { queue: QueueName::default(), count: 1 }];
    let grant = LeaseGrant { worker, duration: LEASE };
    queue.dequeue(&quotas, &grant).await.expect("dequeue").pop().expect("a task is pending")
}

async fn settle(queue: &PostgresQueue, leased: &Leased, outcome: Outcome) -> Result<(), LeaseLost> {
    let settlement = Settlement { leased: Arc::new(leased.clone()), outcome };
    queue.settle(&[settlement]).await.expect("settle")[0]
}

fn retry() -> Outcome {
    Outcome::Retry { at: Timestamp::from_millis(0), error: "after all".into() }
}

async fn complete(kit: &Kit, leased: &Leased) {
    let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
    kit.queue.complete_in(&mut tx, leased).await.expect("it is ours");
    tx.commit().await.expect("it commits");
}

async fn state(queue: &PostgresQueue) -> Option<State> {
    let id = TaskId::new("a").expect("an id");
    queue.get(&QueueName::default(), &id).await.expect("get").map(|info| info.state)
}

async fn counted(queue: &PostgresQueue) -> (u64, u64) {
    let info = queue.queue(&QueueName::default()).await.expect("queue").expect("it is known");
    (info.processed, info.failed)
}

#[tokio::test]
async fn a_completed_task_is_over_and_every_settle_of_its_attempt_is_accepted() {
    let kit = Kit::new().await;
    let leased = taken(&kit.queue, Options::new().unique_for(MINUTE)).await;
    complete(&kit, &leased).await;
    assert_eq!(state(&kit.queue).await, None);
    let recovered = Outcome::Requeue(RequeueCause::Recovered);
    assert_eq!(settle(&kit.queue, &leased, recovered).await, Err(LeaseLost), "nobody recovers it");
    // The first, one after a lost answer, and one of a handler that failed after its commit.
    for outcome in [Outcome::Done, Outcome::Done, retry(), Outcome::Requeue(RequeueCause::Returned)] {
        assert_eq!(settle(&kit.queue, &leased, outcome).await, Ok(()));
    }
    let extended = kit.queue.extend(std::slice::from_ref(&leased.lease), LEASE).await.expect("extend");
    assert!(extended[0].is_ok(), "its handler is not stopped");
    assert_eq!(state(&kit.queue).await, None);
    assert_eq!(counted(&kit.queue).await, (1, 0));
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.unique_locks").await, 0);
    assert_eq!(kit.queue.orphans(&[QueueName::default()], 9).await.expect("orphans"), []);
}

#[tokio::test]
async fn a_completion_that_rolls_back_leaves_the_word_to_the_handler() {
    for (outcome, after) in [(Outcome::Done, None), (retry(), Some(State::Retry))] {
        let kit = Kit::new().await;
        let leased = taken(&kit.queue, Options::new()).await;
        let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
        kit.queue.complete_in(&mut tx, &leased).await.expect("it is ours");
        tx.rollback().await.expect("it rolls back");
        assert_eq!(state(&kit.queue).await, Some(State::Active));
        assert_eq!(settle(&kit.queue, &leased, outcome).await, Ok(()));
        assert_eq!(state(&kit.queue).await, after);
        assert_eq!(counted(&kit.queue).await.0, 1);
        assert_eq!(settle(&kit.queue, &leased, Outcome::Done).await, Err(LeaseLost));
    }
}

#[tokio::test]
async fn an_attempt_that_lost_its_lease_completes_nothing() {
    let kit = Kit::new().await;
    let first = taken(&kit.queue, Options::new()).await;
    assert_eq!(settle(&kit.queue, &first, Outcome::Requeue(RequeueCause::Recovered)).await, Ok(()));
    let second = take(&kit.queue).await;
    let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
    let lost = kit.queue.complete_in(&mut tx, &first).await.expect_err("it is somebody else's");
    assert!(matches!(&lost, Error::LeaseLost { id, .. } if id.as_str() == "a"), "{lost:?}");
    tx.commit().await.expect("even a host that goes on does no harm");
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.receipts").await, 0);
    assert_eq!(state(&kit.queue).await, Some(State::Active));
    complete(&kit, &second).await;
    assert_eq!(settle(&kit.queue, &first, Outcome::Done).await, Err(LeaseLost));
    assert_eq!(counted(&kit.queue).await, (1, 0));
}

#[tokio::test]
async fn a_completed_task_is_kept_for_its_retention_with_its_result() {
    let kit = Kit::new().await;
    let leased = taken(&kit.queue, Options::new().retention(MINUTE)).await;
    let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
    kit.queue.complete_with_result_in(&mut tx, &leased, "42").await.expect("it is ours");
    tx.commit().await.expect("it commits");
    let outcome = Outcome::Complete { retention: MINUTE, result: Some("43".into()) };
    assert_eq!(settle(&kit.queue, &leased, outcome).await, Ok(()));
    let id = TaskId::new("a").expect("an id");
    let info = kit.queue.get(&QueueName::default(), &id).await.expect("get").expect("it is kept");
    assert_eq!((info.state, info.result.as_deref()), (State::Completed, Some(&b"42"[..])));
}

/// A lease of another task is extended while the transaction goes on, and the settle that waits for its end sees what it
/// has committed.
#[tokio::test]
async fn whoever_meets_an_open_completion_passes_it_over_or_waits_for_it() {
    let kit = Kit::new().await;
    let leased = taken(&kit.queue, Options::new()).await;
    let other = NewTask::from(task()).resolve(&Options::new(), SystemClock.now()).expect("it is valid");
    assert_eq!(kit.queue.enqueue(&[other]).await.expect("enqueue"), [Ok(())]);
    let other = take(&kit.queue).await;
    let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
    kit.queue.complete_in(&mut tx, &leased).await.expect("it is ours");

    let leases = [leased.lease.clone(), other.lease.clone()];
    let extended = kit.queue.extend(&leases, 10 * MINUTE).await.expect("it waits for nobody");
    assert!(extended.iter().all(Result::is_ok));
    let long =
        "SELECT count(*) FROM aftercommit.tasks WHERE leased_until > aftercommit.moment(NULL) + 500000";
    assert_eq!(kit.number(long).await, 1);

    let settling = tokio::spawn({
        let queue = kit.queue.clone();
        async move { settle(&queue, &leased, Outcome::Done).await }
    });
    let waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted";
    while kit.number(waiting).await == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    tx.commit().await.expect("it commits");
    assert_eq!(settling.await.expect("it ends"), Ok(()));
    assert_eq!(counted(&kit.queue).await, (1, 0));
}

#[tokio::test]
async fn receipts_outlive_their_settles_and_then_go() {
    let kit = Kit::new().await;
    let clock = ManualClock::new();
    let queue = kit.handle().with_clock(Arc::new(clock.clone()));
    let now = clock.now();
    let old = "INSERT INTO aftercommit.receipts (seq, epoch, finished_at)
               SELECT n, 1, CASE WHEN n > 5 THEN $1 ELSE $2::bigint END FROM generate_series(1, 25005) AS n";
    sqlx::query(old)
        .bind(now.minus(120 * MINUTE).as_millis())
        .bind(now.as_millis())
        .execute(&kit.pool)
        .await
        .expect("it works");
    clock.advance(11 * MINUTE);
    queue.delete_expired(&[QueueName::default()], 9).await.expect("it works");
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.receipts").await, 5);
    clock.advance(61 * MINUTE);
    queue.delete_expired(&[QueueName::default()], 9).await.expect("it works");
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.receipts").await, 0);
}
