//! Commits that take long, fail, or whose answer is lost: a mail only ever follows a commit.

use crate::auditor::users;
use crate::database::Database;
use crate::home::answer;
use crate::place;
use reqwest::StatusCode;
use serde_json::json;
use std::time::Duration;
use tokio::time::{Instant, timeout};

#[tokio::test]
async fn task_of_a_commit_that_takes_two_seconds_starts_after_it_and_not_before() {
    const DELAY: Duration = Duration::from_secs(2);
    let home = place::home();
    let settings = [("FAILPOINTS", "create_user.before_commit=delay(2s)")];
    let bank = home.bank(&settings).await;
    let other = home.worker(&[]).await;
    let database = Database::open(&home).await;
    let asked = Instant::now();
    let mut request = tokio::spawn(answer(bank.create_user("alice10")));
    bank.line("fail-point").await;
    // The row and its task are written and not committed; two workers look out for tasks all the while.
    let early = timeout(DELAY / 2, &mut request).await;
    assert!(early.is_err(), "answered before the commit: {early:?}");
    assert_eq!((home.mails(), users(&database).await, database.queue().await), (vec![], vec![], None));

    let (status, body) = request.await.unwrap().unwrap();
    let answered = Instant::now();
    assert_eq!(status, StatusCode::OK, "{body}");
    assert!(answered - asked >= DELAY);
    database.until_idle().await;
    database.close().await;
    assert_eq!(home.mails().len(), 1);
    let failed = [bank.matching("process task failed"), other.matching("process task failed")];
    assert_eq!(failed, [vec![""; 0], vec![]]);
}

#[tokio::test]
async fn commit_that_fails_leaves_neither_user_nor_task_and_the_same_request_then_succeeds() {
    let home = place::home();
    let bank = home.bank(&[("FAILPOINTS", "create_user.before_commit=1*error(disk full)")]).await;
    let request = || answer(bank.create_user("alice10").header("idempotency-key", "key-1"));
    let (status, body) = request().await.unwrap();
    assert_eq!((status, &body["code"]), (StatusCode::INTERNAL_SERVER_ERROR, &json!(13)));
    assert_eq!(body["message"], "failed to create user");
    assert!(bank.log().contains("disk full") && !body.to_string().contains("disk full"), "{}", bank.log());
    assert!(!bank.log().contains("enqueued task"), "{}", bank.log());
    let database = Database::open(&home).await;
    assert_eq!((users(&database).await, database.queue().await), (vec![], None));

    let (status, body) = request().await.unwrap();
    assert_eq!(status, StatusCode::OK, "{body}");
    database.until_idle().await;
    assert_eq!(users(&database).await.len(), 1);
    database.close().await;
    assert_eq!(home.mail_to("alice10@email.com").to, "alice10@email.com");
}

#[tokio::test]
async fn answer_that_was_lost_after_the_commit_is_given_again_by_the_key() {
    let home = place::home();
    let bank = home.bank(&[("FAILPOINTS", "create_user.after_commit=1*error(the line went dead)")]).await;
    let request = |key: &str| bank.create_user("alice10").header("idempotency-key", key.to_owned());
    assert_eq!(answer(request("key-1")).await.unwrap().0, StatusCode::INTERNAL_SERVER_ERROR);
    let replayed = request("key-1").send().await.unwrap();
    assert_eq!(
        (replayed.status(), replayed.headers()["idempotent-replayed"].as_bytes()),
        (StatusCode::OK, &b"true"[..])
    );
    assert_eq!(
        answer(request("key-2")).await.unwrap().0,
        StatusCode::CONFLICT,
        "without it, one does not know"
    );
    bank.line("processed task").await;
    assert_eq!(home.mails().len(), 1);
}
