//! The database at the start of a process: brought up to date, and waited for if it is on another machine and not there.

use super::servers::Ports;
use crate::server::{self, Readiness};
use crate::store::{Source, Store, StoreError, migrate};
use std::error::Error;
use std::time::Duration;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

/// The pause before the second look at a database that is away; it doubles each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause between two looks.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How long a probe may take to read its answer when the bank takes over from the waiting room.
const LAST_PROBE: Duration = Duration::from_secs(1);

/// Why there is no database to work with.
#[derive(Debug, thiserror::Error)]
pub(super) enum DatabaseError {
    #[error("failed to run migrate up")]
    Schema(#[source] StoreError),
    #[error(transparent)]
    Open(StoreError),
    #[error("failed to migrate the task queue")]
    Queue(#[source] aftercommit::Error),
}

impl DatabaseError {
    /// Whether the database is away, and may come back.
    fn is_absence(&self) -> bool {
        match self {
            Self::Schema(error) | Self::Open(error) => error.is_absence(),
            Self::Queue(error) => error.is_transient(),
        }
    }
}

/// Brings the bank's tables and the queue's up to date, and opens the store.
pub(super) async fn prepare(source: &Source) -> Result<Store, DatabaseError> {
    migrate::up(source).await.map_err(DatabaseError::Schema)?;
    let store = Store::open(source).await.map_err(DatabaseError::Open)?;
    store.queue().migrate().await.map_err(DatabaseError::Queue)?;
    tracing::info!("db migrated successfully");
    Ok(store)
}

/// As [`prepare`], for a process that has time: a server that is away is waited for, and meanwhile the probes are answered.
/// Whatever does not pass by itself ends the wait.
pub(super) async fn wait(source: &Source, ports: Option<&Ports>) -> anyhow::Result<Store> {
    let error = match (prepare(source).await, source) {
        (Err(error), Source::Postgres(_)) if error.is_absence() => error,
        (prepared, _) => return Ok(prepared?),
    };
    let waiting_room = match ports {
        Some(ports) => {
            let at = ports.http_address()?;
            tracing::warn!(
                error = &error as &dyn Error,
                "waiting for the database, probes are answered at {at}"
            );
            Some(WaitingRoom::open(ports).await?)
        }
        None => {
            tracing::warn!(error = &error as &dyn Error, "waiting for the database");
            None
        }
    };
    let mut pause = FIRST_PAUSE;
    let store = loop {
        sleep(pause).await;
        match prepare(source).await {
            Err(error) if error.is_absence() => pause = LONGEST_PAUSE.min(2 * pause),
            prepared => break prepared?,
        }
    };
    if let Some(room) = waiting_room {
        room.close().await?;
    }
    Ok(store)
}

/// A server that has nothing to say but that it is too early.
struct WaitingRoom {
    stop: CancellationToken,
    serving: AbortOnDropHandle<server::Drained>,
}

impl WaitingRoom {
    async fn open(ports: &Ports) -> anyhow::Result<Self> {
        let stop = CancellationToken::new();
        let web = server::waiting_room(Readiness::new(Vec::new()).await);
        let serving = server::serve_gateway(ports.second_http()?, web, stop.clone(), LAST_PROBE);
        Ok(Self { stop, serving: AbortOnDropHandle::new(tokio::spawn(serving)) })
    }

    async fn close(self) -> anyhow::Result<()> {
        self.stop.cancel();
        // Whoever has not read the answer by then asks again.
        self.serving.await.map(drop).map_err(Into::into)
    }
}
