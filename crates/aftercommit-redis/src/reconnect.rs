//! Keeps a pool of connections filled: one attempt at a time, further apart while they fail.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rand::RngExt as _;
use tokio::sync::watch;

use crate::connect::Dialer;
use crate::connection::Connection;
use crate::error::Fault;
use crate::options::RedisOptions;

/// The pause after the first attempt that fails.
pub(crate) const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause between two attempts: an upper bound, too, on how late we notice that Redis is back.
pub(crate) const PAUSE_MAX: Duration = Duration::from_secs(1);

/// Connections, and one task at most that makes those which are missing.
pub(crate) struct Pool {
    dialer: Dialer,
    state: Mutex<State>,
    /// Apart from the state: a runtime that is shutting down drops what is spawned on it at once, and the task's right to
    /// fill the pool is given back while the state is still held.
    filler: Mutex<Filler>,
    /// Counts what became of attempts to connect.
    attempts: watch::Sender<Attempts>,
}

struct State {
    /// `None`: missing.
    connections: Vec<Option<Arc<Connection>>>,
    /// How many connections were lost.
    losses: u64,
    /// What the log last said.
    said: Said,
}

/// The task that makes what is missing.
#[derive(Default)]
struct Filler {
    current: Option<u64>,
    started: u64,
}

impl Filler {
    /// The number of a new one, unless there is one.
    fn begin(&mut self) -> Option<u64> {
        if self.current.is_some() {
            return None;
        }
        self.started += 1;
        self.current = Some(self.started);
        self.current
    }
}

impl State {
    fn place_of(&self, connection: &Arc<Connection>) -> Option<usize> {
        self.connections.iter().position(|place| place.as_ref().is_some_and(|it| Arc::ptr_eq(it, connection)))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    Nothing,
    Lost,
}

#[derive(Debug, Clone, Default)]
struct Attempts {
    succeeded: u64,
    failed: u64,
    last_fault: Option<Fault>,
}

impl Pool {
    /// A pool in which everything is missing, and nothing is done about it before the first use.
    pub(crate) fn new(options: RedisOptions) -> Arc<Self> {
        let connections = (0..options.pool_size.get()).map(|_| None).collect();
        Arc::new(Self {
            dialer: Dialer::new(options),
            state: Mutex::new(State { connections, losses: 0, said: Said::Nothing }),
            filler: Mutex::default(),
            attempts: watch::Sender::default(),
        })
    }

    /// How many connections were lost.
    pub(crate) fn losses(&self) -> u64 {
        self.state().losses
    }

    pub(crate) fn dialer(&self) -> &Dialer {
        &self.dialer
    }

    /// A connection that is not known to be dead: the one in this place, counted around, or the next that there is. Without
    /// any it waits until the next attempt to connect ends, at most as long as for an answer.
    pub(crate) async fn connection(self: &Arc<Self>, place: usize) -> Result<Arc<Connection>, Fault> {
        if let Some(connection) = self.find(place) {
            return Ok(connection);
        }
        // Whoever waits is told of every attempt that ends after this.
        let mut attempts = self.attempts.subscribe();
        let failed_before = attempts.borrow_and_update().failed;
        if let Some(connection) = self.find(place) {
            return Ok(connection);
        }
        let options = &self.dialer.options;
        let limit = options.read_timeout.unwrap_or(options.dial_timeout);
        let found = async {
            loop {
                // The sender is in the pool, which we hold.
                let _ = attempts.changed().await;
                if let Some(connection) = self.find(place) {
                    return Ok(connection);
                }
                let now = attempts.borrow_and_update();
                if now.failed > failed_before
                    && let Some(fault) = &now.last_fault
                {
                    return Err(fault.clone());
                }
            }
        };
        let waited = || Fault::Waited { to: Arc::clone(&self.dialer.to), after: limit };
        tokio::time::timeout(limit, found).await.unwrap_or_else(|_| Err(waited()))
    }

    /// Takes a connection out, if it is still in. Nobody new gets it.
    pub(crate) fn retire(self: &Arc<Self>, connection: &Arc<Connection>, why: &dyn std::error::Error) {
        let mut state = self.state();
        if let Some(place) = state.place_of(connection) {
            state.connections[place] = None;
            self.lost(&mut state, why);
        }
    }

