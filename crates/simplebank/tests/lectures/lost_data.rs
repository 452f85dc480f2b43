//! The outbox, and a Redis that loses what it has taken: what is published is watched until it has ended.

use crate::scene::{Redis, Scene};

/// How far apart two looks are that do not find a task before it is taken for lost.
const LOST_AFTER: (&str, &str) = ("OUTBOX_LOST_AFTER", "2s");
/// A worker that leaves the queue alone.
const DEFAULT_ONLY: (&str, &str) = ("TASK_QUEUES", "default=1");
const LATER: (&str, &str) = ("TASK_PROCESS_IN", "15s");
const BOTH: &str = "critical: 1 pending, 1 scheduled";

#[tokio::test]
async fn row_106_what_redis_has_lost_is_published_again() {
    let title = "Outbox: Redis loses its data";
    let mut scene = Scene::open(title, Redis::Forgetful, &[LOST_AFTER, DEFAULT_ONLY]).await;
    scene.sign_up("alice16").await;
    scene.queues.until("critical: 1 pending").await;
    let later = scene.home.serve(&[LOST_AFTER, LATER]).await;
    later.sign_up("alice17").await;
    drop(later);
    scene.queues.until(BOTH).await;
    scene.until_published().await;
    scene.flush_redis();
    let flushed = scene.tasks().await;
    scene.bank.lines("is gone and is published again", 2).await;
    scene.queues.until(BOTH).await;

    println!("$ kill -KILL $(pidof redis-server)");
    scene.redis.kill().unwrap();
    scene.start_redis();
    scene.bank.line("redis is reachable again").await;
    let restarted = scene.tasks().await;
    scene.bank.lines("is gone and is published again", 4).await;
    scene.queues.until(BOTH).await;

    scene = scene.restart(&[LOST_AFTER]).await;
    scene.bank.lines("processed task", 2).await;
    scene.queues.until("critical: 2 completed").await;
    let ran = scene.bank.matching("processed task").len();
    scene.row(
        106,
        &[
            "after the flush: no task",
            "published again",
            "after a restart with nothing: no task",
            "published again",
            "2 tasks ran",
            "mail to alice16@email.com, alice17@email.com",
        ],
        &[
            format!("after the flush: {flushed}"),
            "published again".to_owned(),
            format!("after a restart with nothing: {restarted}"),
            "published again".to_owned(),
            format!("{ran} tasks ran"),
            scene.mails(),
        ],
    );
}

#[tokio::test]
async fn then_a_task_that_nobody_watches_is_lost_with_redis() {
    let off = ("OUTBOX_RETAIN_UNTIL_DONE", "false");
    let title = "Outbox: Redis loses its data, and nobody watches";
    let scene = Scene::open(title, Redis::Forgetful, &[off, LOST_AFTER, DEFAULT_ONLY]).await;
    scene.sign_up("alice16").await;
    scene.queues.until("critical: 1 pending").await;
    scene.until_published().await;
    scene.flush_redis();
    let scene = scene.restart(&[off, LOST_AFTER]).await;
    scene.sign_up("carol").await;
    scene.bank.line("processed task email=carol@email.com").await;
    scene.queues.until("no task").await;
    scene.until_published().await;
    assert_eq!(scene.user("alice16").await, "alice16 is a user");
    assert_eq!(scene.mails(), "mail to carol@email.com", "nobody knows of the other one");
}
