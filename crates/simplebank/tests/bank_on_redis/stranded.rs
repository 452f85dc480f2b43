//! Tasks that a change of the configuration leaves where nobody looks are said, and leave when it is taken back.

use crate::home::Home;
use crate::on_redis::{each_mail_left_once, lasting_redis};
use reqwest::StatusCode;

/// Takes Redis back.
const EMBEDDED: (&str, &str) = ("REDIS_ADDRESS", "");

#[tokio::test]
async fn tasks_that_wait_on_the_other_side_of_a_switch_are_said_at_start() {
    let mut redis = lasting_redis();
    let home = Home::on(&redis);
    let server = home.serve(&[EMBEDDED]).await;
    assert_eq!(server.sign_up("alice10").await.0, StatusCode::OK);
    server.into_process().stop().await;

    redis.stop().unwrap();
    let server = home.serve(&[]).await;
    let said = "tasks of an earlier time wait in the database's own queue: start once without REDIS_ADDRESS";
    assert_eq!(server.matching(said).len(), 1, "{}", server.log());
    assert_eq!(server.sign_up("bob10").await.0, StatusCode::OK);
    server.into_process().stop().await;
    redis.start_again().unwrap();

    let embedded = home.bank(&[EMBEDDED]).await;
    let said = "tasks wait in the outbox for Redis: they leave once REDIS_ADDRESS is set again";
    assert_eq!(embedded.matching(said).len(), 1, "{}", embedded.log());
    embedded.line("processed task email=alice10@email.com").await;
    embedded.signal(rustix::process::Signal::TERM);
    let bank = home.bank(&[]).await;
    bank.line("processed task email=bob10@email.com").await;
    assert!(!bank.log().contains("an earlier time"), "{}", bank.log());
    each_mail_left_once(&home, &[&embedded, &bank], &["alice10".to_owned(), "bob10".to_owned()]).await;
}

#[tokio::test]
async fn tasks_that_wait_for_a_relay_are_said_where_a_direct_delivery_has_none() {
    let mut redis = lasting_redis();
    redis.stop().unwrap();
    let home = Home::on(&redis);
    let server = home.serve(&[]).await;
    assert_eq!(server.sign_up("alice10").await.0, StatusCode::OK);
    server.into_process().stop().await;

    redis.start_again().unwrap();
    let direct = home.bank(&[("TASK_DELIVERY", "direct"), ("TASK_PROCESS_IN", "0s")]).await;
    let said =
        "tasks wait in the outbox, which TASK_DELIVERY leaves alone: they leave once it is outbox again";
    assert_eq!(direct.matching(said).len(), 1, "{}", direct.log());
    direct.into_process().stop().await;

    let bank = home.bank(&[]).await;
    bank.line("processed task email=alice10@email.com").await;
}