    /// Takes every connection out, if this one is still in: else its news is old, and others have taken their places.
    pub(crate) fn retire_all(self: &Arc<Self>, connection: &Arc<Connection>, why: &dyn std::error::Error) {
        let mut state = self.state();
        if state.place_of(connection).is_some() {
            state.connections.fill(None);
            self.lost(&mut state, why);
        }
    }

    fn find(self: &Arc<Self>, place: usize) -> Option<Arc<Connection>> {
        let mut state = self.state();
        self.fill(&mut state);
        let count = state.connections.len();
        let around = (0..count).map(|step| &state.connections[(place + step) % count]);
        around.flatten().find(|connection| connection.is_open()).cloned()
    }

    fn lost(self: &Arc<Self>, state: &mut State, why: &dyn std::error::Error) {
        state.losses += 1;
        if state.connections.iter().all(Option::is_none) {
            self.say_lost(state, why);
        } else {
            tracing::debug!(redis = %self.dialer.to, error = %chain(why), "one of the connections to redis is lost");
        }
        self.fill(state);
    }

    fn say_lost(&self, state: &mut State, why: &dyn std::error::Error) {
        if state.said != Said::Lost {
            state.said = Said::Lost;
            tracing::warn!(redis = %self.dialer.to, error = %chain(why), "redis is not reachable");
        }
    }

    /// Starts the task that makes what is missing, unless it runs.
    fn fill(self: &Arc<Self>, state: &mut State) {
        if state.connections.iter().all(Option::is_some) {
            return;
        }
        let begun = self.filler().begin();
        if let Some(number) = begun {
            tokio::spawn(fill(Guard { pool: Arc::downgrade(self), number }));
        }
    }

    /// Puts a connection in. True if more are missing.
    fn add(self: &Arc<Self>, connection: Connection) -> bool {
        let connection = Arc::new(connection);
        let mut state = self.state();
        if let Some(place) = state.connections.iter_mut().find(|place| place.is_none()) {
            tokio::spawn(watch_over(
                Arc::downgrade(self),
                Arc::downgrade(&connection),
                connection.when_gone(),
            ));
            *place = Some(connection);
        }
        if state.said == Said::Lost {
            state.said = Said::Nothing;
            tracing::info!(redis = %self.dialer.to, "redis is reachable again");
        }
        let more = state.connections.iter().any(Option::is_none);
        if !more {
            self.filler().current = None;
        }
        drop(state);
        self.attempts.send_modify(|attempts| attempts.succeeded += 1);
        more
    }

    fn failed(&self, fault: Fault) {
        let mut state = self.state();
        if state.connections.iter().all(Option::is_none) {
            self.say_lost(&mut state, &fault);
        }
        drop(state);
        self.attempts.send_modify(|attempts| {
            attempts.failed += 1;
            attempts.last_fault = Some(fault);
        });
    }

    fn filler(&self) -> MutexGuard<'_, Filler> {
        self.filler.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to fill the pool. Given back even when the task ends before its work does: with its runtime, say.
struct Guard {
    pool: Weak<Pool>,
    number: u64,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(pool) = self.pool.upgrade() {
            let mut filler = pool.filler();
            if filler.current == Some(self.number) {
                filler.current = None;
            }
        }
    }
}

/// Makes connections until none is missing, or nobody is left who would use them.
async fn fill(guard: Guard) {
    let mut pause = PAUSE_MIN;
    loop {
        let Some(pool) = guard.pool.upgrade() else { return };
        match pool.dialer.dial().await {
            Ok(connection) => {
                pause = PAUSE_MIN;
                if !pool.add(connection) {
                    return;
                }
            }
            Err(fault) => {
                pool.failed(fault);
                // Kept alive by its links, not by our pause.
                drop(pool);
                tokio::time::sleep(jittered(pause)).await;
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
    }
}

/// Takes a connection out of the pool as soon as the other end is gone, used or not.
async fn watch_over(pool: Weak<Pool>, connection: Weak<Connection>, gone: impl Future<Output = ()>) {
    gone.await;
    if let (Some(pool), Some(connection)) = (pool.upgrade(), connection.upgrade()) {
        let why = std::io::Error::new(std::io::ErrorKind::ConnectionReset, "redis closed the connection");
        pool.retire(&connection, &why);
    }
}

/// Between half of it and all of it, so that many processes do not come back in step.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..=1.0))
}

pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
