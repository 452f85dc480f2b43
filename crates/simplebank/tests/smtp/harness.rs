//! The mail server of the tests, and a mailer and a message to try it with.

use crate::program::Program;
use serde_json::Value;
use simplebank::mail::{Address, Destination, Mailbox, Message, MessageId, SmtpMailer, Timeouts};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};
use tempfile::TempDir;

/// A mail server with a directory for what it takes.
pub(crate) struct Server {
    home: TempDir,
    program: Program,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start(options: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let (program, port) = run(home.path(), 0, options);
        Self { home, program, port }
    }

    /// Kills the server and starts it again at the same port.
    pub(crate) fn restart(self, options: &[&str]) -> Self {
        let Self { home, program, port } = self;
        drop(program);
        let (program, port) = run(home.path(), port, options);
        Self { home, program, port }
    }

    /// What it has taken, in order.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let entries = std::fs::read_dir(self.home.path()).unwrap();
        let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
        paths.sort_by_key(|path| path.metadata().unwrap().modified().unwrap());
        paths.iter().map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()).collect()
    }

    pub(crate) async fn mailer(&self, timeouts: Timeouts) -> SmtpMailer {
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

pub(crate) async fn mailer(url: &str, certificates: Option<PathBuf>, timeouts: Timeouts) -> SmtpMailer {
    let Ok(Destination::Relay(mut relay)) = Destination::parse(url, None) else { panic!("{url}") };
    relay.certificates = certificates;
    SmtpMailer::open(&relay, timeouts).await.unwrap()
}

/// Limits that no test reaches unless its server hangs.
pub(crate) fn patient() -> Timeouts {
    let long = Duration::from_secs(20);
    Timeouts { connect: long, command: long, body: long, whole: 3 * long }
}

/// What a server that hangs runs into soon, and a busy machine does not.
pub(crate) const SOON: Duration = Duration::from_secs(1);

pub(crate) fn message(id: &str) -> Message {
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

/// A certificate for 127.0.0.1 that nobody vouches for, and its key.
pub(crate) fn certificate(home: &Path) -> [PathBuf; 2] {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let files = ["certificate.pem", "key.pem"].map(|name| home.join(name));
    std::fs::write(&files[0], made.cert.pem()).unwrap();
    std::fs::write(&files[1], made.signing_key.serialize_pem()).unwrap();
    files
}
