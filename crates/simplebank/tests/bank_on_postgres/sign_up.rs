//! The first conversation: a user is created, gets a mail and proves the address.

use crate::home::{Home, mailbox_of};
use aftercommit_servers::{PgBouncer, PostgresServer};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_new_user_gets_a_mail_and_proves_the_address() {
    let server = PostgresServer::start().unwrap();
    let home = Home::on(&server);
    let bank = home.bank(&[]).await;
    assert_eq!(bank.get("/readyz").await, (StatusCode::OK, json!({"status": "ready"})));
    assert_eq!(bank.sign_up("alice").await.0, StatusCode::OK);
    bank.line("processed task").await;
    let mail = home.mail_to(&mailbox_of("alice"));
    assert_eq!(bank.get(mail.path_and_query()).await, (StatusCode::OK, json!({"is_verified": true})));
    assert_eq!(bank.sign_up("alice").await.0, StatusCode::CONFLICT);
    assert_eq!(server.psql("test_0", "SELECT username, is_email_verified FROM users").unwrap(), "alice|t");
    let ended = bank.into_process().stop().await;
    assert!(ended.status.success(), "{ended:?}");
    assert!(!ended.printed().contains(mail.code()), "{ended:?}");
}

#[tokio::test]
async fn a_server_and_a_worker_may_be_two_processes() {
    let server = PostgresServer::start().unwrap();
    let home = Home::on(&server);
    let (bank, worker) = (home.serve(&[]).await, home.worker(&[]).await);
    assert_eq!(bank.sign_up("alice").await.0, StatusCode::OK);
    worker.line("processed task").await;
    home.mail_to(&mailbox_of("alice"));
}

#[tokio::test]
async fn a_pooler_may_stand_in_between() {
    let server = PostgresServer::start().unwrap();
    let pooler = PgBouncer::start(&server, 2).unwrap();
    let home = Home::on(&server);
    let direct = server.url("test_0");
    let settings = [("DB_SOURCE", &*pooler.url("test_0")), ("DB_DIRECT_SOURCE", &*direct)];
    let bank = home.bank(&settings).await;
    assert_eq!(bank.sign_up("alice").await.0, StatusCode::OK);
    bank.line("processed task").await;
    home.mail_to(&mailbox_of("alice"));
    assert_eq!(bank.get("/readyz").await.0, StatusCode::OK);
}
