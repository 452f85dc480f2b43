//! The mailer against a real mail server on loopback: one that works, is down, slow, refuses, or dies.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

#[path = "support/program.rs"]
mod program;
#[path = "support/suite.rs"]
mod suite;

use program::Program;
use serde_json::Value;
use simplebank::mail::{
    Address, Cause, Credentials, Destination, MailError, Mailbox, Message, MessageId, Receipt, SmtpMailer,
    Stage, Timeouts,
};
use simplebank::secret::Secret;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};
use suite::{python_has, suite};
use tempfile::TempDir;

/// Returns from the test where the server cannot run.
macro_rules! needs_smtp_server {
    () => {
        if !suite("smtp", "python3-aiosmtpd", || python_has("aiosmtpd")) {
            return;
        }
    };
}

/// A mail server with a directory for what it takes.
struct Server {
    home: TempDir,
    program: Program,
    port: u16,
}

impl Server {
    fn start(options: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (program, port) = run(home.path(), 0, options);
        Self { home, program, port }
    }

    /// Kills the server and starts it again at the same port.
    fn restart(self, options: &[&str]) -> Self {
        let Self { home, program, port } = self;
        drop(program);
        let (program, port) = run(home.path(), port, options);
        Self { home, program, port }
    }

    /// What it has taken, in order.
    fn messages(&self) -> Vec<Value> {
        let entries = std::fs::read_dir(self.home.path()).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
        paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }

    async fn mailer(&self, timeouts: Timeouts) -> SmtpMailer {
        mailer(&format!("smtp://127.0.0.1:{}", self.port), None, timeouts).await
    }
}

fn run(home: &Path, port: u16, options: &[&str]) -> (Program, u16) {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/smtp/server.py");
    let mut command = Command::new("/usr/bin/python3");
    command
        .args(["-W", "ignore", script])
        .arg("--directory")
        .arg(home)
        .args(["--port", &port.to_string()])
        .args(options);
    let mut program = Program::start(&mut command);
    let line = program.line();
    let port = line.strip_prefix("ready ").unwrap().parse().unwrap();
    (program, port)
}

async fn mailer(url: &str, certificates: Option<PathBuf>, timeouts: Timeouts) -> SmtpMailer {
    let Ok(Destination::Relay(mut relay)) = Destination::parse(url, None) else { panic!("{url}") };
    relay.certificates = certificates;
    SmtpMailer::open(&relay, timeouts).await.unwrap()
}

/// Limits that no test reaches unless its server hangs.
fn patient() -> Timeouts {
    let long = Duration::from_secs(20);
    Timeouts { connect: long, command: long, body: long, whole: 3 * long }
}

/// Limits that a server which hangs runs into at once.
fn impatient() -> Timeouts {
    Timeouts { connect: Duration::from_millis(300), body: Duration::from_millis(300), ..patient() }
}

fn message(id: &str) -> Message {
    let from: Address = "no-reply@bank.example".parse().unwrap();
    Message {
        message_id: MessageId::new(id, &from).unwrap(),
        date: UNIX_EPOCH + Duration::from_secs(1_669_125_600),
        from: Mailbox::new(Some("Simple Bank".into()), from),
        to: Mailbox::new(Some("Zoë \"Z\" 王".into()), "alice10@email.com".parse().unwrap()),
        subject: "Willkommen, Zoë 你好".into(),
        text: format!(".\r\n..dots\nünïcode {}\n", "long ".repeat(300)),
        html: "<p>Zoë</p>\n".into(),
    }
}

#[tokio::test]
async fn message_arrives_as_it_was_written() {
    needs_smtp_server!();
    let server = Server::start(&[]);
    let receipt = server.mailer(patient()).await.send(&message("m1")).await.unwrap();
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
    let server = Server::start(&[]);
    let mut message = message("m1");
    message.to.email = "zoë@bücher.example".parse().unwrap();
    server.mailer(patient()).await.send(&message).await.unwrap();
    assert_eq!(server.messages()[0]["to"], serde_json::json!(["zoë@bücher.example"]));
}

#[tokio::test]
async fn connection_is_used_for_the_next_message() {
    needs_smtp_server!();
    let server = Server::start(&[]);
    let mailer = server.mailer(patient()).await;
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
    let server = Server::start(&[]);
    let mailer = server.mailer(patient()).await;
    mailer.send(&message("m1")).await.unwrap();
    let server = server.restart(&[]);
    mailer.send(&message("m2")).await.unwrap();
    let ids: Vec<_> = server.messages().iter().map(|mail| mail["headers"]["Message-ID"].clone()).collect();
    assert_eq!(ids, ["<m1@bank.example>", "<m2@bank.example>"]);
}

