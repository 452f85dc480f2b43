//! Lecture 55: the worker joins the bank. A task is enqueued after the user was inserted, with nothing around the two.

use crate::process::Process;
use crate::scene::{Redis, Scene};
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::Instant;

const AFTER: (&str, &str) = ("TASK_DELIVERY", "direct_no_tx");
/// The course waits 10 s.
const DELAY: Duration = Duration::from_secs(3);
const DELAYED: (&str, &str) = ("TASK_PROCESS_IN", "3s");
/// What a worker without a list of queues takes tasks from.
const DEFAULT_ONLY: (&str, &str) = ("TASK_QUEUES", "default=1");

#[tokio::test]
async fn row_083_a_username_is_taken_once() {
    let mut scene =
        Scene::open("A username is taken once", Redis::Up, &[AFTER, ("TASK_PROCESS_IN", "0s")]).await;
    scene.sign_up("alice").await;
    scene.bank.line("processed task").await;
    let answer = scene.sign_up("alice").await;
    scene.queues.until("no task").await;
    scene.row(
        83,
        &["409 username already exists", "no task", "mail to alice@email.com"],
        &[answer.words(), scene.tasks().await, scene.mails()],
    );
}

#[tokio::test]
async fn row_084_a_task_with_the_defaults_of_the_library_runs_at_once() {
    let defaults = [AFTER, ("TASK_QUEUE", "default"), ("TASK_MAX_RETRY", "25"), ("TASK_PROCESS_IN", "0s")];
    let mut scene = Scene::open("A task with the library's defaults", Redis::Up, &defaults).await;
    let answer = scene.sign_up("alice1").await;
    scene.bank.line("processed task").await;
    scene.queues.until("no task").await;
    let enqueued = scene.bank.matching("enqueued task max_retry=25").concat();
    let enqueued = enqueued.contains(" queue=default ").then_some("enqueued max_retry=25 queue=default");
    scene.row(
        84,
        &[
            "200",
            "enqueued max_retry=25 queue=default",
            "alice1 is a user",
            "no task",
            "mail to alice1@email.com",
        ],
        &[
            answer.words(),
            enqueued.unwrap_or("enqueued otherwise").to_owned(),
            scene.user("alice1").await,
            scene.tasks().await,
            scene.mails(),
        ],
    );
}

#[tokio::test]
async fn row_085_a_queue_that_nobody_named_is_not_consumed_and_keeps_its_tasks() {
    let title = "The queue critical, which the worker does not know";
    let mut scene = Scene::open(title, Redis::Up, &[AFTER, DELAYED, DEFAULT_ONLY]).await;
    let answer = scene.sign_up("alice2").await;
    let log = scene.log();
    let bob = a_later_task_of_the_default_queue(&scene).await;
    scene.row(
        85,
        &[
            "200",
            "log: enqueued task max_retry=10 queue=critical > received an HTTP request 200",
            "a later task ran",
            "critical: 1 scheduled",
        ],
        &[answer.words(), log, bob, scene.tasks().await],
    );

    let mut scene = scene.restart(&[AFTER, DELAYED]).await;
    scene.bank.line("processed task email=alice2@email.com").await;
    scene.queues.until("no task").await;
    scene.row(
        86,
        &["log: processed task", "no task", "ran once"],
        &[scene.log(), scene.tasks().await, ran_once(&scene.bank)],
    );

    let asked = Instant::now();
    let answer = scene.sign_up("alice3").await;
    let waits = scene.tasks().await;
    scene.bank.line("processed task email=alice3@email.com").await;
    let delayed = if asked.elapsed() >= DELAY { "after the delay" } else { "too early" };
    scene.row(
        87,
        &[
            "200",
            "critical: 1 scheduled",
            "log: enqueued task max_retry=10 queue=critical > received an HTTP request 200 > processed task",
            "after the delay",
        ],
        &[answer.words(), waits, scene.log(), delayed.to_owned()],
    );
}

/// Enqueues a task to the queue that is consumed, due later than the one before, and waits until it has run: by then
/// the one before would have, too.
async fn a_later_task_of_the_default_queue(scene: &Scene) -> String {
    let other = scene.home.serve(&[AFTER, DELAYED, ("TASK_QUEUE", "default")]).await;
    other.sign_up("bob").await;
    scene.bank.line("processed task email=bob@email.com").await;
    "a later task ran".to_owned()
}

fn ran_once(bank: &Process) -> String {
    match bank.matching("processed task").len() {
        1 => "ran once".to_owned(),
        times => format!("ran {times} times"),
    }
}

