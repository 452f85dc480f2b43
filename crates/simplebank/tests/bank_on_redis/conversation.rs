//! The conversation of the README, with Redis: nothing in it is different but where the task waits.

use crate::database::Database;
use crate::home::Home;
use crate::on_redis::{each_mail_left_once, lasting_redis};
use reqwest::StatusCode;
use serde_json::json;

#[tokio::test]
async fn user_signs_up_and_verifies_the_address_with_the_link_in_the_mail() {
    let redis = lasting_redis();
    let mut home = Home::on(&redis);
    let bank = home.bank(&[]).await;
    let (status, body) = bank.sign_up("alice10").await;
    assert_eq!(status, StatusCode::OK, "{body}");
    bank.line("processed task email=alice10@email.com").await;
    let mail = home.mail_to("alice10@email.com");
    let verified = bank.get(mail.path_and_query()).await;
    assert_eq!(verified, (StatusCode::OK, json!({"is_verified": true})));

    let database = Database::open(&home).await;
    database.until_idle().await;
    let queue = database.queue().await.expect("there was a task");
    assert_eq!((queue.processed, queue.failed), (1, 0), "it ran from Redis");
    database.close().await;
    assert_eq!(redis.command(&["SMEMBERS", "asynq:queues"]).unwrap(), "critical");
    let markers = redis.command(&["KEYS", "*:x:pub:*"]).unwrap();
    assert_eq!(markers, "", "a relay that lives leaves no markers");
    each_mail_left_once(&home, &[&bank], &["alice10".to_owned()]).await;
    home.settings.push(("REDIS_ADDRESS", String::new()));
    let database = Database::open(&home).await;
    assert_eq!(database.queue().await, None, "and from nowhere else");
    database.close().await;
    assert!(!bank.log().contains("WRN") && !bank.log().contains("ERR"), "{}", bank.log());
}

#[tokio::test]
async fn start_and_stop_say_what_is_there_in_order() {
    let redis = lasting_redis();
    let home = Home::on(&redis);
    let bank = home.bank(&[]).await;
    bank.line("Starting relay").await;
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    bank.line("processed task").await;
    let ended = bank.into_process().stop().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let log = ended.printed();
    let at = |text: &str| log.find(text).unwrap_or_else(|| panic!("{text:?} is missing in\n{log}"));
    let order = [
        "db migrated successfully",
        "start gRPC server at",
        "start HTTP gateway server at",
        "start task relay",
        "start task processor",
        "graceful shutdown gRPC server",
        "gRPC server is stopped",
        "graceful shutdown task relay",
        "task relay is stopped",
    ];
    assert!(order.map(at).is_sorted(), "{log}");
    assert!(at("graceful shutdown task processor") < at("task processor is stopped"), "{log}");
    assert!(!log.contains("WRN") && !log.contains("ERR"), "{log}");
}

#[tokio::test]
async fn commit_that_fails_publishes_nothing() {
    let redis = lasting_redis();
    let home = Home::on(&redis);
    let bank = home.bank(&[("FAILPOINTS", "create_user.before_commit=1*error(disk full)")]).await;
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::INTERNAL_SERVER_ERROR);
    // Whatever the first transaction left would be published before what the second one leaves.
    assert_eq!(bank.sign_up("bob10").await.0, StatusCode::OK);
    bank.line("processed task").await;
    let database = Database::open(&home).await;
    database.until_idle().await;
    database.close().await;
    each_mail_left_once(&home, &[&bank], &["bob10".to_owned()]).await;
}
