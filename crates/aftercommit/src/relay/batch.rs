//! One claim, and what it gave.

use aftercommit_core::{Claim, OutboxRow, Result, Timestamp};
use tokio::time::Instant;

use super::Shared;
use super::load::Load;

/// What a claim gave.
pub(super) struct Batch {
    pub(super) rows: Vec<OutboxRow>,
    /// When more may be claimed, if there was no more.
    pub(super) next_at: Option<Timestamp>,
    /// Its claim counts from here.
    claimed: Instant,
}

impl Shared {
    /// Claims the oldest rows.
    pub(super) async fn claim(&self) -> Result<Batch> {
        let claimed = Instant::now();
        let Claim { rows, next_at } = self.outbox.claim(self.batch, self.hold).await?;
        Ok(Batch { rows, next_at, claimed })
    }
}

impl Batch {
    /// Whether there may be more.
    pub(super) const fn is_full(&self, shared: &Shared) -> bool {
        self.rows.len() >= shared.batch
    }

    pub(super) fn into_load(self, shared: &Shared) -> Load {
        Load::new(self.rows, self.claimed, shared.hold, shared.retain.as_ref())
    }
}
