//! Lecture 56: the task is enqueued inside the transaction, by a callback. What fails there rolls the user back.

use crate::scene::{Redis, Scene};
use reqwest::StatusCode;
use std::time::Duration;
use tokio::time::Instant;

const INSIDE: (&str, &str) = ("TASK_DELIVERY", "direct");
/// The course waits 10 s.
const DELAY: Duration = Duration::from_secs(3);
const DELAYED: (&str, &str) = ("TASK_PROCESS_IN", "3s");
const REFUSED: &str = "500 failed to create user: failed to enqueue task: the task queue is not available";

#[tokio::test]
async fn row_090_without_redis_nobody_signs_up_and_nothing_is_left_behind() {
    let mut scene = Scene::open("The bank starts without Redis", Redis::Down, &[INSIDE, DELAYED]).await;
    scene.bank.line("redis is not reachable").await;
    let ready = scene.bank.get("/readyz").await.0;
    scene.row(
        90,
        &["the bank serves: 200", "redis is lost: 1 line"],
        &[
            format!("the bank serves: {}", ready.as_u16()),
            format!("redis is lost: {} line", scene.bank.matching("redis is not reachable").len()),
        ],
    );

    let answer = scene.sign_up("alice6").await;
    scene.row(
        91,
        &[REFUSED, "log: received an HTTP request 500", "no user alice6"],
        &[answer.words(), scene.log(), scene.user("alice6").await],
    );

    scene.start_redis();
    scene.bank.line("redis is reachable again").await;
    let count = |words| scene.bank.matching(words).len();
    let lines = (count("redis is not reachable"), count("redis is reachable again"));
    scene.row(92, &["lost and found by itself: (1, 1)"], &[format!("lost and found by itself: {lines:?}")]);

    let asked = Instant::now();
    let answer = scene.sign_up("alice6").await;
    let (user, waits) = (scene.user("alice6").await, scene.tasks().await);
    scene.bank.line("processed task").await;
    let delayed = if asked.elapsed() >= DELAY { "after the delay" } else { "too early" };
    scene.row(
        93,
        &[
            "200",
            "alice6 is a user",
            "critical: 1 scheduled",
            "log: enqueued task max_retry=10 queue=critical > received an HTTP request 200 > processed task",
            "after the delay",
            "mail to alice6@email.com",
        ],
        &[answer.words(), user, waits, scene.log(), delayed.to_owned(), scene.mails()],
    );

    let mail = scene.home.mail_to("alice6@email.com");
    assert_eq!(scene.bank.get(mail.path_and_query()).await.0, StatusCode::OK, "the link works");
    assert!(!scene.bank.log().contains(mail.code()), "and stays between the bank and alice");
}

#[tokio::test]
async fn then_a_repetition_with_a_key_is_the_first_request_that_counts() {
    let settings = [INSIDE, ("TASK_PROCESS_IN", "200ms")];
    let mut scene = Scene::open("The same with an Idempotency-Key", Redis::Up, &settings).await;
    scene.stop_redis();
    assert_eq!(scene.sign_up_once("alice6", "k1").await.words(), REFUSED);
    scene.start_redis();
    scene.bank.line("redis is reachable again").await;
    for _ in 0..2 {
        assert_eq!(scene.sign_up_once("alice6", "k1").await.words(), "200");
    }
    scene.bank.line("processed task").await;
    scene.queues.until("no task").await;
    assert_eq!(scene.bank.matching("enqueued task").len(), 1, "the second answer is a replay");
    assert_eq!(scene.mails(), "mail to alice6@email.com");
}

#[tokio::test]
async fn then_a_crash_after_the_commit_loses_nothing() {
    let killed = [INSIDE, DELAYED, ("FAILPOINTS", "create_user.after_commit=kill")];
    let scene = Scene::open("A crash after the commit", Redis::Up, &killed).await;
    scene.bank.create_user("alice6").send().await.unwrap_err();
    assert_eq!(scene.user("alice6").await, "alice6 is a user");
    assert_eq!(scene.tasks().await, "critical: 1 scheduled");
    let scene = scene.restart(&[INSIDE, DELAYED]).await;
    scene.bank.line("processed task email=alice6@email.com").await;
}

#[tokio::test]
async fn then_a_transaction_waits_for_a_frozen_redis_no_longer_than_it_is_told_to() {
    let limits = [INSIDE, DELAYED, ("REDIS_READ_TIMEOUT", "300ms")];
    let scene = Scene::open("Redis accepts and does not answer", Redis::Up, &limits).await;
    scene.redis.pause();
    let answer = scene.sign_up("alice6").await;
    scene.redis.resume();
    assert_eq!(answer.words(), REFUSED);
    assert!(answer.took < Duration::from_secs(3), "it took {:?}", answer.took);
    assert_eq!(scene.user("alice6").await, "no user alice6");
    assert_eq!(scene.bank.get("/readyz").await.0, StatusCode::OK);
}
