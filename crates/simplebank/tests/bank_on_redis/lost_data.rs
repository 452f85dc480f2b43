//! Redis loses what it has taken: it is flushed, or starts without its data. Every mail leaves all the same, once.

use crate::database::Database;
use crate::home::{Home, Server};
use crate::on_redis::{each_mail_left_once, users};
use crate::process::PATIENCE;
use aftercommit_servers::RedisServer;
use futures_util::future::join_all;
use reqwest::StatusCode;
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// How far apart two looks are that find nothing: soon enough for a test.
const LOST_AFTER: (&str, &str) = ("OUTBOX_LOST_AFTER", "1s");

/// There is no signal for what happens in Redis, so it is asked again after this long.
const AGAIN: Duration = Duration::from_millis(10);

/// How many tasks stand in a list or a set.
fn count(redis: &RedisServer, command: &str, name: &str) -> usize {
    redis.command(&[command, &format!("asynq:{{critical}}:{name}")]).unwrap().parse().unwrap()
}

async fn until(what: &str, holds: impl Fn() -> bool) {
    let held = async {
        while !holds() {
            sleep(AGAIN).await;
        }
    };
    timeout(PATIENCE, held).await.unwrap_or_else(|_| panic!("never {what}"));
}

async fn all_sign_up(server: &Server, usernames: &[String]) {
    for (status, body) in join_all(usernames.iter().map(|name| server.sign_up(name))).await {
        assert_eq!(status, StatusCode::OK, "{body}");
    }
}

fn home(redis: &RedisServer) -> Home {
    Home::with(&[("REDIS_ADDRESS", &redis.addr().to_string()), LOST_AFTER])
}

#[tokio::test]
async fn tasks_that_are_flushed_before_a_worker_takes_them_run_all_the_same() {
    let redis = RedisServer::start().unwrap();
    let home = home(&redis);
    let everybody = users(12);
    let server = home.serve(&[]).await;
    all_sign_up(&server, &everybody[..8]).await;
    until("published", || count(&redis, "LLEN", "pending") == 8).await;
    redis.command(&["FLUSHALL"]).unwrap();
    all_sign_up(&server, &everybody[8..]).await;
    server.line("the back-end has lost published tasks").await;

    let worker = home.worker(&[]).await;
    worker.lines("processed task", 12).await;
    let database = Database::open(&home).await;
    database.until_idle().await;
    database.close().await;
    each_mail_left_once(&home, &[&worker], &everybody).await;
    assert_eq!(server.matching("is gone and is published again").len(), 8, "{}", server.log());
}

#[tokio::test]
async fn tasks_that_wait_for_their_time_survive_a_redis_that_starts_without_its_data() {
    let mut redis = RedisServer::start().unwrap();
    let home = home(&redis);
    let everybody = users(6);
    let bank = home.bank(&[("TASK_PROCESS_IN", "6s")]).await;
    all_sign_up(&bank, &everybody).await;
    until("scheduled", || count(&redis, "ZCARD", "scheduled") == 6).await;
    redis.kill().unwrap();
    redis.start_again().unwrap();
    assert_eq!(
        redis.command(&["DBSIZE"]).unwrap().parse::<usize>().unwrap_or(usize::MAX) / 100,
        0,
        "all is gone"
    );
    bank.lines("processed task", 6).await;
    each_mail_left_once(&home, &[&bank], &everybody).await;
    assert_eq!(bank.matching("is gone and is published again").len(), 6, "{}", bank.log());
}

/// When Redis is flushed for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flush {
    /// When the relay has published.
    Published,
    /// When the relay is dead.
    Dead,
}

#[tokio::test(flavor = "multi_thread")]
async fn a_relay_that_dies_at_any_step_around_a_flush_loses_nothing() {
    let trials = [
        ("relay.claimed", Flush::Dead),
        ("relay.published", Flush::Dead),
        ("relay.marked", Flush::Dead),
        ("relay.watching", Flush::Dead),
        ("relay.watching", Flush::Published),
        ("relay.lost", Flush::Published),
    ];
    join_all(trials.map(|(point, flush)| dies_at(point, flush))).await;
}

async fn dies_at(point: &str, flush: Flush) {
    let mut redis = RedisServer::start().unwrap();
    let home = home(&redis);
    let everybody = users(3);
    redis.stop().unwrap();
    let server = home.serve(&[]).await;
    all_sign_up(&server, &everybody).await;
    server.signal(Signal::KILL);
    server.into_process().ended().await;
    redis.start_again().unwrap();

    let dying = home.run(&["relay"], &[("FAILPOINTS", &format!("{point}=kill@1"))]);
    if flush == Flush::Published {
        // It may die before it has published the last of them.
        until("published", || count(&redis, "LLEN", "pending") > 0).await;
        redis.command(&["FLUSHALL"]).unwrap();
    }
    let ended = dying.ended().await;
    assert_eq!(ended.status.code(), None, "{point}: {ended:?}");
    redis.command(&["FLUSHALL"]).unwrap();

    let bank = home.bank(&[]).await;
    bank.lines("processed task", 3).await;
    each_mail_left_once(&home, &[&bank], &everybody).await;
}

#[tokio::test]
async fn nobody_watches_if_that_is_not_wanted() {
    let redis = RedisServer::start().unwrap();
    let home = home(&redis);
    let server = home.serve(&[("OUTBOX_RETAIN_UNTIL_DONE", "false")]).await;
    all_sign_up(&server, &users(2)).await;
    until("published", || count(&redis, "LLEN", "pending") == 2).await;
    let worker = home.worker(&[]).await;
    worker.lines("processed task", 2).await;
    let database = Database::open(&home).await;
    database.until_idle().await;
    database.close().await;
    assert_eq!(count(&redis, "ZCARD", "completed"), 0, "no record is kept");
}
