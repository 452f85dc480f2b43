//! Sign-ups whose mail goes to a real mail server: one that works, is down, hangs, or refuses.

use crate::database::Database;
use crate::home::{Home, Server};
use crate::mail_server::MailServer;
use crate::process::PATIENCE;
use crate::suite::{python_has, suite};
use aftercommit::TaskState;
use reqwest::StatusCode;
use serde_json::Value;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout};

/// Returns from the test where the server cannot run.
macro_rules! needs_smtp_server {
    () => {
        if !suite("smtp", "python3-aiosmtpd", || python_has("aiosmtpd")) {
            return;
        }
    };
}

/// A bank that sends by this server and tries again soon.
async fn bank_with(home: &Home, server: &MailServer) -> Server {
    let url = format!("smtp://127.0.0.1:{}", server.port);
    let settings = [
        ("EMAIL_URL", &*url),
        ("TASK_RETRY_DELAY", "100ms"),
        ("TASK_MAX_RETRY", "1000"),
        ("SHUTDOWN_TIMEOUT", "500ms"),
    ];
    home.bank(&settings).await
}

/// The link in a message that arrived, as the server's decoder read it, without the address of the bank.
fn path_and_query(message: &Value) -> String {
    let text = message["text"].as_str().unwrap();
    let link = text.lines().find(|line| line.starts_with("http")).expect("a link");
    link[link.find("/v1/").expect("a path")..].to_owned()
}

/// The one message to alice10, which must verify her address.
async fn only_message(server: &MailServer, bank: &Server) -> Value {
    let messages = server.messages();
    let [message] = &messages[..] else { panic!("expected one message: {messages:?}") };
    assert_eq!(message["to"], serde_json::json!(["alice10@email.com"]));
    let (status, body) = bank.get(&path_and_query(message)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    message.clone()
}

#[tokio::test]
async fn mail_arrives_and_its_link_verifies() {
    needs_smtp_server!();
    let (home, server) = (Home::new(), MailServer::start(&[]));
    let bank = bank_with(&home, &server).await;
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    let processed = bank.line("processed task").await;
    assert!(processed.contains("mail=\"250 2.0.0 taken as 1\""), "{processed}");
    let message = only_message(&server, &bank).await;
    assert_eq!(message["headers"]["Subject"], "Welcome to Simple Bank");
    assert!(message["html"].as_str().unwrap().contains("secret_code="));
}

#[tokio::test]
async fn mail_server_that_is_down_gets_the_mail_once_when_it_is_back() {
    needs_smtp_server!();
    let (home, server) = (Home::new(), MailServer::start(&[]));
    let bank = bank_with(&home, &server).await;
    let server = server.stop();
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK, "a sign-up does not wait for mail");
    let failed = bank.lines("process task failed", 2).await;
    assert!(failed[0].contains("cannot send the e-mail now: connection to 127.0.0.1:"), "{}", failed[0]);
    let server = server.start(&[]);
    bank.line("processed task").await;
    only_message(&server, &bank).await;
}

#[tokio::test]
async fn refusal_for_now_is_tried_again_until_the_server_accepts() {
    needs_smtp_server!();
    for mode in ["rcpt-451", "data-451", "connect-421"] {
        let (home, server) = (Home::new(), MailServer::start(&["--mode", mode]));
        let bank = bank_with(&home, &server).await;
        assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
        let failed = bank.lines("process task failed", 2).await;
        assert!(failed[0].contains("cannot send the e-mail now"), "{mode}: {}", failed[0]);
        let server = server.stop().start(&[]);
        bank.line("processed task").await;
        only_message(&server, &bank).await;
        assert!(!bank.log().contains("Retry exhausted"), "{mode}: {}", bank.log());
    }
}

#[tokio::test]
async fn refusal_for_good_is_archived_at_once() {
    needs_smtp_server!();
    for (mode, words) in [("rcpt-550", "5.1.1 no such user here"), ("data-550", "5.7.1 we do not want this")]
    {
        let (home, server) = (Home::new(), MailServer::start(&["--mode", mode]));
        let bank = bank_with(&home, &server).await;
        assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
        let exhausted = bank.line("WRN Retry exhausted for task id=").await;
        let failed = bank.matching("process task failed");
        assert!(failed.len() == 1 && failed[0].contains(words), "{mode}: {failed:?}");

        let database = Database::open(&home).await;
        database.until_idle().await;
        let archived = database.tasks(TaskState::Archived).await;
        database.close().await;
        let [task] = &archived[..] else { panic!("expected one archived task: {archived:?}") };
        assert!(exhausted.ends_with(task.message.id.as_str()), "{exhausted}");
        assert_eq!(task.message.retried, 0, "{mode}");
        assert!(task.message.last_error.as_deref().is_some_and(|error| error.contains(words)), "{task:?}");
        assert_eq!(server.messages().len(), 0, "{mode}");
    }
}

#[tokio::test]
async fn slow_server_holds_up_neither_sign_ups_nor_the_stop_and_burns_no_attempt() {
    needs_smtp_server!();
    let (home, server) = (Home::new(), MailServer::start(&["--mode", "slow-greeting"]));
    let bank = bank_with(&home, &server).await;
    let asked = Instant::now();
    assert_eq!(bank.sign_up("alice10").await.0, StatusCode::OK);
    let database = Database::open(&home).await;
    let taken = async {
        while database.tasks(TaskState::Active).await.is_empty() {
            sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, taken).await.expect("a worker takes the task");
    let ended = bank.into_process().stop().await;
    assert!(asked.elapsed() < PATIENCE, "it took {:?}", asked.elapsed());
    assert_eq!(ended.status.code(), Some(0), "{ended:?}");
    let [task] = &database.tasks(TaskState::Pending).await[..] else { panic!("expected a pending task") };
    assert_eq!((task.message.retried, task.message.recovered), (0, 0));

    let server = server.stop().start(&[]);
    let bank = bank_with(&home, &server).await;
    bank.line("processed task").await;
    only_message(&server, &bank).await;
    assert_eq!(database.queue().await.map(|queue| queue.failed), Some(0));
    database.close().await;
}
