//! E-mail: what a message is, what the bank writes in it, and the two ways it leaves: as a file or by SMTP.

mod compose;
mod destination;
mod error;
mod file;
mod link;
mod message;
mod smtp;
pub mod templates;

pub use destination::{Credentials, Destination, Relay, Security};
pub use error::{Cause, MailError, OpenError, Stage};
pub use file::{FileMailer, Handover};
pub use lettre::{Address, message::Mailbox};
pub use link::BaseUrl;
pub use message::{InvalidMessageId, Message, MessageId};
pub use smtp::{SmtpMailer, Timeouts};

use std::{fmt, path::PathBuf};

/// Hands messages over to where `EMAIL_URL` points. Share it by reference or in an `Arc`.
#[derive(Debug)]
pub enum Mailer {
    /// A file per message, for development and tests.
    File(FileMailer),
    /// A mail server.
    Smtp(Box<SmtpMailer>),
}

impl Mailer {
    /// Makes ready what can fail at start: the directory of the files, the certificates of the mail server.
    /// A mail server that is down is not a fault here: it may be back when the first message is due.
    pub async fn open(destination: &Destination) -> Result<Self, OpenError> {
        Ok(match destination {
            Destination::Directory(directory) => Self::File(FileMailer::open(directory.clone()).await?),
            Destination::Relay(relay) => {
                Self::Smtp(Box::new(SmtpMailer::open(relay, Timeouts::default()).await?))
            }
        })
    }

    /// Hands one message over. After an error it may still have been delivered (the connection broke before
    /// the answer came); sending it again with the same Message-ID is the right thing to do.
    pub async fn send(&self, message: &Message) -> Result<Receipt, MailError> {
        match self {
            Self::File(mailer) => mailer.send(message).await,
            Self::Smtp(mailer) => mailer.send(message).await,
        }
    }
}

/// Where a message went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receipt {
    /// It stands in a file.
    File {
        /// The file, to be opened with a mail program.
        path: PathBuf,
        /// Whether a message with this Message-ID was there before.
        handover: Handover,
    },
    /// A mail server has taken it over.
    Server {
        /// The server's answer, one line; it often names the id under which the server queued the message.
        reply: String,
    },
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, .. } => path.display().fmt(f),
            Self::Server { reply } => f.write_str(reply),
        }
    }
}
