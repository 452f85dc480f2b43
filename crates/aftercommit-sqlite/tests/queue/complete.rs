//! A task that is finished in its handler's own transaction: its effect and its end are one.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Broker, Clock, Error, Inspect, LeaseLost, Leased, NewTask, Options, Outcome, QueueName, RequeueCause,
    Settlement, State, Upkeep,
};

use crate::support::{Stage, id, raw};

const LEASE: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);

/// Stores a task and takes it.
async fn taken(stage: &Stage, options: Options) -> Leased {
    let new = NewTask::from(raw()).with(options.id("a"));
    let new = new.resolve(&Options::new(), stage.clock.now()).expect("it works");
    assert_eq!(stage.queue.enqueue(&[new]).await.expect("it works"), [Ok(())]);
    stage.take(1).await.remove(0)
}

async fn settle(stage: &Stage, leased: &Leased, outcome: Outcome) -> Result<(), LeaseLost> {
    let settlement = Settlement { leased: Arc::new(leased.clone()), outcome };
    stage.queue.settle(&[settlement]).await.expect("it works")[0]
}

fn retry(stage: &Stage) -> Outcome {
    Outcome::Retry { at: stage.clock.now(), error: "after all".into() }
}

async fn complete(stage: &Stage, leased: &Leased) {
    let mut tx = stage.queue.begin().await.expect("it works");
    stage.queue.complete_in(&mut tx, leased).await.expect("it works");
    tx.commit().await.expect("it works");
}

async fn state(stage: &Stage) -> Option<State> {
    stage.queue.get(&QueueName::default(), &id("a")).await.expect("it works").map(|info| info.state)
}

async fn counted(stage: &Stage) -> (u64, u64) {
    let info = stage.queue.queue(&QueueName::default()).await.expect("it works").expect("it works");
    (info.processed, info.failed)
}

async fn receipts(stage: &Stage) -> i64 {
    let count = sqlx::query_scalar("SELECT count(*) FROM aftercommit_receipts");
    count.fetch_one(&stage.queue.pools().writer).await.expect("it works")
}

#[tokio::test]
async fn a_completed_task_is_over_and_every_settle_of_its_attempt_is_accepted() {
    let stage = Stage::new().await;
    let leased = taken(&stage, Options::new().unique_for(MINUTE)).await;
    complete(&stage, &leased).await;
    assert_eq!(state(&stage).await, None);
    let recovered = Outcome::Requeue(RequeueCause::Recovered);
    assert_eq!(settle(&stage, &leased, recovered).await, Err(LeaseLost), "nobody recovers it");
    // The first, one after a lost answer, and one of a handler that failed after its commit.
    for outcome in [Outcome::Done, Outcome::Done, retry(&stage), Outcome::Requeue(RequeueCause::Returned)] {
        assert_eq!(settle(&stage, &leased, outcome).await, Ok(()));
    }
    let extended = stage.queue.extend(std::slice::from_ref(&leased.lease), LEASE).await.expect("it works");
    assert!(extended[0].is_ok(), "its handler is not stopped");
    assert_eq!(state(&stage).await, None);
    assert_eq!(counted(&stage).await, (1, 0));
    assert_eq!(stage.queue.orphans(&[QueueName::default()], 9).await.expect("it works"), []);
    taken(&stage, Options::new().unique_for(MINUTE)).await;
}

#[tokio::test]
async fn a_batch_with_a_completed_task_settles_the_others() {
    let stage = Stage::new().await;
    let leased = taken(&stage, Options::new()).await;
    stage.queue.enqueue(&[stage.task("b"), stage.task("c")]).await.expect("it works");
    let others = stage.take(2).await;
    complete(&stage, &leased).await;
    let lost = settle(&stage, &others[1], Outcome::Requeue(RequeueCause::Recovered)).await;
    assert_eq!(lost, Ok(()));
    let one = |leased: &Leased| Settlement { leased: Arc::new(leased.clone()), outcome: Outcome::Done };
    let batch: Vec<_> = others.iter().chain([&leased]).map(one).collect();
    assert_eq!(stage.queue.settle(&batch).await.expect("it works"), [Ok(()), Err(LeaseLost), Ok(())]);
    assert_eq!(counted(&stage).await, (2, 0));
}

