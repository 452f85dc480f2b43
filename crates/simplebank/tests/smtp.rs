//! The mailer against a real mail server on loopback: one that works, is down, slow, refuses, or dies.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

#[path = "smtp/harness.rs"]
mod harness;
#[path = "support/mail_server.rs"]
mod mail_server;
#[path = "support/program.rs"]
mod program;
#[path = "support/suite.rs"]
mod suite;

use harness::{SOON, certificate, mailer, mailer_for, message, patient};
use mail_server::MailServer;
use serde_json::Value;
use simplebank::mail::{Cause, Credentials, Destination, MailError, Receipt, SmtpMailer, Stage, Timeouts};
use simplebank::secret::Secret;
use suite::{python_has, suite};

/// Returns from the test where the server cannot run.
macro_rules! needs_smtp_server {
    () => {
        if !suite("smtp", "python3-aiosmtpd", || python_has("aiosmtpd")) {
            return;
        }
    };
}

#[tokio::test]
async fn message_arrives_as_it_was_written() {
    needs_smtp_server!();
    let server = MailServer::start(&[]);
    let receipt = mailer_for(&server, patient()).await.send(&message("m1")).await.unwrap();
    assert_eq!(receipt, Receipt::Server { reply: "250 2.0.0 taken as 1".into() });
    let [mail] = &server.messages()[..] else { panic!("one message") };
    assert_eq!(mail["from"], "no-reply@bank.example");
    assert_eq!(mail["to"], serde_json::json!(["alice10@email.com"]));
    let headers = &mail["headers"];
    assert_eq!(headers["Message-ID"], "<m1@bank.example>");
    assert_eq!(headers["Date"], "Tue, 22 Nov 2022 14:00:00 +0000");
    assert_eq!(headers["From"], "Simple Bank <no-reply@bank.example>");
    assert_eq!(headers["To"], "\"Zoë \\\"Z\\\" 王\" <alice10@email.com>");
    assert_eq!(headers["Subject"], "Willkommen, Zoë 你好");
    assert_eq!(mail["text"], message("m1").text.replace("\r\n", "\n").replace('\n', "\r\n"));
    assert_eq!(mail["html"], "<p>Zoë</p>\r\n");
}

#[tokio::test]
async fn address_outside_ascii_is_sent_where_the_server_takes_it() {
    needs_smtp_server!();
    let server = MailServer::start(&[]);
    let mut message = message("m1");
    message.to.email = "zoë@bücher.example".parse().unwrap();
    mailer_for(&server, patient()).await.send(&message).await.unwrap();
    assert_eq!(server.messages()[0]["to"], serde_json::json!(["zoë@bücher.example"]));
}

#[tokio::test]
async fn connection_is_used_for_the_next_message() {
    needs_smtp_server!();
    let server = MailServer::start(&[]);
    let mailer = mailer_for(&server, patient()).await;
    for id in ["m1", "m2", "m3"] {
        mailer.send(&message(id)).await.unwrap();
    }
    let messages = server.messages();
    assert_eq!(messages.len(), 3);
    assert!(messages.iter().all(|mail| mail["peer"] == messages[0]["peer"]));
}

#[tokio::test]
async fn restarted_server_gets_every_message_once() {
    needs_smtp_server!();
    let server = MailServer::start(&[]);
    let mailer = mailer_for(&server, patient()).await;
    mailer.send(&message("m1")).await.unwrap();
    let server = server.stop().start(&[]);
    mailer.send(&message("m2")).await.unwrap();
    let ids: Vec<_> = server.messages().iter().map(|mail| mail["headers"]["Message-ID"].clone()).collect();
    assert_eq!(ids, ["<m1@bank.example>", "<m2@bank.example>"]);
}

#[tokio::test]
async fn server_that_hangs_up_between_messages_gets_every_message_once() {
    needs_smtp_server!();
    let server = MailServer::start(&["--mode", "tired"]);
    let mailer = mailer_for(&server, patient()).await;
    for id in ["m1", "m2", "m3"] {
        mailer.send(&message(id)).await.unwrap();
    }
    assert_eq!(server.messages().len(), 3);
}

