//! The outbox as the bank's relay sees it: as it is, but whoever stops the relay can learn that it is empty, and tests
//! can have the relay fail between any two of its steps.

use crate::failpoint;
use crate::store;
use aftercommit::{
    Backlog, Claim, Error, Kept, Observed, Outbox, Page, Postponed, Result, RowInfo, RowKey, RowOperation,
    RowState, Rows, Wakes, Watch,
};
use async_trait::async_trait;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// An outbox that is being emptied by one relay of this process.
#[derive(Debug)]
pub(super) struct WatchedOutbox {
    outbox: store::Outbox,
    rows: Arc<dyn Outbox>,
    /// How many claims have begun.
    claims: AtomicU64,
    /// The number of the last claim that found nothing.
    found_nothing: watch::Sender<u64>,
    /// Whether somebody waits for a claim that finds nothing.
    draining: AtomicBool,
}

impl WatchedOutbox {
    pub(super) fn new(outbox: store::Outbox) -> Self {
        Self {
            rows: outbox.rows(),
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

impl WatchedOutbox {
    /// Has a relay that is being stopped look once more: one that has emptied the outbox does not do so by itself.
    fn look_again(&self) {
        if self.draining.load(Ordering::SeqCst) {
            self.outbox.wake();
        }
    }
}

#[async_trait]
impl Outbox for WatchedOutbox {
    async fn claim(&self, limit: usize, duration: Duration) -> Result<Claim> {
        let number = self.claims.fetch_add(1, Ordering::SeqCst) + 1;
        let claim = self.rows.claim(limit, duration).await?;
        if claim.rows.is_empty() {
            self.found_nothing.send_replace(number);
        } else {
            failpoint!("relay.claimed").await.map_err(|error| Error::unavailable("claim rows", error))?;
        }
        Ok(claim)
    }

    async fn mark(&self, rows: &[RowKey]) -> Result<()> {
        failpoint!("relay.published").await.map_err(|error| Error::unavailable("mark rows", error))?;
        self.rows.mark(rows).await?;
        self.look_again();
        failpoint!("relay.marked").await.map_err(|error| Error::unavailable("mark rows", error))
    }

    async fn keep(&self, rows: &[Kept]) -> Result<()> {
        failpoint!("relay.published").await.map_err(|error| Error::unavailable("keep rows", error))?;
        self.rows.keep(rows).await?;
        self.look_again();
        failpoint!("relay.marked").await.map_err(|error| Error::unavailable("keep rows", error))
    }

    async fn watch(&self, limit: usize, duration: Duration) -> Result<Watch> {
        let watch = self.rows.watch(limit, duration).await?;
        if !watch.rows.is_empty() {
            failpoint!("relay.watching").await.map_err(|error| Error::unavailable("watch rows", error))?;
        }
        Ok(watch)
    }

    async fn observe(&self, rows: &[Observed]) -> Result<()> {
        self.rows.observe(rows).await
    }

    async fn publish_again(&self, rows: &[RowKey]) -> Result<()> {
        failpoint!("relay.lost").await.map_err(|error| Error::unavailable("publish again", error))?;
        self.rows.publish_again(rows).await
    }

    async fn postpone(&self, rows: &[Postponed]) -> Result<()> {
        self.rows.postpone(rows).await
    }

    async fn bury(&self, rows: &[(RowKey, String)]) -> Result<()> {
        self.rows.bury(rows).await
    }

    async fn list(&self, state: RowState, page: Page) -> Result<Vec<RowInfo>> {
        self.rows.list(state, page).await
    }

    async fn operate(&self, rows: &Rows, operation: RowOperation, limit: usize) -> Result<usize> {
        self.rows.operate(rows, operation, limit).await
    }

    fn wakes(&self) -> Wakes {
        self.rows.wakes()
    }

    async fn backlog(&self) -> Result<Backlog> {
        self.rows.backlog().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aftercommit::sqlite::SqliteOutbox;
    use aftercommit::{RawTask, TaskType};
    use futures_util::{FutureExt, StreamExt};

    const HOLD: Duration = Duration::from_secs(30);

    #[tokio::test]
    async fn an_outbox_is_drained_once_a_later_claim_finds_nothing() {
        let directory = tempfile::tempdir().unwrap();
        let outbox = SqliteOutbox::open(directory.path().join("bank.db")).await.unwrap();
        outbox.migrate().await.unwrap();
        let watched = WatchedOutbox::new(store::Outbox::Sqlite(outbox.clone()));
        let mut wakes = watched.wakes();
        assert_eq!(
            watched.claim(9, HOLD).await.unwrap().rows,
            [],
            "before the task, and before anybody waits"
        );

        let mut tx = outbox.begin().await.unwrap();
        let task = RawTask { task_type: TaskType::new("mail:send").unwrap(), payload: "{}".into() };
        outbox.enqueue_raw_in(&mut tx, task).await.unwrap();
        tx.commit().await.unwrap();
        let mut drained = std::pin::pin!(watched.drained());
        assert!(drained.as_mut().now_or_never().is_none());
        let claim = watched.claim(9, HOLD).await.unwrap();
        assert!(claim.rows.len() == 1 && drained.as_mut().now_or_never().is_none());

        while wakes.next().now_or_never().is_some() {}
        watched.mark(&[claim.rows[0].key]).await.unwrap();
        assert!(wakes.next().now_or_never().is_some(), "the relay is made to look again");
        assert!(drained.as_mut().now_or_never().is_none());
        watched.claim(9, HOLD).await.unwrap();
        assert!(drained.now_or_never().is_some());
    }
}
