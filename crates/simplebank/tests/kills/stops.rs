//! Graceful stops in the middle of a task: within the deadline it ends, beyond it goes back, and nothing is burnt.

use crate::database::Database;
use crate::home::Home;
use crate::place;
use crate::process::Ended;
use aftercommit::TaskState;
use reqwest::StatusCode;
use std::time::Duration;
use tokio::time::Instant;

/// Signs alice10 up, and stops the bank while her task is held up at its mail.
async fn stop_in_the_handler(home: &Home, delay: &str, deadline: &str) -> Ended {
    let plan = format!("send_verify_email.before_send=delay({delay})");
    let bank = home.bank(&[("FAILPOINTS", &plan), ("SHUTDOWN_TIMEOUT", deadline)]).await;
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    bank.line("point=send_verify_email.before_send").await;
    let ended = bank.into_process().stop().await;
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    ended
}

#[tokio::test]
async fn task_that_ends_within_the_deadline_is_waited_for() {
    let home = place::home();
    let ended = stop_in_the_handler(&home, "1s", "20s").await;
    let log = ended.printed();
    assert!(log.find("Starting graceful shutdown") < log.find("processed task"), "{log}");
    assert!(log.find("processed task") < log.find("task processor is stopped"), "{log}");
    assert_eq!(home.mails().len(), 1);
    let database = Database::open(&home).await;
    assert_eq!(database.unfinished().await, []);
    let queue = database.queue().await.expect("there was a task");
    database.close().await;
    assert_eq!((queue.processed, queue.failed), (1, 0));
}

#[tokio::test]
async fn task_that_outlasts_the_deadline_goes_back_and_its_mail_leaves_after_the_restart() {
    let home = place::home();
    let asked = Instant::now();
    let ended = stop_in_the_handler(&home, "10m", "300ms").await;
    assert!(asked.elapsed() < Duration::from_secs(20), "it took {:?}", asked.elapsed());
    assert!(ended.printed().contains("their tasks go back to the queue"), "{ended:?}");
    assert_eq!(home.mails(), []);
    let database = Database::open(&home).await;
    let [task] = &database.tasks(TaskState::Pending).await[..] else { panic!("expected a pending task") };
    assert_eq!((task.message.retried, task.message.recovered, &task.message.last_error), (0, 0, &None));

    let bank = home.bank(&[]).await;
    bank.line("processed task").await;
    database.until_idle().await;
    assert_eq!(database.queue().await.map(|queue| (queue.processed, queue.failed)), Some((1, 0)));
    database.close().await;
    assert!(bank.matching("recovered a task").is_empty(), "{}", bank.log());
    assert_eq!(home.mails().len(), 1);
}
