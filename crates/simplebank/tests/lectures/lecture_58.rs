//! Lecture 58: the transaction commits late, and the worker is there before it. A delay hides that, up to a point.

use crate::scene::{Redis, Scene};
use aftercommit::{Clock, SystemClock, TaskState};
use std::time::Duration;

const INSIDE: (&str, &str) = ("TASK_DELIVERY", "direct");
const AT_ONCE: (&str, &str) = ("TASK_PROCESS_IN", "0s");
const SKIP: (&str, &str) = ("TASK_MISSING_USER", "skip");
/// How late the commit is.
const LATE: Duration = Duration::from_secs(2);
const LATE_COMMIT: (&str, &str) = ("FAILPOINTS", "create_user.before_commit=delay(2s)");
/// The events of a task that comes too early and is given up.
const RACE: &str = "log: enqueued task max_retry=10 queue=critical > process task failed \"user doesn't exist: skip \
                    retry for the task\" > Retry exhausted > received an HTTP request 200";

#[tokio::test]
async fn row_094_a_worker_that_is_slow_enough_hides_the_race() {
    // The course's worker looks for tasks once a second. Ours is there in a millisecond, so it is held up.
    let settings = [INSIDE, AT_ONCE, SKIP, ("FAILPOINTS", "send_verify_email.start=delay(2s)")];
    let mut scene = Scene::open("No delay, and a commit that is quick", Redis::Up, &settings).await;
    let answer = scene.sign_up("alice10").await;
    scene.bank.line("processed task").await;
    scene.queues.until("no task").await;
    scene.row(
        94,
        &[
            "200",
            "alice10 is a user",
            "log: enqueued task max_retry=10 queue=critical > received an HTTP request 200 > processed task",
            "no task",
            "mail to alice10@email.com",
        ],
        &[answer.words(), scene.user("alice10").await, scene.log(), scene.tasks().await, scene.mails()],
    );
}

#[tokio::test]
async fn row_095_a_late_commit_leaves_a_user_without_a_mail() {
    let settings = [INSIDE, AT_ONCE, SKIP, LATE_COMMIT];
    let mut scene = Scene::open("No delay, and a commit that is 2 s late", Redis::Up, &settings).await;
    let answer = scene.sign_up("alice11").await;
    scene.queues.until("critical: 1 archived").await;
    scene.row(
        95,
        &["200 after 2s", "alice11 is a user", RACE, "critical: 1 archived", "no mail"],
        &[
            answer.words_after(LATE),
            scene.user("alice11").await,
            scene.log(),
            scene.tasks().await,
            scene.mails(),
        ],
    );
}

#[tokio::test]
async fn row_096_a_delay_that_is_longer_than_the_commit_works() {
    let settings = [INSIDE, ("TASK_PROCESS_IN", "4s"), SKIP, LATE_COMMIT];
    let mut scene = Scene::open("A delay of 4 s, and a commit that is 2 s late", Redis::Up, &settings).await;
    let answer = scene.sign_up("alice12").await;
    scene.bank.line("processed task").await;
    scene.queues.until("no task").await;
    scene.row(
        96,
        &[
            "200 after 2s",
            "alice12 is a user",
            "log: enqueued task max_retry=10 queue=critical > received an HTTP request 200 > processed task",
            "no task",
            "mail to alice12@email.com",
        ],
        &[
            answer.words_after(LATE),
            scene.user("alice12").await,
            scene.log(),
            scene.tasks().await,
            scene.mails(),
        ],
    );
}

#[tokio::test]
async fn row_097_a_delay_that_is_shorter_than_the_commit_does_not() {
    let settings = [INSIDE, ("TASK_PROCESS_IN", "500ms"), SKIP, LATE_COMMIT];
    let title = "A delay of 0.5 s, and a commit that is 2 s late";
    let mut scene = Scene::open(title, Redis::Up, &settings).await;
    let answer = scene.sign_up("alice12").await;
    scene.queues.until("critical: 1 archived").await;
    scene.row(
        97,
        &["200 after 2s", "alice12 is a user", RACE, "critical: 1 archived", "no mail"],
        &[
            answer.words_after(LATE),
            scene.user("alice12").await,
            scene.log(),
            scene.tasks().await,
            scene.mails(),
        ],
    );
}

#[tokio::test]
async fn row_098_retries_are_the_second_net() {
    let settings = [INSIDE, ("TASK_PROCESS_IN", "500ms"), ("TASK_RETRY_DELAY", "5s"), LATE_COMMIT];
    let title = "The same, but a task without a user is retried";
    let mut scene = Scene::open(title, Redis::Up, &settings).await;
    let answer = scene.sign_up("alice13").await;
    let waits = scene.tasks().await;
    scene.bank.line("processed task").await;
    scene.queues.until("no task").await;
    let seen = [answer.words_after(LATE), waits, scene.log(), scene.tasks().await, scene.mails()];
    scene.row(98, &["200 after 2s", "critical: 1 retry", "log: enqueued task max_retry=10 queue=critical > process task failed \"failed to get user: user doesn't exist\" > received an HTTP request 200 > processed task", "no task", "mail to alice13@email.com"], &seen,
    );
    let failures = scene.bank.matching("process task failed").len();
    scene.row(
        101,
        &["a delay was not enough, a retry was: 1 failure, mail to alice13@email.com"],
        &[format!("a delay was not enough, a retry was: {failures} failure, {}", scene.mails())],
    );
}

#[tokio::test]
async fn row_099_a_commit_that_fails_leaves_a_task_for_nobody() {
    let settings = [
        INSIDE,
        AT_ONCE,
        ("TASK_MAX_RETRY", "2"),
        ("TASK_RETRY_DELAY", "100ms"),
        ("FAILPOINTS", "create_user.before_commit=error(disk full)"),
    ];
    let mut scene = Scene::open("The commit fails for good", Redis::Up, &settings).await;
    let answer = scene.sign_up("alice14").await;
    scene.queues.until("critical: 1 archived").await;
    // What is stored may be seen before what is said about it.
    scene.bank.line("Retry exhausted").await;
    let count = |words| scene.bank.matching(words).len();
    let counts = [count("process task failed"), count("Retry exhausted")];
    scene.row(
        99,
        &[
            "500 failed to create user",
            "no user alice14",
            "attempts failed, retries exhausted: [3, 1]",
            "critical: 1 archived",
            "no mail",
        ],
        &[
            answer.words(),
            scene.user("alice14").await,
            format!("attempts failed, retries exhausted: {counts:?}"),
            scene.tasks().await,
            scene.mails(),
        ],
    );
}

#[tokio::test]
async fn row_100_the_course_ends_with_a_delay_of_ten_seconds_and_ten_retries() {
    let mut scene = Scene::open("The settings that the course ends with", Redis::Up, &[INSIDE]).await;
    let asked = SystemClock.now();
    let answer = scene.sign_up("alice15").await;
    let task = scene.queues.only(TaskState::Scheduled).await;
    let wait = task.next_process_at.expect("it is scheduled").since(asked);
    let ten = if (10..20).contains(&wait.as_secs()) { "due in 10 s".to_owned() } else { format!("{wait:?}") };
    let retries = task.message.max_retry;
    scene.row(
        100,
        &["200", "alice15 is a user", "critical: 1 scheduled", "due in 10 s", "10 retries"],
        &[
            answer.words(),
            scene.user("alice15").await,
            scene.tasks().await,
            ten,
            format!("{retries} retries"),
        ],
    );
}