#[tokio::test]
async fn connections_stay_within_their_limit() {
    needs_smtp_server!();
    let server = MailServer::start(&[]);
    let mailer = mailer_for(&server, patient()).await;
    let messages: Vec<_> = (0..40).map(|n| message(&format!("m{n}"))).collect();
    let sent = futures_util::future::join_all(messages.iter().map(|message| mailer.send(message))).await;
    assert!(sent.iter().all(Result::is_ok));
    let messages = server.messages();
    assert_eq!(messages.len(), 40);
    let peak = messages.iter().filter_map(|mail| mail["peak"].as_u64()).max();
    assert!((2..=10).contains(&peak.unwrap()), "{peak:?}");
}

#[tokio::test]
async fn server_that_is_down_is_a_temporary_fault() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for url in [format!("smtp://{free}"), "smtp://mail.invalid".to_owned()] {
        let error = mailer(&url, None, patient()).await.send(&message("m1")).await.unwrap_err();
        let MailError::Temporary(Cause::Connection { stage: Stage::Connect, .. }) = &error else {
            panic!("{error}")
        };
        assert!(!error.cause().is_for_the_operator());
    }
}

#[tokio::test]
async fn slow_server_is_a_temporary_fault() {
    needs_smtp_server!();
    for (mode, reached, timeouts) in [
        ("slow-greeting", Stage::Connect, Timeouts { connect: SOON, ..patient() }),
        ("slow-data", Stage::Body, Timeouts { body: SOON, ..patient() }),
    ] {
        let server = MailServer::start(&["--mode", mode]);
        let error = mailer_for(&server, timeouts).await.send(&message("m1")).await.unwrap_err();
        let MailError::Temporary(Cause::TimedOut { stage, .. }) = &error else { panic!("{mode}: {error}") };
        assert_eq!(*stage, reached, "{mode}");
    }
}

#[tokio::test]
async fn whole_sending_has_a_limit_too() {
    needs_smtp_server!();
    let server = MailServer::start(&["--mode", "slow-data"]);
    let mailer = mailer_for(&server, Timeouts { whole: SOON, ..patient() }).await;
    let error = mailer.send(&message("m1")).await.unwrap_err();
    assert!(
        matches!(&error, MailError::Temporary(Cause::TimedOut { limit, .. }) if *limit == SOON),
        "{error}"
    );
}

#[tokio::test]
async fn connection_of_an_abandoned_message_is_not_used_again() {
    needs_smtp_server!();
    let server = MailServer::start(&["--mode", "slow-first"]);
    // Too little time to wait for a silent connection first.
    let mailer = mailer_for(&server, Timeouts { body: SOON, whole: 10 * SOON, ..patient() }).await;
    assert!(mailer.send(&message("m1")).await.is_err());
    mailer.send(&message("m2")).await.unwrap();
    let messages = server.messages();
    assert_eq!(messages.len(), 2);
    assert_ne!(messages[0]["peer"], messages[1]["peer"]);
}

#[tokio::test]
async fn refusals_are_final_or_for_now_as_the_server_says() {
    needs_smtp_server!();
    for (mode, permanent, refused, reply, operator) in [
        ("rcpt-451", false, Stage::RcptTo, (451, "4.2.1 mailbox is busy"), false),
        ("rcpt-550", true, Stage::RcptTo, (550, "5.1.1 no such user here"), false),
        ("data-451", false, Stage::Body, (451, "4.3.0 try again later"), false),
        ("data-550", true, Stage::Body, (550, "5.7.1 we do not want this"), false),
        ("connect-421", false, Stage::Connect, (421, "4.3.2 too many connections"), false),
        // The server has not heard of the message, so this says nothing about it.
        ("connect-554", false, Stage::Connect, (554, "5.3.2 no mail for you"), true),
    ] {
        let server = MailServer::start(&["--mode", mode]);
        let error = mailer_for(&server, patient()).await.send(&message("m1")).await.unwrap_err();
        assert_eq!(matches!(error, MailError::Permanent(_)), permanent, "{mode}: {error}");
        assert_eq!(error.cause().is_for_the_operator(), operator, "{mode}");
        let Cause::Refused { stage, code, text, .. } = error.cause() else { panic!("{mode}: {error}") };
        assert_eq!((*stage, (*code, text.as_str())), (refused, reply), "{mode}");
        assert_eq!(server.messages().len(), 0, "{mode}");
    }
}

#[tokio::test]
async fn server_that_dies_with_the_message_gets_no_second_copy_by_itself() {
    needs_smtp_server!();
    let server = MailServer::start(&["--mode", "die"]);
    let mailer = mailer_for(&server, patient()).await;
    let error = mailer.send(&message("m1")).await.unwrap_err();
    assert!(matches!(&error, MailError::Temporary(Cause::Connection { stage: Stage::Body, .. })), "{error}");
    assert_eq!(server.messages().len(), 1);

    let server = server.stop().start(&[]);
    mailer.send(&message("m1")).await.unwrap();
    let messages = server.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["raw"], messages[1]["raw"], "a second copy is recognisable");
}

