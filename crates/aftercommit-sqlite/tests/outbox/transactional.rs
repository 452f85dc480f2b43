//! A task enqueued in a transaction is in the outbox exactly if the transaction commits, and is there as it
//! was asked for.

use std::time::Duration;

use aftercommit_core::{
    Backlog, Clock, Enqueue, Error, NewTask, Options, Outbox, Placement, RawTask, State, TaskType,
};
use aftercommit_sqlite::{SqliteOutbox, SqlitePools};
use bytes::Bytes;
use sqlx::Connection;

use crate::support::{HOLD, Stage, ids, mail, new, raw};

async fn waiting(outbox: &SqliteOutbox) -> u64 {
    outbox.backlog().await.expect("backlog").waiting
}

#[tokio::test]
async fn a_task_is_nowhere_to_be_seen_before_the_commit() {
    let stage = Stage::new().await;
    // Another process, which does not want to wait for the transaction.
    let impatient = SqlitePools::options(stage.dir.path().join("app.db")).busy_timeout(Duration::ZERO);
    let other = SqliteOutbox::new(SqlitePools::connect(impatient).await.unwrap());
    let mut tx = stage.outbox.begin().await.unwrap();
    stage.outbox.enqueue_in(&mut tx, &mail()).id("a").await.unwrap();
    assert_eq!(waiting(&other).await, 0);
    assert_eq!(ids(&other.claim(1, HOLD).await.unwrap()), [""; 0]);
    tx.commit().await.unwrap();
    assert_eq!(waiting(&other).await, 1);
    assert_eq!(ids(&other.claim(1, HOLD).await.unwrap()), ["a"]);
}

#[tokio::test]
async fn a_task_of_a_rolled_back_transaction_never_existed() {
    let stage = Stage::new().await;
    for explicit in [true, false] {
        let mut tx = stage.outbox.begin().await.unwrap();
        stage.outbox.enqueue_in(&mut tx, &mail()).id("a").await.unwrap();
        if explicit {
            tx.rollback().await.unwrap()
        } else {
            drop(tx)
        }
        assert_eq!(stage.outbox.backlog().await.unwrap(), Backlog::default());
    }
    stage.add(&["a"]).await;
    assert_eq!(ids(&stage.claim(9).await), ["a"]);
}

#[tokio::test]
async fn a_savepoint_takes_its_own_tasks_back_and_no_others() {
    let stage = Stage::new().await;
    let mut tx = stage.outbox.begin().await.unwrap();
    stage.outbox.enqueue_in(&mut tx, &mail()).id("outer").await.unwrap();
    for (task, keep) in [("dropped", false), ("kept", true)] {
        let mut savepoint = tx.begin().await.unwrap();
        stage.outbox.enqueue_in(&mut savepoint, &mail()).id(task).await.unwrap();
        if keep { savepoint.commit().await.unwrap() } else { savepoint.rollback().await.unwrap() }
    }
    tx.commit().await.unwrap();
    assert_eq!(ids(&stage.claim(9).await), ["outer", "kept"]);
}

#[tokio::test]
async fn the_hosts_rows_and_the_task_share_their_fate() {
    let stage = Stage::new().await;
    let pools = stage.outbox.pools();
    sqlx::raw_sql("CREATE TABLE users (name TEXT)").execute(&pools.writer).await.unwrap();
    for commit in [false, true] {
        // The host's own kind of transaction, not the outbox's.
        let mut tx = pools.writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        sqlx::query("INSERT INTO users (name) VALUES ('alice')").execute(&mut *tx).await.unwrap();
        stage.outbox.enqueue_in(&mut tx, &mail()).id("a").await.unwrap();
        if commit {
            tx.commit().await.unwrap()
        } else {
            tx.rollback().await.unwrap()
        }
        let users: i64 =
            sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&pools.readers).await.unwrap();
        assert_eq!((users == 1, waiting(&stage.outbox).await == 1), (commit, commit));
    }
}

#[tokio::test]
async fn an_id_is_taken_once_and_the_transaction_goes_on() {
    let stage = Stage::with(&["a"]).await;
    let mut tx = stage.outbox.begin().await.unwrap();
    let refused = stage.outbox.enqueue_in(&mut tx, &mail()).id("a").await.unwrap_err();
    assert!(matches!(refused, Error::IdConflict { .. }), "{refused:?}");
    stage.outbox.enqueue_in(&mut tx, &mail()).id("a").queue("other").await.unwrap();
    tx.commit().await.unwrap();
    let claim = stage.claim(9).await;
    assert_eq!(ids(&claim), ["a", "a"]);
    assert_eq!(claim.rows[0].task.message.task_type.as_str(), "test:raw", "the first one stands");
    stage.outbox.mark(&[claim.rows[0].key]).await.unwrap();
    stage.add(&["a"]).await;
    assert_eq!(waiting(&stage.outbox).await, 2, "a published task has left its id to the other back-end");
}

