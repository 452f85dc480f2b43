//! A file from an earlier version: its tasks, locks, leases and numbers go on where they were.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Broker, Clock, Groups, Inspect, Lease, LeaseLost, LeaseToken, Message, Options, Outbox, Outcome, Page,
    QueueName, Settlement, State, Timestamp,
};
use aftercommit_sqlite::{SqliteOutbox, SqlitePools, SqliteQueue};
use aftercommit_testing::{ManualClock, TEST_EPOCH};
use sqlx::SqlSafeStr;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use crate::support::{id, mail, take};

const FIRST: &str = include_str!("../../migrations/0001_queue.sql");

/// Tasks as the first version stored them: one of each state, two with locks, one with options.
const ROWS: &str = "
INSERT INTO aftercommit_workers (key, id, seen_at) VALUES (3, 'h:1:w', 0);
INSERT INTO aftercommit_tasks (seq, state, pos, at, epoch, worker, queue, id, task_type, options, payload)
VALUES (1000001, 2, 1000001, 1768478400000, 2, 2, 'default', 'pending', 'test:raw', NULL, x'7b7d'),
       (1000002, 3, 1000002, 1768478430000, 3, 3, 'default', 'active', 'test:raw', NULL, x'00ff'),
       (1000003, 4, 1000003, 1768478460000, 2, 2, 'default', 'scheduled', 'test:raw',
        '{\"max_retry\":3,\"timeout_ms\":1500,\"headers\":{\"k\":\"v\"}}', x''),
       (1000004, 5, 1000004, 1768478460000, 4, 2, 'low', 'retry', 'test:raw', NULL, x'7b7d');
UPDATE aftercommit_tasks SET unique_key = x'aa', unique_until = 1768479000000 WHERE id = 'scheduled';
UPDATE aftercommit_tasks SET retried = 2, recovered = 1, last_error = 'why', last_failed_at = 1768478390000
 WHERE id = 'retry';
INSERT INTO aftercommit_ended (seq, state, ended_at, expires_at, queue, id, task_type, options, retried, recovered,
                               payload, result)
VALUES (1, 6, 1768478300000, NULL, 'default', 'archived', 'test:raw', NULL, 25, 0, x'7b7d', NULL),
       (2, 7, 1768478300000, 1768479000000, 'default', 'completed', 'test:raw', NULL, 0, 0, x'7b7d', x'01');
INSERT INTO aftercommit_counts VALUES ('default', 20468, 7, 3);
INSERT INTO aftercommit_pauses VALUES ('low', 1768478400000);
UPDATE sqlite_sequence SET seq = 1000099 WHERE name = 'aftercommit_tasks';
";

/// A file of the first version with these rows.
async fn file_of_the_first_version(dir: &tempfile::TempDir, rows: &'static str) -> SqlitePools {
    let pools = SqlitePools::open(dir.path().join("queue.db")).await.expect("it works");
    let first = Migration::new(1, "queue".into(), MigrationType::Simple, FIRST.into_sql_str(), false);
    let mut migrator = Migrator::with_migrations(vec![first]);
    migrator.dangerous_set_table_name("_aftercommit_migrations");
    migrator.run(&pools.writer).await.expect("it works");
    sqlx::raw_sql(rows).execute(&pools.writer).await.expect("it works");
    pools
}

async fn upgraded(dir: &tempfile::TempDir, rows: &'static str) -> SqliteQueue {
    let pools = file_of_the_first_version(dir, rows).await;
    let queue = SqliteQueue::new(pools).with_clock(Arc::new(ManualClock::new()));
    queue.migrate().await.expect("it works");
    queue
}

async fn message(queue: &SqliteQueue, name: &str, task: &str) -> Message {
    let name = QueueName::new(name).expect("it works");
    queue.get(&name, &id(task)).await.expect("it works").expect("the task is there").message
}

#[tokio::test]
async fn every_task_is_what_it_was() {
    let dir = tempfile::tempdir().unwrap();
    let queue = upgraded(&dir, ROWS).await;
    let info = queue.queue(&QueueName::default()).await.unwrap().unwrap();
    let counts = State::ALL.map(|state| info.counts.get(state));
    assert_eq!(counts, [1, 1, 1, 0, 1, 1, 0]);
    assert_eq!((info.processed, info.failed, info.groups), (7, 3, 0));
    let low = queue.queue(&QueueName::new("low").unwrap()).await.unwrap().unwrap();
    assert_eq!((low.counts.get(State::Retry), low.paused_since), (1, Some(TEST_EPOCH)));
    assert_eq!(message(&queue, "default", "active").await.payload.as_ref(), [0, 255]);
    let scheduled = message(&queue, "default", "scheduled").await;
    assert_eq!((scheduled.max_retry, scheduled.timeout), (3, Some(Duration::from_millis(1_500))));
    assert_eq!((scheduled.headers["k"].as_str(), scheduled.group), ("v", None));
    let retry = message(&queue, "low", "retry").await;
    assert_eq!((retry.retried, retry.recovered, retry.last_error.as_deref()), (2, 1, Some("why")));
    let completed =
        queue.list(&QueueName::default(), &State::Completed.into(), Page::first(9)).await.unwrap();
    assert_eq!(completed[0].result.as_deref(), Some(&[1][..]));
    let locks: i64 =
        sqlx::query_scalar("SELECT count(*) FROM aftercommit_tasks WHERE unique_until = 1768479000000")
            .fetch_one(&queue.pools().readers)
            .await
            .unwrap();
    assert_eq!(locks, 1);
}

