//! The same experiments with the outbox: the task commits with the user, or not at all.

use crate::scene::{Redis, Scene};
use rustix::process::Signal;
use std::time::Duration;

const LATE: Duration = Duration::from_secs(2);
/// A task that comes too early would be given up at once.
const SKIP: (&str, &str) = ("TASK_MISSING_USER", "skip");
/// A task that came through the outbox leaves a record, so that whoever watches over it learns that it has ended.
const DONE: &str = "critical: 1 completed";

#[tokio::test]
async fn row_102_without_redis_everybody_signs_up_and_the_mail_leaves_when_it_is_back() {
    let mut scene = Scene::open("Outbox: Redis is away", Redis::Down, &[SKIP]).await;
    scene.bank.line("redis is not reachable").await;
    let answer = scene.sign_up("alice6").await;
    let committed = [answer.words(), scene.user("alice6").await, scene.outbox().await, scene.mails()];
    scene.start_redis();
    scene.bank.line("processed task").await;
    scene.queues.until(DONE).await;
    scene.until_published().await;
    let seen = committed.into_iter().chain([
        "Redis is back".to_owned(),
        scene.outbox().await,
        scene.log(),
        scene.mails(),
    ]);
    let seen: Vec<String> = seen.collect();
    scene.row(
        102,
        &[
            "200",
            "alice6 is a user",
            "1 in the outbox",
            "no mail",
            "Redis is back",
            "0 in the outbox",
            "log: enqueued task max_retry=10 queue=critical > received an HTTP request 200 > processed task",
            "mail to alice6@email.com",
        ],
        &seen,
    );
}

#[tokio::test]
async fn row_103_a_late_commit_makes_the_task_late_and_not_early() {
    let settings = [SKIP, ("FAILPOINTS", "create_user.before_commit=delay(2s)")];
    let mut scene =
        Scene::open("Outbox: no delay, and a commit that is 2 s late", Redis::Up, &settings).await;
    let before_the_commit = async {
        scene.bank.line("point=create_user.before_commit").await;
        [scene.user("alice11").await, scene.outbox().await, scene.tasks().await].join(", ")
    };
    let (answer, before) = tokio::join!(scene.sign_up("alice11"), before_the_commit);
    scene.bank.line("processed task").await;
    scene.queues.until(DONE).await;
    let failures = scene.bank.matching("process task failed").len();
    let first = scene.log();
    let first = first.split(" > ").next().unwrap_or_default();
    scene.row(
        103,
        &[
            "before the commit: no user alice11, 0 in the outbox, no task",
            "200 after 2s",
            "alice11 is a user",
            "log: enqueued task max_retry=10 queue=critical comes first",
            "0 failures",
            "mail to alice11@email.com",
        ],
        &[
            format!("before the commit: {before}"),
            answer.words_after(LATE),
            scene.user("alice11").await,
            format!("{first} comes first"),
            format!("{failures} failures"),
            scene.mails(),
        ],
    );
}

#[tokio::test]
async fn row_104_a_commit_that_fails_leaves_nothing() {
    let settings = [SKIP, ("FAILPOINTS", "create_user.before_commit=1*error(disk full)")];
    let mut scene = Scene::open("Outbox: the commit fails", Redis::Up, &settings).await;
    let answer = scene.sign_up("alice14").await;
    let (user, outbox) = (scene.user("alice14").await, scene.outbox().await);
    // Whatever the first transaction left would be published before what the second one leaves.
    scene.sign_up("bob").await;
    scene.bank.line("processed task").await;
    scene.queues.until(DONE).await;
    let failures = scene.bank.matching("process task failed").len();
    scene.row(
        104,
        &[
            "500 failed to create user",
            "no user alice14",
            "0 in the outbox",
            "critical: 1 completed",
            "0 failures",
            "mail to bob@email.com",
        ],
        &[answer.words(), user, outbox, scene.tasks().await, format!("{failures} failures"), scene.mails()],
    );
}

#[tokio::test]
async fn row_105_a_relay_that_dies_between_publish_and_mark_sends_no_second_task() {
    let settings = [("TASK_PROCESS_IN", "2s"), ("FAILPOINTS", "relay.published=kill")];
    let mut scene = Scene::open("Outbox: the relay dies before it marks", Redis::Up, &settings).await;
    let answer = scene.bank.create_user("alice15").send().await;
    // The process may die before it answers; the commit was before either.
    drop(answer);
    scene.bank.line("action=Kill point=relay.published").await;
    let left = [scene.user("alice15").await, scene.outbox().await, scene.tasks().await];
    scene = scene.restart(&[]).await;
    scene.bank.line("had been published before").await;
    scene.bank.line("processed task").await;
    scene.queues.until(DONE).await;
    scene.until_published().await;
    let handovers = scene.bank.matching("processed task").len();
    let seen: Vec<String> = left
        .into_iter()
        .chain([
            "restarted".to_owned(),
            scene.outbox().await,
            format!("processed {handovers} time"),
            scene.mails(),
        ])
        .collect();
    scene.row(
        105,
        &[
            "alice15 is a user",
            "1 in the outbox",
            "critical: 1 scheduled",
            "restarted",
            "0 in the outbox",
            "processed 1 time",
            "mail to alice15@email.com",
        ],
        &seen,
    );
    scene.bank.signal(Signal::TERM);
}