#[tokio::test]
async fn server_that_hangs_up_between_messages_gets_every_message_once() {
    needs_smtp_server!();
    let server = Server::start(&["--mode", "tired"]);
    let mailer = server.mailer(patient()).await;
    for id in ["m1", "m2", "m3"] {
        mailer.send(&message(id)).await.unwrap();
    }
    assert_eq!(server.messages().len(), 3);
}

#[tokio::test]
async fn connections_stay_within_their_limit() {
    needs_smtp_server!();
    let server = Server::start(&[]);
    let mailer = server.mailer(patient()).await;
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
    for (mode, reached) in [("slow-greeting", Stage::Connect), ("slow-data", Stage::Body)] {
        let server = Server::start(&["--mode", mode]);
        let error = server.mailer(impatient()).await.send(&message("m1")).await.unwrap_err();
        let MailError::Temporary(Cause::TimedOut { stage, .. }) = &error else { panic!("{mode}: {error}") };
        assert_eq!(*stage, reached, "{mode}");
    }
}

#[tokio::test]
async fn whole_sending_has_a_limit_too() {
    needs_smtp_server!();
    let server = Server::start(&["--mode", "slow-data"]);
    let whole = Duration::from_millis(300);
    let mailer = server.mailer(Timeouts { whole, ..patient() }).await;
    let error = mailer.send(&message("m1")).await.unwrap_err();
    assert!(
        matches!(&error, MailError::Temporary(Cause::TimedOut { limit, .. }) if *limit == whole),
        "{error}"
    );
}

#[tokio::test]
async fn connection_of_an_abandoned_message_is_not_used_again() {
    needs_smtp_server!();
    let server = Server::start(&["--mode", "slow-first"]);
    let mailer = server.mailer(impatient()).await;
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
        let server = Server::start(&["--mode", mode]);
        let error = server.mailer(patient()).await.send(&message("m1")).await.unwrap_err();
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
    let server = Server::start(&["--mode", "die"]);
    let mailer = server.mailer(patient()).await;
    let error = mailer.send(&message("m1")).await.unwrap_err();
    assert!(matches!(&error, MailError::Temporary(Cause::Connection { stage: Stage::Body, .. })), "{error}");
    assert_eq!(server.messages().len(), 1);

    let server = server.restart(&[]);
    mailer.send(&message("m1")).await.unwrap();
    let messages = server.messages();
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0]["raw"], messages[1]["raw"], "a second copy is recognisable");
}

#[tokio::test]
async fn plain_login_works_on_this_machine_and_its_failure_is_for_the_operator() {
    needs_smtp_server!();
    let server = Server::start(&["--login", "bank:hunter2"]);
    let url = |login| format!("smtp://{login}@127.0.0.1:{}", server.port);
    mailer(&url("bank:hunter2"), None, patient()).await.send(&message("m1")).await.unwrap();
    assert_eq!(server.messages()[0]["user"], "bank");

    let error = mailer(&url("bank:swordfish"), None, patient()).await.send(&message("m1")).await.unwrap_err();
    assert!(matches!(&error, MailError::Temporary(Cause::Credentials { .. })), "{error}");
    assert!(error.cause().is_for_the_operator());
    assert!(!format!("{error} {error:?}").contains("swordfish"));
    let error = server.mailer(patient()).await.send(&message("m1")).await.unwrap_err();
    assert!(matches!(&error, MailError::Temporary(Cause::Credentials { .. })), "{error}");
}

/// A certificate for 127.0.0.1 that nobody vouches for, and its key.
fn certificate(home: &Path) -> [PathBuf; 2] {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let files = ["certificate.pem", "key.pem"].map(|name| home.join(name));
    std::fs::write(&files[0], made.cert.pem()).unwrap();
    std::fs::write(&files[1], made.signing_key.serialize_pem()).unwrap();
    files
}

#[tokio::test]
async fn password_goes_over_a_trusted_encrypted_connection() {
    needs_smtp_server!();
    let home = tempfile::tempdir().unwrap();
    let [certificate, key] = certificate(home.path());
    for (tls, scheme, parameter) in [("implicit", "smtps", ""), ("starttls", "smtp", "?tls=required")] {
        let files = ["--certificate", certificate.to_str().unwrap(), "--key", key.to_str().unwrap()];
        let server = Server::start(&[&["--tls", tls, "--login", "bank:hunter2"][..], &files[..]].concat());
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
    let server = Server::start(&["--login", "bank:hunter2"]);
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
