//! The engine's connections: a few that everybody shares, made when they are needed, and given up when they do not answer.
//!
//! One attempt to connect is made at a time, further apart while they fail; all who wait for it share what comes of it. So
//! a short absence of the database is a short wait, a longer one a quick error, and the number of attempts does not
//! depend on the number of calls. The log says once that the database is gone, and once that it is back.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rand::RngExt as _;
use sqlx::{Connection as _, PgConnection};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

use crate::conn::Conn;
use crate::error::Fault;
use crate::options::PostgresOptions;
use crate::session::{Manner, Session, within};

/// The pause after the first attempt that fails.
const PAUSE_MIN: Duration = Duration::from_millis(50);
/// The longest pause between two attempts: an upper bound, too, on how late we notice that the database is back.
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// A connection that was idle for longer is asked whether it lives before it is used.
const TRUSTED: Duration = Duration::from_millis(500);
/// How long it may take to answer, and to get back in order after a call was cut off.
const TIDY_TIMEOUT: Duration = Duration::from_secs(1);
/// Connections that nobody has needed for so long are closed, and all when they are so old.
const IDLE_MAX: Duration = Duration::from_secs(600);
const AGE_MAX: Duration = Duration::from_secs(1800);

/// The connections of one handle and its clones. To be used within one Tokio runtime.
#[derive(Debug)]
pub(crate) struct Links {
    pub(crate) options: PostgresOptions,
    manner: Manner,
    to: String,
    permits: Arc<Semaphore>,
    /// How many connections there are, in use or not.
    live: Arc<AtomicUsize>,
    state: Mutex<State>,
    dialling: tokio::sync::Mutex<Dialling>,
}

#[derive(Debug, Default)]
struct State {
    idle: Vec<Idle>,
    /// How many attempts to connect failed, and the last one's fault.
    failed: u64,
    fault: Option<Fault>,
    said: Said,
}

#[derive(Debug)]
struct Idle {
    session: Session<PgConnection>,
    life: Life,
    since: Instant,
}

/// Counts a connection as long as it is there, whatever becomes of it.
#[derive(Debug)]
struct Life {
    born: Instant,
    count: Arc<AtomicUsize>,
}

impl Life {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Self { born: Instant::now(), count: Arc::clone(count) }
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        self.count.fetch_sub(1, Ordering::SeqCst);
    }
}

/// What the log last said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Said {
    #[default]
    Nothing,
    Lost,
}

/// Who holds it is the one that connects.
#[derive(Debug)]
struct Dialling {
    pause: Duration,
    not_before: Option<Instant>,
}

impl Links {
    /// Nothing is connected before the first use.
    pub(crate) fn new(options: PostgresOptions) -> Arc<Self> {
        Arc::new(Self {
            manner: Manner::of_the_engine(&options),
            to: options.place(),
            permits: Arc::new(Semaphore::new(options.max_connections as usize)),
            live: Arc::default(),
            state: Mutex::default(),
            dialling: tokio::sync::Mutex::new(Dialling { pause: PAUSE_MIN, not_before: None }),
            options,
        })
    }

    /// Where they lead, as messages call it.
    pub(crate) fn place(&self) -> &str {
        &self.to
    }

    /// True from the moment the log says that the database is gone until it says that it is back.
    pub(crate) fn is_lost(&self) -> bool {
        self.state().said == Said::Lost
    }

    /// A connection that is not known to be dead.
    pub(crate) async fn acquire(self: &Arc<Self>) -> Result<Conn, Fault> {
        let permit =
            tokio::time::timeout(self.options.connect_timeout, Arc::clone(&self.permits).acquire_owned());
        let permit = permit.await.map_err(|_| sqlx::Error::PoolTimedOut)?;
        let permit = permit.map_err(|_closed| sqlx::Error::PoolClosed)?;
        while let Some(mut idle) = self.take_idle() {
            if idle.since.elapsed() < TRUSTED || idle.session.tidy(TIDY_TIMEOUT).await.is_ok() {
                return Ok(self.lend(idle.session, idle.life, permit));
            }
            // What ended this one has probably ended the others that wait.
            self.discard_idle();
        }
        let (conn, life) = self.dial().await?;
        Ok(self.lend(Session::new(conn, self.manner.clone()), life, permit))
    }

