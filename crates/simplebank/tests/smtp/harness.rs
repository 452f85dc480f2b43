//! A mailer and a message to try the mail server with.

use crate::mail_server::MailServer;
use simplebank::mail::{Address, Destination, Mailbox, Message, MessageId, SmtpMailer, Timeouts};
use std::path::{Path, PathBuf};
use std::time::{Duration, UNIX_EPOCH};

pub(crate) async fn mailer(url: &str, certificates: Option<PathBuf>, timeouts: Timeouts) -> SmtpMailer {
    let Ok(Destination::Relay(mut relay)) = Destination::parse(url, None) else { panic!("{url}") };
    relay.certificates = certificates;
    SmtpMailer::open(&relay, timeouts).await.unwrap()
}

pub(crate) async fn mailer_for(server: &MailServer, timeouts: Timeouts) -> SmtpMailer {
    mailer(&format!("smtp://127.0.0.1:{}", server.port), None, timeouts).await
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
