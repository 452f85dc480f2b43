//! The guarantee: a task enqueued in a transaction exists exactly if the transaction commits.

use std::time::Duration;

use aftercommit_core::{Broker, Error, Inspect, Options, QueueName, State};
use aftercommit_sqlite::{SqlitePools, SqliteQueue};
use futures_util::FutureExt;
use sqlx::Connection;

use crate::support::{Stage, grant, id, mail, raw, take};

const MINUTE: Duration = Duration::from_secs(60);

async fn state(queue: &SqliteQueue, task: &str) -> Option<State> {
    queue.get(&QueueName::default(), &id(task)).await.expect("get").map(|info| info.state)
}

#[tokio::test]
async fn a_task_is_nowhere_to_be_seen_before_the_commit() {
    let stage = Stage::new().await;
    // Another process, which does not want to wait for the transaction.
    let path = stage.dir.path().join("queue.db");
    let impatient = SqlitePools::options(path).busy_timeout(Duration::ZERO);
    let other = SqliteQueue::new(SqlitePools::connect(impatient).await.unwrap());
    assert!(take(&other, 1).await.is_empty());

    let mut tx = stage.queue.begin().await.unwrap();
    stage.queue.enqueue_in(&mut tx, &mail()).id("a").await.unwrap();
    assert_eq!(state(&other, "a").await, None);
    assert_eq!(other.queues().await.unwrap(), []);
    let quotas = [aftercommit_core::Quota { queue: QueueName::default(), count: 1 }];
    let refused = other.dequeue(&quotas, &grant("h:2:w")).await.unwrap_err();
    assert!(refused.is_transient(), "{refused:?}");

    tx.commit().await.unwrap();
    assert_eq!(take(&other, 1).await[0].lease.id, id("a"));
}

#[tokio::test]
async fn a_task_of_a_rolled_back_transaction_never_existed() {
    let stage = Stage::new().await;
    for explicit in [true, false] {
        let mut tx = stage.queue.begin().await.unwrap();
        stage.queue.enqueue_in(&mut tx, &mail()).id("a").unique_for(MINUTE).await.unwrap();
        if explicit {
            tx.rollback().await.unwrap()
        } else {
            drop(tx)
        }
        assert_eq!(state(&stage.queue, "a").await, None);
        assert_eq!(stage.queue.queues().await.unwrap(), []);
    }
    let mut tx = stage.queue.begin().await.unwrap();
    let again = stage.queue.enqueue_in(&mut tx, &mail()).id("b").unique_for(MINUTE).await;
    assert!(again.is_ok(), "the lock went with the transactions: {again:?}");
}

#[tokio::test]
async fn a_committed_task_is_in_the_file_though_nothing_was_closed() {
    let stage = Stage::new().await;
    let mut tx = stage.queue.begin().await.unwrap();
    stage.queue.enqueue_in(&mut tx, &mail()).id("a").await.unwrap();
    tx.commit().await.unwrap();
    // What a machine that loses its power at this moment leaves: the file and its log as they are.
    let copy = tempfile::tempdir().unwrap();
    for name in ["queue.db", "queue.db-wal"] {
        std::fs::copy(stage.dir.path().join(name), copy.path().join(name)).unwrap();
    }
    let survivor = SqliteQueue::open(copy.path().join("queue.db")).await.unwrap();
    assert_eq!(take(&survivor, 1).await[0].lease.id, id("a"));
}

#[tokio::test]
async fn the_hosts_rows_and_the_task_share_their_fate() {
    let stage = Stage::new().await;
    let pools = stage.queue.pools();
    sqlx::raw_sql("CREATE TABLE users (name TEXT)").execute(&pools.writer).await.unwrap();
    for commit in [false, true] {
        // The host's own kind of transaction, not the queue's.
        let mut tx = pools.writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        sqlx::query("INSERT INTO users (name) VALUES ('alice')").execute(&mut *tx).await.unwrap();
        stage.queue.enqueue_in(&mut tx, &mail()).id("a").await.unwrap();
        if commit {
            tx.commit().await.unwrap()
        } else {
            tx.rollback().await.unwrap()
        }
        let users: i64 =
            sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&pools.readers).await.unwrap();
        assert_eq!((users == 1, state(&stage.queue, "a").await.is_some()), (commit, commit));
    }
}

