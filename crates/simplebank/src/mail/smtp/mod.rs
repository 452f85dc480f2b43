//! E-mails handed to a mail server: a bounded number of connections, each step with its own time limit.

mod connection;
mod pool;
mod step;

use super::{Cause, MailError, Message, OpenError, Receipt, Relay, Stage, compose::compose};
use connection::{Connection, Server};
use pool::Pool;
use std::time::Duration;
use step::Steps;
use tokio::time::Instant;

/// The most connections to the mail server at one time; further messages wait for a free one.
const MAX_CONNECTIONS: usize = 10;
/// A connection unused for longer is not used again. Mail servers hang up on idle clients after 5 minutes or so.
const MAX_IDLE: Duration = Duration::from_secs(60);

/// How long each part of sending a message may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// From looking up the name to the server's greeting and its answer to EHLO. Servers that hold back spam
    /// delay the greeting by several seconds.
    pub connect: Duration,
    /// One command and its answer.
    pub command: Duration,
    /// The message and the answer to it. Giving up here risks a second copy, so it is long.
    pub body: Duration,
    /// Everything together, waiting for a free connection included.
    pub whole: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            command: Duration::from_secs(30),
            body: Duration::from_secs(120),
            whole: Duration::from_secs(180),
        }
    }
}

/// Hands messages to a mail server and keeps connections for the next ones.
#[derive(Debug)]
pub struct SmtpMailer {
    server: Server,
    pool: Pool<Connection>,
    timeouts: Timeouts,
}

impl SmtpMailer {
    /// Reads the certificates. Does not connect: a server that is down now may be up for the first message.
    pub async fn open(relay: &Relay, timeouts: Timeouts) -> Result<Self, OpenError> {
        let server = Server::prepare(relay).await?;
        Ok(Self { server, pool: Pool::new(MAX_CONNECTIONS, MAX_IDLE), timeouts })
    }

    /// Hands one message over. Dropping the future closes its connection.
    pub async fn send(&self, message: &Message) -> Result<Receipt, MailError> {
        let letter = compose(message)?;
        let steps = Steps::new(self.server.name(), self.timeouts.whole);
        let _slot = steps.wait(Stage::Queue, self.timeouts.whole, self.pool.slot()).await?;

        if let Some(mut kept) = self.pool.take(Instant::now()) {
            match kept.deliver(&letter, &steps, &self.timeouts).await {
                Err(error) if died_while_idle(&error) => self.pool.clear(),
                done => return self.finish(kept, done),
            }
        }
        let mut fresh = Connection::open(&self.server, &steps, &self.timeouts).await?;
        let done = fresh.deliver(&letter, &steps, &self.timeouts).await;
        self.finish(fresh, done)
    }

    /// A connection is kept only after a conversation that ended as it should.
    fn finish(&self, connection: Connection, done: Result<String, MailError>) -> Result<Receipt, MailError> {
        let reply = done?;
        self.pool.put(connection, Instant::now());
        Ok(Receipt::Server { reply })
    }
}

/// A kept connection whose server has restarted or lost patience shows it at the first command. The server has
/// seen nothing of the message then, so a new connection cannot make a second copy. Later than that it could.
fn died_while_idle(error: &MailError) -> bool {
    match error.cause() {
        Cause::Connection { stage, .. } | Cause::TimedOut { stage, .. } => *stage == Stage::MailFrom,
        Cause::Refused { stage, code, .. } => *stage == Stage::MailFrom && *code == connection::CLOSING,
        _ => false,
    }
}
