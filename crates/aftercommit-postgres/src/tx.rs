//! A transaction that wakes the workers when it commits.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use aftercommit_core::Result;
use sqlx::{PgConnection, Postgres, Transaction};

use crate::error::failed;
use crate::news::News;

/// A transaction on a connection of the host's; use it as that connection. Dropped without [`commit`](Self::commit) it is
/// rolled back, and the tasks enqueued in it never existed.
#[must_use = "a transaction that is dropped is rolled back"]
pub struct PostgresTx {
    tx: Transaction<'static, Postgres>,
    news: Arc<News>,
}

impl PostgresTx {
    pub(crate) const fn new(tx: Transaction<'static, Postgres>, news: Arc<News>) -> Self {
        Self { tx, news }
    }

    /// Commits, then wakes the workers.
    ///
    /// # Errors
    /// If the database refuses; then nothing of the transaction exists. If the connection is lost before the answer, nobody
    /// knows whether it does.
    pub async fn commit(self) -> Result<()> {
        let Self { tx, news } = self;
        // The commit of a future that is dropped meanwhile may still happen, so the wake-up must too.
        let _wakes = AnnounceOnDrop(news);
        tx.commit().await.map_err(failed("commit"))
    }

    /// Rolls back.
    ///
    /// # Errors
    /// If the database cannot be reached; nothing of the transaction exists then either.
    pub async fn rollback(self) -> Result<()> {
        self.tx.rollback().await.map_err(failed("roll back"))
    }
}

struct AnnounceOnDrop(Arc<News>);

impl Drop for AnnounceOnDrop {
    fn drop(&mut self) {
        self.0.announce_everything();
    }
}

impl Deref for PostgresTx {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        &self.tx
    }
}

impl DerefMut for PostgresTx {
    fn deref_mut(&mut self) -> &mut PgConnection {
        &mut self.tx
    }
}

impl fmt::Debug for PostgresTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresTx").finish_non_exhaustive()
    }
}