#[tokio::test]
async fn a_savepoint_takes_its_own_tasks_back_and_no_others() {
    let stage = Stage::new().await;
    let mut tx = stage.queue.begin().await.unwrap();
    stage.queue.enqueue_in(&mut tx, &mail()).id("outer").await.unwrap();
    for (task, keep) in [("dropped", false), ("kept", true)] {
        let mut savepoint = tx.begin().await.unwrap();
        let unique = stage.queue.enqueue_in(&mut savepoint, &mail()).id(task).unique_for(MINUTE).await;
        assert!(unique.is_ok(), "the lock of a savepoint goes with it: {unique:?}");
        if keep { savepoint.commit().await.unwrap() } else { savepoint.rollback().await.unwrap() }
    }
    tx.commit().await.unwrap();
    let states = [state(&stage.queue, "outer").await, state(&stage.queue, "dropped").await];
    assert_eq!(states, [Some(State::Pending), None]);
    assert_eq!(state(&stage.queue, "kept").await, Some(State::Pending));
}

#[tokio::test]
async fn a_panic_in_a_transaction_leaves_nothing_behind() {
    let stage = Stage::new().await;
    let queue = stage.queue.clone();
    let died = tokio::spawn(async move {
        let mut tx = queue.begin().await.unwrap();
        queue.enqueue_in(&mut tx, &mail()).id("a").unique_for(MINUTE).await.unwrap();
        panic!("the host's code fails");
    });
    assert!(died.await.unwrap_err().is_panic());
    let mut tx = stage.queue.begin().await.unwrap();
    stage.queue.enqueue_in(&mut tx, &mail()).id("a").unique_for(MINUTE).await.unwrap();
    tx.commit().await.unwrap();
}

/// Polls a future so many times, with room for SQLite's thread in between. True if it ended.
async fn poll_times<F: Future>(future: F, times: usize) -> bool {
    let mut future = Box::pin(future);
    for _ in 0..times {
        if (&mut future).now_or_never().is_some() {
            return true;
        }
        tokio::task::yield_now().await;
        std::thread::yield_now();
    }
    false
}

#[tokio::test]
async fn an_enqueue_that_is_cancelled_stores_all_of_its_task_or_nothing() {
    let stage = Stage::new().await;
    for (round, commit) in (0..60).zip([true, false].into_iter().cycle()) {
        let name = format!("task-{round}");
        let mut tx = stage.queue.begin().await.unwrap();
        let options = Options::new().id(&name).queue(&name).unique_for(MINUTE);
        let enqueue = stage.queue.enqueue_in(&mut tx, &mail()).options(options.clone());
        let ended = poll_times(enqueue.into_future(), round / 6).await;
        if commit {
            tx.commit().await.unwrap()
        } else {
            drop(tx)
        }
        let queue = QueueName::new(&name).unwrap();
        let stored = stage.queue.get(&queue, &id(&name)).await.unwrap().is_some();
        assert!(commit || !stored, "{name} exists though its transaction does not");
        assert!(!(commit && ended) || stored, "{name} was acknowledged and committed");
        // The lock is there exactly if the task is.
        let mut tx = stage.queue.begin().await.unwrap();
        let probe = stage.queue.enqueue_in(&mut tx, &mail()).options(options).id("probe").await;
        assert_eq!(matches!(probe, Err(Error::Duplicate { .. })), stored, "{name}");
        tx.rollback().await.unwrap();
    }
}

