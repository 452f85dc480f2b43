//! Transactions that get in each other's way: the server ends one, and the bank does it again.

use crate::kit::{World, alice, mail};
use simplebank::service::Preparation;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// The bank holds the user and waits for the code; another holds the code and waits for the user. The server ends whoever
/// has waited longest, which is the bank.
#[tokio::test]
async fn a_transaction_that_was_ended_to_resolve_a_deadlock_is_done_again() {
    let world = World::new().await;
    world.bank.create_user(alice(), None).await.unwrap();
    let before = mail(&world.bank, "alice").await;

    let mut other = world.database.pool().begin().await.unwrap();
    sqlx::query("UPDATE verify_emails SET handovers = handovers").execute(&mut *other).await.unwrap();
    let bank = world.bank.clone();
    let preparing = tokio::spawn(async move { bank.prepare_verification("alice").await });
    let waiting = "SELECT count(*) FROM pg_stat_activity
                   WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let until_it_waits = async {
        while world.count(waiting).await == 0 {
            sleep(Duration::from_millis(1)).await;
        }
    };
    timeout(Duration::from_secs(10), until_it_waits).await.unwrap();
    sqlx::query("SELECT 1 FROM users FOR UPDATE").execute(&mut *other).await.unwrap();
    other.commit().await.unwrap();

    match preparing.await.unwrap().unwrap() {
        Preparation::Send(again) => assert_eq!(again.code.expose(), before.code.expose()),
        other => panic!("there should be a mail to send: {other:?}"),
    }
}
