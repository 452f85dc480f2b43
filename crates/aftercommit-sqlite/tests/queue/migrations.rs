//! The tables: made once, by whoever comes first, and never by an older program than they are.

use std::error::Error as _;

use aftercommit_core::{Error, Inspect};
use aftercommit_sqlite::{SqlitePools, SqliteQueue};

async fn open(dir: &tempfile::TempDir) -> SqliteQueue {
    SqliteQueue::open(dir.path().join("queue.db")).await.expect("the file opens")
}

/// An error with all its causes.
fn full_text(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[tokio::test]
async fn migrating_again_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let queue = open(&dir).await;
        queue.migrate().await.unwrap();
        queue.migrate().await.unwrap();
        assert_eq!(queue.queues().await.unwrap(), []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_processes_may_create_the_file_and_its_tables_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let mut started = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let path = dir.path().join("queue.db");
        started.spawn(async move { SqliteQueue::open(path).await?.migrate().await });
    }
    for migrated in started.join_all().await {
        migrated.unwrap();
    }
}

#[tokio::test]
async fn tables_of_a_newer_version_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(&dir).await;
    queue.migrate().await.unwrap();
    let newer = "INSERT INTO _aftercommit_migrations (version, description, success, checksum, execution_time) \
                 VALUES (99, 'from the future', true, x'00', 0)";
    sqlx::query(newer).execute(&queue.pools().writer).await.unwrap();
    let error = queue.migrate().await.unwrap_err();
    let text = full_text(&error);
    assert!(text.contains("version 99") && text.contains("use a newer one"), "{text}");
    assert!(!error.is_transient());
}

#[tokio::test]
async fn the_hosts_own_migrations_are_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let queue = open(&dir).await;
    let host =
        "CREATE TABLE _sqlx_migrations (version BIGINT PRIMARY KEY); INSERT INTO _sqlx_migrations VALUES (1)";
    sqlx::raw_sql(host).execute(&queue.pools().writer).await.unwrap();
    queue.migrate().await.unwrap();
    let versions: Vec<i64> = sqlx::query_scalar("SELECT version FROM _sqlx_migrations")
        .fetch_all(&queue.pools().readers)
        .await
        .unwrap();
    assert_eq!(versions, [1]);
    let foreign =
        "SELECT count(*) FROM sqlite_schema WHERE name NOT LIKE '%aftercommit%' AND name NOT LIKE '%sql%'";
    let foreign: i64 = sqlx::query_scalar(foreign).fetch_one(&queue.pools().readers).await.unwrap();
    assert_eq!(foreign, 0, "every table of the queue says whose it is");
}

#[tokio::test]
async fn missing_tables_say_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    let error = open(&dir).await.queues().await.unwrap_err();
    assert!(full_text(&error).contains("run migrate()"), "{}", full_text(&error));
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_for_good() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(
        dir.path().join("queue.db"),
        "this is a text, and long enough to be looked at. ".repeat(99),
    )
    .unwrap();
    let error = SqlitePools::open(dir.path().join("queue.db")).await.unwrap_err();
    assert!(full_text(&error).contains("no SQLite database"), "{}", full_text(&error));
    assert!(!error.is_transient());
}

#[tokio::test]
async fn a_missing_directory_is_named_as_the_fault() {
    let dir = tempfile::tempdir().unwrap();
    let error = SqlitePools::open(dir.path().join("nowhere").join("queue.db")).await.unwrap_err();
    assert!(full_text(&error).contains("does its directory exist"), "{}", full_text(&error));
}
