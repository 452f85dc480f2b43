//! What can go wrong with an e-mail, and whether trying again can help.

use std::{fmt, io, path::PathBuf, time::Duration};

/// Why a message was not handed over. Never contains credentials or the message.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The same message may well go through later: the server is away, slow or busy, the disk is full, or an
    /// operator has to put the configuration right first (see [`Cause::is_for_the_operator`]).
    #[error("cannot send the e-mail now: {0}")]
    Temporary(Cause),
    /// This message will never go through as it is.
    #[error("e-mail cannot be delivered: {0}")]
    Permanent(Cause),
}

impl MailError {
    /// What happened, whichever way it is judged.
    pub fn cause(&self) -> &Cause {
        match self {
            Self::Temporary(cause) | Self::Permanent(cause) => cause,
        }
    }
}

/// What happened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Cause {
    /// No connection, or it broke.
    #[error("connection to {server} failed at {stage}: {detail}")]
    Connection {
        /// The mail server, `host:port`.
        server: String,
        /// How far it got.
        stage: Stage,
        /// The operating system's or the protocol's word for it.
        detail: String,
    },
    /// The server did not answer in time.
    #[error("{server} took longer than {limit:?} at {stage}")]
    TimedOut {
        /// The mail server, `host:port`.
        server: String,
        /// How far it got.
        stage: Stage,
        /// How long it was given.
        limit: Duration,
    },
    /// The server said no.
    #[error("{server} answered {stage} with {code} {text}")]
    Refused {
        /// The mail server, `host:port`.
        server: String,
        /// What it refused.
        stage: Stage,
        /// The SMTP reply code.
        code: u16,
        /// The server's words, on one line and cut short.
        text: String,
    },
    /// The server does not take the configured user and password, or wants some and has none.
    #[error("{server} refused the configured user and password: {detail}")]
    Credentials {
        /// The mail server, `host:port`.
        server: String,
        /// The reply code, or what is missing. Never the server's words, which may quote the user.
        detail: String,
    },
    /// The encrypted connection the configuration asks for cannot be had.
    #[error("no trusted encrypted connection to {server}: {detail}")]
    Encryption {
        /// The mail server, `host:port`.
        server: String,
        /// What is wrong with the certificate or the handshake.
        detail: String,
    },
    /// The message cannot be put on the wire.
    #[error("message cannot be written: {0}")]
    Message(String),
    /// The message file cannot be written.
    #[error("cannot write {path}: {source}")]
    Storage {
        /// The file or its directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
}

impl Cause {
    /// True where retrying alone will not help: someone has to correct the configuration or the server.
    pub fn is_for_the_operator(&self) -> bool {
        match self {
            Self::Credentials { .. } | Self::Encryption { .. } | Self::Storage { .. } => true,
            Self::Refused { stage: Stage::Connect, code, .. } => (500..600).contains(code),
            Self::Connection { .. } | Self::TimedOut { .. } | Self::Refused { .. } | Self::Message(_) => {
                false
            }
        }
    }
}

/// How far the conversation with a mail server got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// Waiting for one of the bounded number of connections to be free.
    Queue,
    /// Connecting, up to the server's greeting and its answer to EHLO.
    Connect,
    /// Switching to an encrypted connection.
    StartTls,
    /// Proving who we are.
    Auth,
    /// Naming the sender.
    MailFrom,
    /// Naming the recipient.
    RcptTo,
    /// Announcing the message. From here on the server may have it.
    Data,
    /// The message itself, up to the server's final answer.
    Body,
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Queue => "waiting for a free connection",
            Self::Connect => "connecting",
            Self::StartTls => "STARTTLS",
            Self::Auth => "AUTH",
            Self::MailFrom => "MAIL FROM",
            Self::RcptTo => "RCPT TO",
            Self::Data => "DATA",
            Self::Body => "the end of the message",
        })
    }
}

/// Why the mailer cannot be made ready at start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory for the message files cannot be created or written to.
    #[error("EMAIL_URL: directory {path} cannot be used: {source}")]
    Directory {
        /// The directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The file of certificates cannot be read.
    #[error("EMAIL_TLS_CA: {path}: {detail}")]
    Certificates {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The TLS library refuses to be set up for this host.
    #[error("EMAIL_URL: cannot prepare encrypted connections: {0}")]
    Tls(String),
}
