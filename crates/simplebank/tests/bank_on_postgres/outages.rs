//! A bank that is there before its database, and one whose database goes and comes back.

use crate::home::{Home, address, answer, mailbox_of, user};
use aftercommit_servers::{PostgresServer, Shutdown};
use reqwest::{Client, StatusCode};
use serde_json::json;

#[tokio::test]
async fn a_bank_waits_for_its_database_answers_probes_meanwhile_and_then_serves() {
    let mut server = PostgresServer::start().unwrap();
    let home = Home::on(&server);
    server.stop(Shutdown::Fast).unwrap();
    let bank = home.run(&[], &[]);
    let http = address(&bank, "waiting for the database, probes are answered at ").await;
    let http = http.split(' ').next().unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let get = async |path| answer(client.get(format!("http://{http}{path}"))).await.unwrap();
    assert_eq!(get("/healthz").await, (StatusCode::OK, json!({"status": "alive"})));
    let not_ready = json!({"status": "not ready", "not_ready": ["starting"]});
    assert_eq!(get("/readyz").await, (StatusCode::SERVICE_UNAVAILABLE, not_ready));
    let sign_up = client.post(format!("http://{http}/v1/create_user")).json(&user("alice"));
    let (status, refusal) = answer(sign_up.try_clone().unwrap()).await.unwrap();
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(
        (&refusal["code"], &refusal["message"]),
        (&json!(14), &json!("the database is not available, retry later"))
    );

    server.start_again().unwrap();
    bank.line("Starting processing").await;
    assert_eq!(get("/readyz").await.0, StatusCode::OK);
    assert_eq!(answer(sign_up).await.unwrap().0, StatusCode::OK);
    bank.line("processed task").await;
    assert_eq!(bank.matching("waiting for the database").len(), 1, "it is said once: {}", bank.log());
}

#[tokio::test]
async fn a_bank_that_waits_stops_when_it_is_asked_to() {
    let mut server = PostgresServer::start().unwrap();
    let home = Home::on(&server);
    server.stop(Shutdown::Fast).unwrap();
    let bank = home.run(&[], &[]);
    bank.line("waiting for the database").await;
    let ended = bank.stop().await;
    assert!(ended.status.success(), "{ended:?}");
}

#[tokio::test]
async fn a_database_that_goes_while_a_bank_starts_does_not_end_it() {
    let mut server = PostgresServer::builder().durable().start().unwrap();
    let home = Home::on(&server);
    let settings = [("FAILPOINTS", "start.migrated=delay(2s)"), ("DB_ACQUIRE_TIMEOUT", "1s")];
    let bank = home.run(&[], &settings);
    bank.line("point=start.migrated").await;
    server.stop(Shutdown::Immediate).unwrap();
    let http = address(&bank, "start HTTP gateway server at ").await;
    let said = "cannot tell whether tasks of another configuration wait";
    assert_eq!(bank.matching(said).len(), 1, "{}", bank.log());
    server.start_again().unwrap();
    let client = Client::builder().no_proxy().build().unwrap();
    let sign_up = client.post(format!("http://{http}/v1/create_user")).json(&user("alice"));
    assert_eq!(answer(sign_up).await.unwrap().0, StatusCode::OK);
    bank.line("processed task").await;
}

#[tokio::test]
async fn a_restart_of_the_database_is_survived() {
    let mut server = PostgresServer::builder().durable().start().unwrap();
    let home = Home::on(&server);
    let bank = home.bank(&[("DB_ACQUIRE_TIMEOUT", "1s")]).await;
    assert_eq!(bank.sign_up("alice").await.0, StatusCode::OK);
    bank.line("processed task").await;
    server.stop(Shutdown::Immediate).unwrap();
    let (status, refusal) = bank.sign_up("bob").await;
    assert_eq!((status, &refusal["code"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(14)));
    let (status, obstacles) = bank.get("/readyz").await;
    assert_eq!((status, &obstacles["not_ready"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(["database"])));

    server.start_again().unwrap();
    assert_eq!(bank.sign_up("bob").await.0, StatusCode::OK);
    bank.lines("processed task", 2).await;
    home.mail_to(&mailbox_of("bob"));
    assert_eq!(bank.get("/readyz").await.0, StatusCode::OK);
}
