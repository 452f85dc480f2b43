//! Roles: processes that serve, processes that work, and several of them on one file.

use crate::database::Database;
use crate::home::{Home, mailbox_of};
use aftercommit::TaskState;
use futures_util::future::join_all;
use reqwest::StatusCode;
use std::collections::BTreeSet;

#[tokio::test]
async fn tasks_wait_for_a_worker_and_survive_restarts() {
    let home = Home::new();
    let server = home.serve(&[]).await;
    assert_eq!(server.sign_up("alice10").await.0, StatusCode::OK);
    server.line("enqueued task").await;
    let ended = server.into_process().stop().await;
    assert!(!ended.printed().contains("task processor"), "{}", ended.printed());

    let database = Database::open(&home).await;
    let [task] = &database.unfinished().await[..] else { panic!("expected one task") };
    assert_eq!((task.task_type.as_str(), task.max_retry), ("task:send_verify_email", 10));
    assert_eq!(database.tasks(TaskState::Pending).await.len(), 1);
    assert_eq!(home.mails(), []);

    let worker = home.worker(&[]).await;
    worker.line("processed task email=alice10@email.com").await;
    assert!(!worker.log().contains("server at"), "{}", worker.log());
    database.until_idle().await;
    database.close().await;
    assert_eq!(home.mail_to("alice10@email.com").to, "alice10@email.com");
}

#[tokio::test]
async fn worker_notices_the_tasks_of_another_process() {
    const SIGN_UPS: usize = 5;
    let home = Home::new();
    let server = home.serve(&[]).await;
    let worker = home.worker(&[]).await;
    for number in 0..SIGN_UPS {
        let username = format!("alice{number}");
        assert_eq!(server.sign_up(&username).await.0, StatusCode::OK);
        worker.line(&format!("processed task email={}", mailbox_of(&username))).await;
    }
}

#[tokio::test]
async fn three_workers_on_one_file_send_each_mail_once() {
    const SIGN_UPS: usize = 60;
    let home = Home::new();
    let server = home.serve(&[]).await;
    let workers = [home.worker(&[]).await, home.worker(&[]).await, home.worker(&[]).await];
    let usernames: Vec<String> = (0..SIGN_UPS).map(|number| format!("user{number}")).collect();
    let answers = join_all(usernames.iter().map(|username| server.sign_up(username))).await;
    for (status, body) in answers {
        assert_eq!(status, StatusCode::OK, "{body}");
    }
    let database = Database::open(&home).await;
    database.until_idle().await;
    let queue = database.queue().await.expect("there were tasks");
    database.close().await;
    assert_eq!((queue.processed, queue.failed), (SIGN_UPS as u64, 0));

    let mut processed = Vec::new();
    for worker in workers {
        let ended = worker.stop().await;
        assert_eq!(ended.status.code(), Some(0), "{}", ended.printed());
        processed.extend(ended.stderr.into_iter().filter(|line| line.contains("processed task")));
    }
    assert_eq!(processed.len(), SIGN_UPS, "each task is processed once: {processed:#?}");
    let to: BTreeSet<String> = home.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, usernames.iter().map(|username| mailbox_of(username)).collect());
    assert_eq!(home.mails().len(), SIGN_UPS);
}

#[tokio::test]
async fn second_bank_cannot_share_the_ports_and_does_not_disturb_the_first() {
    let home = Home::new();
    let bank = home.bank(&[]).await;
    let second = home.run(&[], &[("HTTP_SERVER_ADDRESS", &bank.http)]).ended().await;
    assert_eq!(second.status.code(), Some(1), "{second:?}");
    assert!(second.printed().contains("the port is taken by another process"), "{second:?}");
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    bank.line("processed task").await;
}

#[tokio::test]
async fn schema_is_shown_applied_and_taken_back() {
    let home = Home::new();
    let migrate = async |action| home.run(&["migrate", action], &[]).ended().await;
    for action in ["status", "down"] {
        let early = migrate(action).await;
        assert_eq!(early.status.code(), Some(1), "{early:?}");
        assert!(early.printed().contains("no such file; `simplebank migrate up` creates it"), "{early:?}");
    }
    for _ in 0..2 {
        let up = migrate("up").await;
        assert_eq!(up.status.code(), Some(0), "{up:?}");
        assert!(up.printed().contains("INF db migrated successfully"), "{up:?}");
    }
    let states = async || {
        let status = migrate("status").await;
        assert_eq!((status.status.code(), &status.stderr[..]), (Some(0), &[][..]), "{status:?}");
        status
            .stdout
            .iter()
            .map(|line| line.split_whitespace().nth(1).unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(states().await, ["applied"; 8]);
    let down = migrate("down").await;
    assert!(down.printed().contains("INF migration 8 taken back"), "{down:?}");
    let after = states().await;
    assert_eq!((&after[..7], &*after[7]), (&["applied"; 7].map(str::to_owned)[..], "pending"));
    // A start brings the schema up to date.
    home.bank(&[]).await;
    assert_eq!(states().await, ["applied"; 8]);
}