#[tokio::test]
async fn kept_connection_that_breaks_after_the_message_is_not_replaced_by_a_new_one() {
    needs_smtp_server!();
    let server = MailServer::start(&["--mode", "drop-second"]);
    let mailer = mailer_for(&server, patient()).await;
    mailer.send(&message("m1")).await.unwrap();
    let error = mailer.send(&message("m2")).await.unwrap_err();
    assert!(matches!(&error, MailError::Temporary(Cause::Connection { stage: Stage::Body, .. })), "{error}");
    assert_eq!(server.messages().len(), 2);
}

#[tokio::test]
async fn plain_login_works_on_this_machine_and_its_failure_is_for_the_operator() {
    needs_smtp_server!();
    let server = MailServer::start(&["--login", "bank:hunter2"]);
    let url = |login| format!("smtp://{login}@127.0.0.1:{}", server.port);
    mailer(&url("bank:hunter2"), None, patient()).await.send(&message("m1")).await.unwrap();
    assert_eq!(server.messages()[0]["user"], "bank");

    let error = mailer(&url("bank:swordfish"), None, patient()).await.send(&message("m1")).await.unwrap_err();
    assert!(matches!(&error, MailError::Temporary(Cause::Credentials { .. })), "{error}");
    assert!(error.cause().is_for_the_operator());
    assert!(!format!("{error} {error:?}").contains("swordfish"));
    let error = mailer_for(&server, patient()).await.send(&message("m1")).await.unwrap_err();
    assert!(matches!(&error, MailError::Temporary(Cause::Credentials { .. })), "{error}");
}

#[tokio::test]
async fn password_goes_over_a_trusted_encrypted_connection() {
    needs_smtp_server!();
    let home = tempfile::tempdir().unwrap();
    let [certificate, key] = certificate(home.path());
    for (tls, scheme, parameter) in [("implicit", "smtps", ""), ("starttls", "smtp", "?tls=required")] {
        let files = ["--certificate", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
        let server =
            MailServer::start(&[&["--tls", tls, "--login", "bank:hunter2"][..], &files[..]].concat());
        let url = format!("{scheme}://bank:hunter2@127.0.0.1:{}{parameter}", server.port);

        let stranger = mailer(&url, None, patient()).await.send(&message("m1")).await.unwrap_err();
        assert!(matches!(&stranger, MailError::Temporary(Cause::Encryption { .. })), "{tls}: {stranger}");
        assert!(stranger.cause().is_for_the_operator());
        assert_eq!(server.messages().len(), 0);

        mailer(&url, Some(certificate.clone()), patient()).await.send(&message("m1")).await.unwrap();
        let messages = server.messages();
        assert_eq!((&messages[0]["encrypted"], &messages[0]["user"]), (&Value::Bool(true), &"bank".into()));
    }
}

#[tokio::test]
async fn server_without_starttls_gets_no_password() {
    needs_smtp_server!();
    let server = MailServer::start(&["--login", "bank:hunter2"]);
    let url = format!("smtp://bank:hunter2@127.0.0.1:{}?tls=required", server.port);
    let error = mailer(&url, None, patient()).await.send(&message("m1")).await.unwrap_err();
    assert!(matches!(&error, MailError::Temporary(Cause::Encryption { .. })), "{error}");
    assert_eq!(server.messages().len(), 0);
}

#[tokio::test]
async fn certificates_that_cannot_be_read_are_named_at_start() {
    let home = tempfile::tempdir().unwrap();
    let empty = home.path().join("empty.pem");
    std::fs::write(&empty, "nothing").unwrap();
    let login = Credentials { user: "u".into(), password: Secret::new("p") };
    let Ok(Destination::Relay(mut relay)) = Destination::parse("smtps://h.example", Some(&login)) else {
        panic!("a relay")
    };
    for (path, said) in [(empty, "no certificate"), (home.path().join("missing.pem"), "No such file")] {
        relay.certificates = Some(path.clone());
        let error = SmtpMailer::open(&relay, patient()).await.unwrap_err().to_string();
        assert!(error.starts_with("EMAIL_TLS_CA: ") && error.contains(said), "{error}");
    }
}
