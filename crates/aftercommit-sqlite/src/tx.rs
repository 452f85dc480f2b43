//! A transaction that wakes the workers when it commits.

use std::fmt;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use aftercommit_core::Result;
use sqlx::{Sqlite, SqliteConnection, Transaction};

use crate::error::failed;
use crate::news::News;

/// A transaction on the connection that writes; use it as that connection. Dropped without
/// [`commit`](Self::commit) it is rolled back, and the tasks enqueued in it never existed.
#[must_use = "a transaction that is dropped is rolled back"]
pub struct SqliteTx {
    tx: Transaction<'static, Sqlite>,
    news: Arc<News>,
}

impl SqliteTx {
    pub(crate) const fn new(tx: Transaction<'static, Sqlite>, news: Arc<News>) -> Self {
        Self { tx, news }
    }

    /// Commits, then wakes the workers of this process.
    ///
    /// # Errors
    /// If the store refuses; then nothing of the transaction exists.
    pub async fn commit(self) -> Result<()> {
        let Self { tx, news } = self;
        // The commit of a future that is dropped meanwhile may still happen, so the wake-up must too.
        let _wakes = WakeOnDrop(news);
        tx.commit().await.map_err(failed("commit"))
    }

    /// Rolls back.
    ///
    /// # Errors
    /// If the store refuses; nothing of the transaction exists then either.
    pub async fn rollback(self) -> Result<()> {
        self.tx.rollback().await.map_err(failed("roll back"))
    }
}

struct WakeOnDrop(Arc<News>);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.everything();
    }
}

impl Deref for SqliteTx {
    type Target = SqliteConnection;

    fn deref(&self) -> &SqliteConnection {
        &self.tx
    }
}

impl DerefMut for SqliteTx {
    fn deref_mut(&mut self) -> &mut SqliteConnection {
        &mut self.tx
    }
}

impl fmt::Debug for SqliteTx {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteTx").finish_non_exhaustive()
    }
}