    fn lend(
        self: &Arc<Self>,
        session: Session<PgConnection>,
        life: Life,
        permit: OwnedSemaphorePermit,
    ) -> Conn {
        Conn::new(session, Place { links: Arc::clone(self), life, permit })
    }

    fn take_idle(&self) -> Option<Idle> {
        self.state().idle.pop()
    }

    fn discard_idle(&self) {
        drop(std::mem::take(&mut self.state().idle));
        tracing::debug!(postgres = self.to, "a connection to postgres is lost");
    }

    /// Connects, or shares the failure of whoever does.
    async fn dial(&self) -> Result<(PgConnection, Life), Fault> {
        let failed_before = self.state().failed;
        let mut turn = self.dialling.lock().await;
        if let Some(fault) = self.failed_since(failed_before) {
            return Err(fault);
        }
        if let Some(moment) = turn.not_before {
            tokio::time::sleep_until(moment).await;
        }
        let options = self.options.for_calls();
        match within(Some(self.options.connect_timeout), PgConnection::connect_with(&options)).await {
            Ok(conn) => {
                *turn = Dialling { pause: PAUSE_MIN, not_before: None };
                let life = Life::begin(&self.live);
                self.connected();
                Ok((conn, life))
            }
            Err(error) => {
                turn.not_before = Some(Instant::now() + jittered(turn.pause));
                turn.pause = (turn.pause * 2).min(PAUSE_MAX);
                Err(self.failed(error.into()))
            }
        }
    }

    fn failed_since(&self, before: u64) -> Option<Fault> {
        let state = self.state();
        if state.failed > before { state.fault.clone() } else { None }
    }

    fn connected(&self) {
        let mut state = self.state();
        if state.said == Said::Lost {
            state.said = Said::Nothing;
            tracing::info!(postgres = self.to, "postgres is reachable again");
        }
    }

    fn failed(&self, fault: Fault) -> Fault {
        let mut state = self.state();
        state.failed += 1;
        state.fault = Some(fault.clone());
        if self.live.load(Ordering::SeqCst) == 0 && state.said != Said::Lost {
            state.said = Said::Lost;
            tracing::warn!(postgres = self.to, error = chain(&fault), "postgres is not reachable");
        }
        fault
    }

    /// Closes the connections, once what is under way has ended; later calls fail.
    pub(crate) async fn close(&self) {
        // Fails if somebody else closes too, which is as good.
        let _all = self.permits.acquire_many(self.options.max_connections).await;
        self.permits.close();
        let idle = std::mem::take(&mut self.state().idle);
        for idle in idle {
            // Whether it says goodbye or not, it is gone.
            let _ = within(Some(TIDY_TIMEOUT), idle.session.close()).await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where a connection goes when it is given back. Holds the right to have one.
#[derive(Debug)]
pub(crate) struct Place {
    links: Arc<Links>,
    life: Life,
    permit: OwnedSemaphorePermit,
}

impl Place {
    /// It is in order.
    pub(crate) fn give_back(self, session: Session<PgConnection>) {
        let Self { links, life, permit } = self;
        let since = Instant::now();
        let mut state = links.state();
        // The one that was not needed for the longest time is the first.
        if state.idle.first().is_some_and(|idle| since - idle.since > IDLE_MAX) {
            drop(state.idle.remove(0));
        }
        if life.born.elapsed() < AGE_MAX {
            state.idle.push(Idle { session, life, since });
        }
        drop(state);
        drop(permit);
    }

    /// It is of no use any more.
    pub(crate) fn give_up(self, session: Session<PgConnection>) {
        drop(session);
        self.links.discard_idle();
    }

    /// It has to be brought in order first.
    pub(crate) async fn tidy(self, mut session: Session<PgConnection>) {
        match session.tidy(TIDY_TIMEOUT).await {
            Ok(()) => self.give_back(session),
            Err(_gone) => self.give_up(session),
        }
    }
}

/// Between half of it and all of it, so that many processes do not come back in step.
pub(crate) fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.5..=1.0))
}

/// An error with its causes.
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