#[tokio::test]
async fn a_completion_that_rolls_back_leaves_the_word_to_the_handler() {
    let stage = Stage::new().await;
    for (outcome, after) in [(Outcome::Done, None), (retry(&stage), Some(State::Retry))] {
        let leased = taken(&stage, Options::new()).await;
        let mut tx = stage.queue.begin().await.expect("it works");
        stage.queue.complete_in(&mut tx, &leased).await.expect("it works");
        tx.rollback().await.expect("it works");
        assert_eq!(state(&stage).await, Some(State::Active));
        assert_eq!(settle(&stage, &leased, outcome).await, Ok(()));
        assert_eq!(state(&stage).await, after);
        assert_eq!(settle(&stage, &leased, Outcome::Done).await, Err(LeaseLost));
    }
    assert_eq!(counted(&stage).await, (2, 1));
}

#[tokio::test]
async fn an_attempt_that_lost_its_lease_completes_nothing() {
    for retention in [Duration::ZERO, MINUTE] {
        let stage = Stage::new().await;
        let first = taken(&stage, Options::new().retention(retention)).await;
        assert_eq!(settle(&stage, &first, Outcome::Requeue(RequeueCause::Recovered)).await, Ok(()));
        let second = stage.take(1).await.remove(0);
        let mut tx = stage.queue.begin().await.expect("it works");
        let lost = stage.queue.complete_in(&mut tx, &first).await.unwrap_err();
        assert!(matches!(&lost, Error::LeaseLost { id, .. } if id.as_str() == "a"), "{lost:?}");
        tx.commit().await.expect("even a host that goes on does no harm");
        assert_eq!((receipts(&stage).await, state(&stage).await), (0, Some(State::Active)));
        complete(&stage, &second).await;
        assert_eq!(settle(&stage, &first, Outcome::Done).await, Err(LeaseLost));
        assert_eq!(counted(&stage).await, (1, 0));
    }
}

#[tokio::test]
async fn a_completed_task_is_kept_for_its_retention_with_its_result() {
    let stage = Stage::new().await;
    let leased = taken(&stage, Options::new().retention(MINUTE)).await;
    let mut tx = stage.queue.begin().await.expect("it works");
    stage.queue.complete_with_result_in(&mut tx, &leased, "42").await.expect("it works");
    tx.commit().await.expect("it works");
    let outcome = Outcome::Complete { retention: MINUTE, result: Some("43".into()) };
    assert_eq!(settle(&stage, &leased, outcome).await, Ok(()));
    let info = stage.queue.get(&QueueName::default(), &id("a")).await.expect("it works").expect("it works");
    assert_eq!((info.state, info.result.as_deref()), (State::Completed, Some(&b"42"[..])));
}

#[tokio::test]
async fn receipts_outlive_their_settles_and_then_go() {
    let stage = Stage::new().await;
    let old = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < 25005)
               INSERT INTO aftercommit_receipts (seq, epoch, finished_at)
               SELECT n, 1, iif(n > 5, ?1, ?2) FROM n";
    let now = stage.clock.now();
    let fill = sqlx::query(old).bind(now.minus(120 * MINUTE).as_millis()).bind(now.as_millis());
    fill.execute(&stage.queue.pools().writer).await.expect("it works");
    stage.clock.advance(11 * MINUTE);
    stage.queue.delete_expired(&[QueueName::default()], 9).await.expect("it works");
    assert_eq!(receipts(&stage).await, 5);
    stage.clock.advance(61 * MINUTE);
    stage.queue.delete_expired(&[QueueName::default()], 9).await.expect("it works");
    assert_eq!(receipts(&stage).await, 0);
}