#[tokio::test]
async fn a_batch_answers_for_each_of_its_tasks() {
    let stage = Stage::with(&["taken"]).await;
    let mut tx = stage.outbox.begin().await.unwrap();
    let batch = ["b", "taken", "c", "b", "c", "d"].map(new);
    let invalid = new("e").with(Options::new().queue(" "));
    let batch = batch.into_iter().chain([invalid, new("f")]).collect();
    let answers = stage.outbox.enqueue_batch_in(&mut tx, batch).await.unwrap();
    let told: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Ok(enqueued) => enqueued.id.as_str(),
            Err(Error::IdConflict { .. }) => "conflict",
            Err(Error::Invalid { .. }) => "invalid",
            Err(other) => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["b", "conflict", "c", "conflict", "conflict", "d", "invalid", "f"]);
    let again = stage.outbox.enqueue_batch_in(&mut tx, ["b", "f"].map(new).into()).await.unwrap();
    assert!(again.iter().all(|answer| matches!(answer, Err(Error::IdConflict { .. }))));
    tx.commit().await.unwrap();
    assert_eq!(ids(&stage.claim(9).await), ["taken", "b", "c", "d", "f"]);
}

/// Tasks that use every option, and unusual values of them.
fn tasks(stage: &Stage) -> Vec<NewTask> {
    let now = stage.clock.now().to_system_time();
    let raw = |payload: Bytes| RawTask {
        task_type: TaskType::new("ünusual:täsk").expect("a valid type"),
        payload,
    };
    let every_byte: Vec<u8> = (0..=255).collect();
    let full = Options::new()
        .id("line\nbreak, \"quote\", nul \0, ☃")
        .queue("critical")
        .max_retry(3)
        .timeout(Duration::from_millis(1_501))
        .deadline(now + Duration::from_millis(99_999))
        .process_in(Duration::from_millis(1_234))
        .unique_for(Duration::from_millis(60_001))
        .retention(Duration::from_millis(7))
        .group("gröup")
        .header("traceparent", "00-\"abc\"")
        .header("", "\0");
    let only_a_deadline = Options::new().deadline(now);
    vec![
        NewTask::from(raw(every_byte.into())).with(full),
        NewTask::from(raw(Bytes::new())).with(only_a_deadline),
        NewTask::from(raw("{}".into())).with(Options::new().group("g").max_retry(0)),
        NewTask::from(raw(Bytes::from_static(&[0]))).with(Options::new().unique_for(HOLD)),
    ]
}

#[tokio::test]
async fn a_claimed_task_is_what_was_enqueued_to_the_last_option() {
    let stage = Stage::new().await;
    let ids = ["a", "b", "c"].map(|id| Options::new().id(id));
    let mut new = tasks(&stage);
    for (task, id) in new[1..].iter_mut().zip(ids) {
        *task = task.clone().with(id);
    }
    let wanted: Vec<Enqueue> =
        new.iter().map(|task| task.clone().resolve(&Options::new(), stage.clock.now()).unwrap()).collect();
    let mut tx = stage.outbox.begin().await.unwrap();
    for answer in stage.outbox.enqueue_batch_in(&mut tx, new).await.unwrap() {
        answer.unwrap();
    }
    tx.commit().await.unwrap();
    let enqueued_at = stage.clock.now();
    stage.clock.advance(HOLD);
    let claim = stage.claim(9).await;
    let stored: Vec<Enqueue> = claim.rows.iter().map(|row| row.task.clone()).collect();
    assert_eq!(stored, wanted);
    assert!(matches!(wanted[0].placement, Placement::At(_)));
    assert!(claim.rows.iter().all(|row| row.attempts == 0 && row.enqueued_at == enqueued_at));
}

#[tokio::test]
async fn the_call_wins_over_the_type_and_the_type_over_the_handle() {
    let stage = Stage::new().await;
    let outbox = stage.outbox.clone().with_defaults(Options::new().queue("handle").max_retry(1));
    let mut tx = outbox.begin().await.unwrap();
    let one = outbox.enqueue_in(&mut tx, &mail()).await.unwrap();
    assert_eq!((one.queue.as_str(), one.max_retry, one.state), ("handle", 7, State::Pending));
    let two = outbox.enqueue_in(&mut tx, &mail()).queue("call").max_retry(2).group("g").await.unwrap();
    assert_eq!((two.queue.as_str(), two.max_retry, two.state), ("call", 2, State::Aggregating));
    let three = outbox.enqueue_raw_in(&mut tx, raw()).process_in(HOLD).await.unwrap();
    assert_eq!((three.max_retry, three.state), (1, State::Scheduled));
    tx.commit().await.unwrap();
    assert_eq!(waiting(&outbox).await, 3);
}