#[tokio::test]
async fn a_refused_task_leaves_the_transaction_in_order() {
    let stage = Stage::new().await;
    let queue = &stage.queue;
    let mut tx = queue.begin().await.unwrap();
    queue.enqueue_in(&mut tx, &mail()).id("a").unique_for(MINUTE).await.unwrap();
    let conflict = queue.enqueue_in(&mut tx, &mail()).id("a").await;
    assert!(matches!(conflict, Err(Error::IdConflict { .. })), "{conflict:?}");
    let duplicate = queue.enqueue_in(&mut tx, &mail()).id("b").unique_for(MINUTE).await;
    assert!(matches!(duplicate, Err(Error::Duplicate { .. })), "{duplicate:?}");
    let invalid = queue.enqueue_in(&mut tx, &mail()).id(" ").await;
    assert!(matches!(invalid, Err(Error::Invalid { .. })), "{invalid:?}");
    queue.enqueue_raw_in(&mut tx, raw()).id("c").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(queue.queue(&QueueName::default()).await.unwrap().unwrap().counts.total(), 2);
}

#[tokio::test]
async fn the_call_wins_over_the_type_and_the_type_over_the_handle() {
    let stage = Stage::new().await;
    let queue =
        stage.queue.clone().with_defaults(Options::new().max_retry(1).queue("handle").retention(MINUTE));
    let mut tx = queue.begin().await.unwrap();
    let typed = queue.enqueue_in(&mut tx, &mail()).await.unwrap();
    let called =
        queue.enqueue_in(&mut tx, &mail()).max_retry(9).queue("call").process_in(MINUTE).await.unwrap();
    let raw = queue.enqueue_raw_in(&mut tx, raw()).await.unwrap();
    tx.commit().await.unwrap();
    let seen = |task: &aftercommit_core::Enqueued| (task.queue.to_string(), task.max_retry, task.state);
    assert_eq!(seen(&typed), ("handle".into(), 7, State::Pending));
    assert_eq!(seen(&called), ("call".into(), 9, State::Scheduled));
    assert_eq!(seen(&raw), ("handle".into(), 1, State::Pending));
    let stored = queue.get(&typed.queue, &typed.id).await.unwrap().unwrap();
    assert_eq!(
        (stored.message.retention, stored.message.payload.as_ref()),
        (MINUTE, &br#"{"to":"alice"}"#[..])
    );
}

#[tokio::test]
async fn a_batch_answers_for_each_of_its_tasks() {
    let stage = Stage::new().await;
    let new = |options| aftercommit_core::NewTask::from(raw()).with(options);
    let unique = |id: &str| Options::new().id(id).unique_for(MINUTE);
    let batch = vec![
        new(Options::new().id("a")),
        new(Options::new().timeout(Duration::ZERO)),
        new(Options::new().id("a")),
        new(unique("b")),
        new(unique("c")),
        new(Options::new().id("d").process_in(MINUTE)),
    ];
    let mut tx = stage.queue.begin().await.unwrap();
    let answers = stage.queue.enqueue_batch_in(&mut tx, batch).await.unwrap();
    tx.commit().await.unwrap();
    let told = |answer: &Result<aftercommit_core::Enqueued, Error>| match answer {
        Ok(task) => task.id.to_string(),
        Err(Error::Invalid { what, .. }) => (*what).to_owned(),
        Err(Error::IdConflict { .. }) => "conflict".to_owned(),
        Err(Error::Duplicate { .. }) => "duplicate".to_owned(),
        Err(other) => panic!("{other:?}"),
    };
    let told: Vec<String> = answers.iter().map(told).collect();
    assert_eq!(told, ["a", "timeout", "conflict", "b", "duplicate", "d"]);
    assert_eq!(stage.queue.queue(&QueueName::default()).await.unwrap().unwrap().counts.total(), 3);
}

#[tokio::test]
async fn transactions_take_turns() {
    let stage = Stage::new().await;
    let mut workers = tokio::task::JoinSet::new();
    for n in 0..20 {
        let queue = stage.queue.clone();
        workers.spawn(async move {
            let mut tx = queue.begin().await?;
            queue.enqueue_in(&mut tx, &mail()).id(n.to_string()).await?;
            tx.commit().await
        });
    }
    for ended in workers.join_all().await {
        ended.unwrap();
    }
    assert_eq!(stage.take(100).await.len(), 20);
}
