//! What a bank keeps in order by itself: its database file.

use crate::database::Database;
use crate::home::Home;
use reqwest::StatusCode;

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
