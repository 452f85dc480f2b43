//! Forgetting what has expired.

use super::{Bank, ServiceError};
use crate::store::idempotency::{self, PURGE_BATCH};
use std::convert::Infallible;
use std::time::Duration;

const DOING: &str = "purge expired idempotency keys";

/// How often to look for something to forget. A key may be remembered that much longer.
const INTERVAL: Duration = Duration::from_secs(10 * 60);

/// What one round of purging did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purged {
    /// How many rows were deleted.
    pub rows: u64,
    /// Whether more are waiting.
    pub rest: Rest,
}

/// Whether a round that is bounded has left something over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// Nothing is left for now.
    Nothing,
    /// The round was full: come again at once.
    Perhaps,
}

impl Bank {
    /// Purges at once and then every few minutes, for as long as this future is polled.
    pub async fn keep_purging(self) -> Infallible {
        loop {
            let rest = match self.purge_idempotency_keys().await {
                Ok(purged) => purged.rest,
                Err(error) => {
                    tracing::warn!(error = &error as &dyn std::error::Error, "trying again in a few minutes");
                    Rest::Nothing
                }
            };
            if rest == Rest::Nothing {
                tokio::time::sleep(INTERVAL).await;
            }
        }
    }

    /// Deletes idempotency keys that have expired: a bounded number, in one short transaction. Safe to
    /// call at any time, from any number of processes.
    ///
    /// # Errors
    /// [`ServiceError::Overloaded`]; [`ServiceError::Unavailable`]; [`ServiceError::Internal`].
    pub async fn purge_idempotency_keys(&self) -> Result<Purged, ServiceError> {
        let mut tx = self.parts().store.begin().await.map_err(ServiceError::store(DOING))?;
        let now = self.parts().clock.now();
        let rows = idempotency::purge(&mut tx, now).await.map_err(ServiceError::store(DOING))?;
        tx.commit().await.map_err(ServiceError::store(DOING))?;
        let rest = if rows < u64::from(PURGE_BATCH) { Rest::Nothing } else { Rest::Perhaps };
        Ok(Purged { rows, rest })
    }
}
