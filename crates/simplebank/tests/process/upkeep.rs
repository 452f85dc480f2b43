//! What a bank keeps in order by itself: its database file, and the memory of old requests.

use crate::database::{Database, Tables};
use crate::home::Home;
use crate::process::PATIENCE;
use reqwest::StatusCode;
use std::time::Duration;
use tokio::time::{sleep, timeout};

#[tokio::test]
async fn copy_of_the_database_file_after_a_graceful_stop_is_whole() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    bank.line("processed task").await;
    assert_eq!(bank.into_process().stop().await.status.code(), Some(0));
    // Only the one file, as somebody would who knows nothing of write-ahead logs.
    let copy = Home::new();
    std::fs::copy(home.path().join("simplebank.db"), copy.path().join("simplebank.db")).unwrap();
    let database = Database::open(&copy).await;
    assert_eq!(database.number("SELECT count(*) FROM users").await, 1);
    assert_eq!(database.number("SELECT sum(handovers) FROM verify_emails").await, 1);
    assert_eq!(database.queue().await.map(|queue| queue.processed), Some(1));
    database.close().await;
}

#[tokio::test]
async fn idempotency_keys_are_forgotten_once_they_have_expired() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    for (username, key) in [("alice10", "old"), ("bob10", "new")] {
        let request = bank.create_user(username).header("idempotency-key", key);
        assert_eq!(request.send().await.unwrap().status(), StatusCode::OK);
    }
    assert_eq!(bank.into_process().stop().await.status.code(), Some(0));
    let database = Database::open(&home).await;
    let expire = sqlx::query("UPDATE idempotency_keys SET expires_at = created_at WHERE key = 'old'");
    let Tables::Sqlite(pools) = database.tables() else { panic!("the bank is on SQLite") };
    assert_eq!(expire.execute(&pools.writer).await.unwrap().rows_affected(), 1);

    let _bank = home.bank(&[]).await;
    let forgotten = async {
        while database.number("SELECT count(*) FROM idempotency_keys WHERE key = 'old'").await > 0 {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, forgotten).await.expect("the key is forgotten");
    assert_eq!(database.number("SELECT count(*) FROM idempotency_keys").await, 1);
    database.close().await;
}
