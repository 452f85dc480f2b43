//! Redis is away: at the start, later, in the middle of everything. Sign-ups do not care, and every mail leaves once.

use crate::database::Database;
use crate::home::{Home, Server};
use crate::on_redis::{BACK, LOST, each_mail_left_once, lasting_redis, users};
use aftercommit_servers::RedisServer;
use futures_util::future::join_all;
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;
use tokio::time::Instant;

/// How long a sign-up may take on a busy machine, Redis or not.
const QUICK: Duration = Duration::from_secs(2);

async fn all_sign_up(bank: &Server, usernames: &[String]) {
    let asked = Instant::now();
    for (status, body) in join_all(usernames.iter().map(|name| bank.sign_up(name))).await {
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    assert!(asked.elapsed() < QUICK, "it took {:?}", asked.elapsed());
}

async fn is_ready(bank: &Server) {
    assert_eq!(bank.get("/readyz").await, (StatusCode::OK, json!({"status": "ready"})));
}

#[tokio::test]
async fn sign_ups_go_on_while_redis_is_stopped_and_each_mail_leaves_once_when_it_is_back() {
    let mut redis = lasting_redis();
    let home = Home::on(&redis);
    let bank = home.bank(&[]).await;
    let everybody = users(20);
    all_sign_up(&bank, &everybody[..5]).await;
    bank.lines("processed task", 5).await;
    redis.stop().unwrap();
    bank.line(LOST).await;
    all_sign_up(&bank, &everybody[5..]).await;
    is_ready(&bank).await;
    let database = Database::open(&home).await;
    assert_eq!((database.unpublished().await, home.mails().len()), (15, 5));

    redis.start_again().unwrap();
    let back = Instant::now();
    bank.lines("processed task", 20).await;
    println!("15 mails left {:.1?} after Redis was back", back.elapsed());
    database.until_idle().await;
    database.close().await;
    each_mail_left_once(&home, &[&bank], &everybody).await;
    assert_eq!((bank.matching(LOST).len(), bank.matching(BACK).len()), (1, 1), "{}", bank.log());
    for once in ["relay lost the back-end", "worker lost its store"] {
        assert!(bank.matching(once).len() <= 1, "{}", bank.log());
    }
    assert!(!bank.log().contains("ERR"), "{}", bank.log());
}

#[tokio::test]
async fn bank_starts_without_redis_and_sends_what_has_waited_when_it_appears() {
    let mut redis = lasting_redis();
    redis.stop().unwrap();
    let home = Home::on(&redis);
    let bank = home.bank(&[]).await;
    bank.line(LOST).await;
    is_ready(&bank).await;
    let everybody = users(3);
    all_sign_up(&bank, &everybody).await;
    // A stop is quick, and forgets nothing.
    let asked = Instant::now();
    let ended = bank.into_process().stop().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(asked.elapsed() < Duration::from_secs(8), "it took {:?}", asked.elapsed());
    assert!(
        ended.printed().contains("tasks stay in the outbox until a relay reaches Redis waiting=3"),
        "{ended:?}"
    );
    assert_eq!(home.mails(), []);

    let bank = home.bank(&[]).await;
    bank.line(LOST).await;
    redis.start_again().unwrap();
    bank.lines("processed task", 3).await;
    let database = Database::open(&home).await;
    database.until_idle().await;
    database.close().await;
    each_mail_left_once(&home, &[&bank], &everybody).await;
    assert_eq!((bank.matching(LOST).len(), bank.matching(BACK).len()), (1, 1), "{}", bank.log());
}

#[tokio::test]
async fn redis_that_freezes_holds_up_no_sign_up() {
    let redis = lasting_redis();
    let home = Home::on(&redis);
    let bank = home.bank(&[("REDIS_READ_TIMEOUT", "500ms")]).await;
    let everybody = users(10);
    redis.pause();
    all_sign_up(&bank, &everybody).await;
    bank.line(LOST).await;
    is_ready(&bank).await;
    redis.resume();
    let database = Database::open(&home).await;
    database.until_idle().await;
    database.close().await;
    each_mail_left_once(&home, &[&bank], &everybody).await;
}

#[tokio::test]
async fn stop_waits_for_a_frozen_redis_no_longer_than_it_has_to() {
    let redis = lasting_redis();
    let home = Home::on(&redis);
    let bank = home.bank(&[("SHUTDOWN_TIMEOUT", "2s")]).await;
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    bank.line("processed task").await;
    redis.pause();
    assert_eq!(bank.sign_up("bob10").await.0, StatusCode::OK);
    let asked = Instant::now();
    let ended = bank.into_process().stop().await;
    println!("stopped {:.1?} after it was asked to", asked.elapsed());
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    assert!(asked.elapsed() < Duration::from_secs(15), "{ended:?}");

    redis.resume();
    let again = home.bank(&[]).await;
    again.line("processed task email=bob10@email.com").await;
    assert_eq!(home.mails().len(), 2);
}

#[tokio::test]
async fn doubts_about_redis_are_said_at_the_start_by_workers_and_servers_alike() {
    let redis = RedisServer::builder()
        .set("maxmemory", "50mb")
        .set("maxmemory-policy", "allkeys-lru")
        .start()
        .unwrap();
    let home = Home::on(&redis);
    for process in [home.run(&["serve"], &[]), home.run(&["worker"], &[])] {
        process.line("set maxmemory-policy to noeviction").await;
        process.line("set appendonly to yes").await;
    }
}
