//! The outbox as the bank's relay sees it: as it is, but whoever stops the relay can learn that it is empty, and tests
//! can have the relay fail between any two of its steps.

use crate::failpoint;
use aftercommit::sqlite::SqliteOutbox;
use aftercommit::{Backlog, Claim, Error, Outbox, Postponed, Result, RowKey, Wakes};
use async_trait::async_trait;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// An outbox that is being emptied by one relay of this process.
#[derive(Debug)]
pub(super) struct WatchedOutbox {
    outbox: SqliteOutbox,
    /// How many claims have begun.
    claims: AtomicU64,
    /// The number of the last claim that found nothing.
    found_nothing: watch::Sender<u64>,
    /// Whether somebody waits for a claim that finds nothing.
    draining: AtomicBool,
}

impl WatchedOutbox {
    pub(super) fn new(outbox: SqliteOutbox) -> Self {
        Self {
            outbox,
            claims: AtomicU64::new(0),
            found_nothing: watch::Sender::new(0),
            draining: AtomicBool::new(false),
        }
    }

    /// Waits until the relay has found nothing more to claim. What another relay holds does not count.
    pub(super) async fn drained(&self) {
        let mut found_nothing = self.found_nothing.subscribe();
        self.draining.store(true, Ordering::SeqCst);
        // A claim that is under way may have looked before the last commit.
        let begun = self.claims.load(Ordering::SeqCst);
        self.outbox.wake();
        // The sender is ours.
        let _ = found_nothing.wait_for(|claim| *claim > begun).await;
    }
}

#[async_trait]
impl Outbox for WatchedOutbox {
    async fn claim(&self, limit: usize, duration: Duration) -> Result<Claim> {
        let number = self.claims.fetch_add(1, Ordering::SeqCst) + 1;
        let claim = self.outbox.claim(limit, duration).await?;
        if claim.rows.is_empty() {
            self.found_nothing.send_replace(number);
        } else {
            failpoint!("relay.claimed").await.map_err(|error| Error::unavailable("claim rows", error))?;
        }
        Ok(claim)
    }

    async fn mark(&self, rows: &[RowKey]) -> Result<()> {
        failpoint!("relay.published").await.map_err(|error| Error::unavailable("mark rows", error))?;
        self.outbox.mark(rows).await?;
        if self.draining.load(Ordering::SeqCst) {
            // A relay that has emptied the outbox does not look again by itself.
            self.outbox.wake();
        }
        failpoint!("relay.marked").await.map_err(|error| Error::unavailable("mark rows", error))
    }

    async fn postpone(&self, rows: &[Postponed]) -> Result<()> {
        self.outbox.postpone(rows).await
    }

    async fn bury(&self, rows: &[(RowKey, String)]) -> Result<()> {
        self.outbox.bury(rows).await
    }

    fn wakes(&self) -> Wakes {
        self.outbox.wakes()
    }

    async fn backlog(&self) -> Result<Backlog> {
        self.outbox.backlog().await
    }
}