#[tokio::test]
async fn then_tasks_pile_up_until_there_is_a_worker_for_them() {
    let settings = [AFTER, ("TASK_PROCESS_IN", "0s"), DEFAULT_ONLY];
    let scene = Scene::open("Nobody takes tasks from the queue critical", Redis::Up, &settings).await;
    for username in ["alice1", "alice2"] {
        assert_eq!(scene.sign_up(username).await.words(), "200");
    }
    assert_eq!(scene.tasks().await, "critical: 2 pending");
    let worker = scene.home.worker(&[AFTER]).await;
    worker.lines("processed task", 2).await;
    scene.queues.until("no task").await;
}

#[tokio::test]
async fn row_088_without_redis_the_answer_is_500_and_the_user_stays_without_a_mail_for_ever() {
    let title = "Redis goes away, and nothing can be rolled back";
    let mut scene = Scene::open(title, Redis::Up, &[AFTER, ("TASK_PROCESS_IN", "0s")]).await;
    scene.stop_redis();
    let answer = scene.sign_up("alice5").await;
    let logged = scene.bank.matching("ERR failed to distribute task to send verify email").len();
    scene.row(88, &["500 failed to distribute task to send verify email: failed to enqueue task: the task queue is not available", "logged 1 time", "alice5 is a user"], &[answer.words(), format!("logged {logged} time"), scene.user("alice5").await],
    );

    scene.start_redis();
    scene.bank.line("redis is reachable again").await;
    let again = scene.sign_up("alice5").await;
    let later = scene.sign_up("carol").await;
    scene.bank.line("processed task email=carol@email.com").await;
    scene.queues.until("no task").await;
    scene.row(
        89,
        &["409 username already exists", "a later user: 200", "no task", "mail to carol@email.com"],
        &[again.words(), format!("a later user: {}", later.words()), scene.tasks().await, scene.mails()],
    );
}

#[tokio::test]
async fn then_a_repetition_with_a_key_finds_the_user_that_was_left_behind_and_no_mail() {
    let title = "The same with an Idempotency-Key";
    let mut scene = Scene::open(title, Redis::Up, &[AFTER, ("TASK_PROCESS_IN", "0s")]).await;
    scene.stop_redis();
    let first = scene.sign_up_once("alice5", "k1").await.words();
    assert!(first.starts_with("500 failed to distribute task to send verify email: "), "{first}");
    scene.start_redis();
    scene.bank.line("redis is reachable again").await;
    assert_eq!(scene.sign_up_once("alice5", "k1").await.words(), "200", "there is one user for the key");
    assert_eq!(scene.sign_up("carol").await.words(), "200");
    scene.bank.line("processed task email=carol@email.com").await;
    assert_eq!(scene.mails(), "mail to carol@email.com");
}

#[tokio::test]
async fn then_a_commit_that_is_late_or_fails_makes_no_task_too_early() {
    let commits = "create_user.before_commit=1*error(disk full)";
    let settings = [AFTER, ("TASK_PROCESS_IN", "0s"), ("TASK_MISSING_USER", "skip"), ("FAILPOINTS", commits)];
    let scene = Scene::open("After the commit, a commit that fails", Redis::Up, &settings).await;
    assert_eq!(scene.sign_up("alice14").await.words(), "500 failed to create user");
    assert_eq!(scene.tasks().await, "no task", "nobody has asked for it yet");

    let commits = "create_user.before_commit=delay(1s)";
    let settings = [AFTER, ("TASK_PROCESS_IN", "0s"), ("TASK_MISSING_USER", "skip"), ("FAILPOINTS", commits)];
    let scene = scene.restart(&settings).await;
    assert_eq!(scene.sign_up("alice11").await.words(), "200");
    scene.bank.line("processed task email=alice11@email.com").await;
    assert_eq!(scene.bank.matching("process task failed"), [""; 0]);
}

#[tokio::test]
async fn then_a_process_that_dies_after_the_commit_takes_the_task_with_it() {
    let killed = [AFTER, DELAYED, ("FAILPOINTS", "create_user.after_commit=kill")];
    let mut scene = Scene::open("A crash between commit and enqueue", Redis::Up, &killed).await;
    scene.bank.create_user("alice5").send().await.unwrap_err();
    assert_eq!(scene.user("alice5").await, "alice5 is a user");
    assert_eq!(scene.tasks().await, "no task");
    scene = scene.restart(&[AFTER, ("TASK_PROCESS_IN", "0s")]).await;
    scene.sign_up("carol").await;
    scene.bank.line("processed task email=carol@email.com").await;
    assert_eq!(scene.mails(), "mail to carol@email.com", "nobody knows of the other one");
    scene.bank.signal(Signal::TERM);
}
