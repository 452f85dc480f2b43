//! The broker's link to Redis: a few connections that everybody shares, made when first used and made again when lost.
//!
//! No command is ever sent twice on its own account: once it may have been sent and its answer is lost, the caller hears
//! of it. A call that finds no connection waits for the attempt under way, or the next one, and at most as long as for an
//! answer; so a short absence of Redis is a short wait, a longer one a quick error, and the number of attempts to connect
//! does not depend on the number of calls (`reconnect`).

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use aftercommit_core::{Result, Timestamp};
use redis::{RedisError, RedisResult, Value};

use crate::command::Command;
use crate::connect::Dialer;
use crate::connection::Connection;
use crate::error::{Fault, is_passing, is_read_only};
use crate::options::{Place, RedisOptions};
use crate::reconnect::Pool;
use crate::reply::Reply;

/// A shared link to Redis. Clones share its connections; they end with the last clone.
///
/// To be used within one Tokio runtime.
#[derive(Clone)]
pub struct Link {
    inner: Arc<Inner>,
}

struct Inner {
    pool: Arc<Pool>,
    next: AtomicUsize,
    round_trips: AtomicU64,
    commands: AtomicU64,
    /// How often Redis could not do for now what it was asked to.
    refusals: AtomicU64,
}

/// What a link has sent since it was made. Connecting does not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Traffic {
    /// How many times something was sent and its answer waited for.
    pub round_trips: u64,
    /// How many commands that were.
    pub commands: u64,
}

/// What there is at the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shape {
    Single,
    Cluster,
}

impl Link {
    /// A link that connects when it is first used.
    pub fn new(options: RedisOptions) -> Self {
        let inner = Inner {
            pool: Pool::new(options),
            next: AtomicUsize::new(0),
            round_trips: AtomicU64::new(0),
            commands: AtomicU64::new(0),
            refusals: AtomicU64::new(0),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Where it leads, as messages call it.
    pub fn place(&self) -> &str {
        &self.inner.pool.dialer().to
    }

    /// Runs a command.
    pub async fn command(&self, doing: &'static str, command: Command) -> Result<Reply> {
        self.send_one(&command).await.map(Reply::from).map_err(|fault| fault.while_trying_to(doing))
    }

    /// Runs commands in one round trip. One result for each, in their order.
    pub async fn pipeline(&self, doing: &'static str, commands: &[Command]) -> Vec<Result<Reply>> {
        let answer =
            |answer: Result<Value, Fault>| answer.map(Reply::from).map_err(|it| it.while_trying_to(doing));
        self.send_each(commands).await.into_iter().map(answer).collect()
    }

    /// What it has sent so far.
    pub fn traffic(&self) -> Traffic {
        Traffic {
            round_trips: self.inner.round_trips.load(Ordering::Relaxed),
            commands: self.inner.commands.load(Ordering::Relaxed),
        }
    }

    /// What time it is at Redis. `None` before the first connection, and on a cluster, whose nodes have a clock each.
    pub(crate) fn time(&self) -> Option<Timestamp> {
        self.inner.pool.dialer().clock.now()
    }

    /// Takes note of an answer to `TIME`.
    pub(crate) fn note_time(&self, answer: Reply) {
        if self.shape() == Shape::Single {
            self.inner.pool.dialer().clock.note(answer);
        }
    }

    /// How often something stood between us and Redis: connections that were lost, and answers that it cannot write for
    /// now, as when it is out of memory or short of replicas.
    pub(crate) fn troubles(&self) -> u64 {
        self.inner.pool.losses() + self.inner.refusals.load(Ordering::Relaxed)
    }

    /// What there is at the other end.
    pub(crate) fn shape(&self) -> Shape {
        match self.inner.pool.dialer().options.place {
            Place::Cluster(_) => Shape::Cluster,
            _ => Shape::Single,
        }
    }

    /// Makes connections as those of the link, which are not of the link.
    pub(crate) fn dialer(&self) -> &Dialer {
        self.inner.pool.dialer()
    }

    pub(crate) async fn send_one(&self, command: &Command) -> Result<Value, Fault> {
        let mut answers = self.send(std::slice::from_ref(command)).await?;
        Ok(answers.pop().expect("there are as many answers as commands")?)
    }

    /// Sends in one go; a fault of the connection becomes the result of each.
    pub(crate) async fn send_each(&self, commands: &[Command]) -> Vec<Result<Value, Fault>> {
        if commands.is_empty() {
            return Vec::new();
        }
        match self.send(commands).await {
            Ok(answers) => answers.into_iter().map(|answer| answer.map_err(Fault::from)).collect(),
            Err(fault) => commands.iter().map(|_| Err(fault.clone())).collect(),
        }
    }

    async fn send(&self, commands: &[Command]) -> Result<Vec<RedisResult<Value>>, Fault> {
        let start = self.inner.next.fetch_add(1, Ordering::Relaxed);
        let connection = self.inner.pool.connection(start).await?;
        self.inner.round_trips.fetch_add(1, Ordering::Relaxed);
        self.inner.commands.fetch_add(commands.len() as u64, Ordering::Relaxed);
        let sent = connection.send(commands).await;
        match &sent {
            Err(error) => self.gives_up(&connection, error),
            Ok(answers) => {
                if answers.iter().filter_map(|it| it.as_ref().err()).any(is_passing) {
                    self.inner.refusals.fetch_add(1, Ordering::Relaxed);
                }
                if let Some(error) =
                    answers.iter().filter_map(|it| it.as_ref().err()).find(|it| is_read_only(it))
                {
                    // A failover: whoever answers so is not the primary any more, on no connection.
                    self.inner.pool.retire_all(&connection, error);
                }
            }
        }
        sent.map_err(Fault::from)
    }

    /// An answer that does not come in time may never come: the connection may be dead without knowing it. Calls that
    /// share it keep it until their own time is over; new ones get another.
    fn gives_up(&self, connection: &Arc<Connection>, error: &RedisError) {
        if error.is_io_error() || error.is_unrecoverable_error() {
            self.inner.pool.retire(connection, error);
        }
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("place", &self.place())
            .field("traffic", &self.traffic())
            .finish_non_exhaustive()
    }
}