#[tokio::test]
async fn a_lease_from_before_still_settles_and_a_lost_one_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let queue = upgraded(&dir, ROWS).await;
    let settle = async |epoch: u64| {
        let leased = aftercommit_core::Leased {
            message: message(&queue, "default", "active").await,
            lease: Lease {
                queue: QueueName::default(),
                id: id("active"),
                token: LeaseToken::new(1_000_002 << 16 | epoch),
                expires_at: Timestamp::from_millis(1_768_478_430_000),
            },
            stored: bytes::Bytes::new(),
        };
        queue.settle(&[Settlement { leased: Arc::new(leased), outcome: Outcome::Done }]).await.unwrap()
    };
    assert_eq!(settle(2).await, [Err(LeaseLost)]);
    assert_eq!(settle(3).await, [Ok(())]);
}

#[tokio::test]
async fn numbers_go_on_where_they_were_so_that_no_token_is_used_again() {
    for (rows, last) in [
        (ROWS, 1_000_099),
        ("", 1_000_000),
        // Everything was worked off before.
        ("UPDATE sqlite_sequence SET seq = 1000007 WHERE name = 'aftercommit_tasks'", 1_000_007),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let queue = upgraded(&dir, rows).await;
        let mut tx = queue.begin().await.unwrap();
        queue.enqueue_in(&mut tx, &mail()).id("new").await.unwrap();
        tx.commit().await.unwrap();
        let seq: i64 = sqlx::query_scalar("SELECT seq FROM aftercommit_tasks WHERE id = 'new'")
            .fetch_one(&queue.pools().readers)
            .await
            .unwrap();
        assert_eq!(seq, last + 1);
    }
}

#[tokio::test]
async fn the_upgraded_file_takes_groups_and_an_outbox() {
    let dir = tempfile::tempdir().unwrap();
    let queue = upgraded(&dir, ROWS).await;
    assert_eq!(take(&queue, 9).await.len(), 1, "the pending one");
    let task = aftercommit_core::NewTask::of(&mail()).unwrap().with(Options::new().group("g"));
    let task = task.resolve(&Options::new(), ManualClock::new().now()).unwrap();
    assert_eq!(queue.enqueue(&[task]).await.unwrap(), [Ok(())]);
    assert_eq!(queue.groups(&QueueName::default()).await.unwrap()[0].size, 1);
    let outbox = SqliteOutbox::new(queue.pools().clone());
    outbox.migrate().await.unwrap();
    let mut tx = outbox.begin().await.unwrap();
    outbox.enqueue_in(&mut tx, &mail()).id("pending").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(outbox.claim(9, Duration::from_secs(1)).await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn a_program_of_the_first_version_says_that_the_tables_are_newer() {
    let dir = tempfile::tempdir().unwrap();
    let queue = upgraded(&dir, ROWS).await;
    let first = Migration::new(1, "queue".into(), MigrationType::Simple, FIRST.into_sql_str(), false);
    let mut migrator = Migrator::with_migrations(vec![first]);
    migrator.dangerous_set_table_name("_aftercommit_migrations");
    let refused = migrator.run(&queue.pools().writer).await.unwrap_err();
    assert!(matches!(refused, sqlx::migrate::MigrateError::VersionMissing(2)), "{refused:?}");
}

#[tokio::test]
async fn a_view_of_the_host_on_the_tasks_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let view = "CREATE VIEW waiting AS SELECT count(*) AS tasks FROM aftercommit_tasks WHERE state = 2; \
                INSERT INTO aftercommit_tasks (state, pos, at, epoch, worker, queue, id, task_type, payload) \
                VALUES (2, 1, 0, 2, 2, 'default', 'a', 'test:raw', x'7b7d')";
    let queue = upgraded(&dir, view).await;
    let tasks: i64 =
        sqlx::query_scalar("SELECT tasks FROM waiting").fetch_one(&queue.pools().readers).await.unwrap();
    assert_eq!(tasks, 1);
}
