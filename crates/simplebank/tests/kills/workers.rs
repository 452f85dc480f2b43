//! Several workers of which one dies: another one takes over.

use crate::database::Database;
use crate::place;
use aftercommit::TaskState;
use reqwest::StatusCode;
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::time::Duration;
use tokio::time::Instant;

const SIGKILL: i32 = 9;

#[tokio::test]
async fn task_that_kills_every_worker_is_set_aside_after_three_recoveries() {
    let home = place::home();
    let server = home.serve(&[]).await;
    assert_eq!(server.sign_up("alice10").await.0, StatusCode::OK);
    let settings = [("FAILPOINTS", "send_verify_email.start=kill"), ("TASK_RETRY_DELAY", "1h")];
    for death in 1..=4 {
        let ended = home.run(&["worker"], &settings).ended().await;
        assert_eq!(ended.status.signal(), Some(SIGKILL), "death {death}: {}", ended.printed());
    }
    let survivor = home.worker(&settings).await;
    survivor.line("counts as failed and will be retried").await;
    let database = Database::open(&home).await;
    let [task] = &database.tasks(TaskState::Retry).await[..] else { panic!("expected a task to retry") };
    assert_eq!(task.message.retried, 1);
    database.close().await;
    assert_eq!(survivor.stop().await.status.code(), Some(0));
}

#[tokio::test]
async fn tasks_of_a_killed_worker_are_taken_over_by_another() {
    let home = place::home();
    let server = home.serve(&[]).await;
    let held = [("FAILPOINTS", "send_verify_email.before_send=delay(10m)")];
    let victim = home.worker(&held).await;
    for username in ["alice10", "bob10"] {
        assert_eq!(server.sign_up(username).await.0, StatusCode::OK);
    }
    victim.lines("point=send_verify_email.before_send", 2).await;
    let other = home.worker(&[]).await;
    assert_eq!(home.mails(), []);
    victim.signal(Signal::KILL);
    let dead = victim.ended().await;
    let killed = Instant::now();

    other.lines("processed task", 2).await;
    let took = killed.elapsed();
    println!("taken over after {took:.1?}");
    assert!(took < Duration::from_secs(15), "it took {took:?}: {}", other.log());
    assert_eq!(other.matching("recovered a task from a lost worker").len(), 2, "{}", other.log());
    assert!(!dead.printed().contains("processed task"), "{}", dead.printed());
    let database = Database::open(&home).await;
    database.until_idle().await;
    let queue = database.queue().await.expect("there were tasks");
    database.close().await;
    assert_eq!((queue.processed, queue.failed), (2, 0), "no attempt is burnt");
    assert_eq!(home.mails().len(), 2);
}
