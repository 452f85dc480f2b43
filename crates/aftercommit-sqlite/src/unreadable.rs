//! Rows of tasks that cannot be read, because another program wrote to them. They go to the archive with the
//! reason, where operators see them, and never hold up others.

use aftercommit_core::stored::StoredOptions;
use aftercommit_core::{BoxError, GroupName, Result, TaskId, TaskType, Timestamp};
use sqlx::sqlite::SqliteRow;
use sqlx::{Row, SqliteConnection};

use crate::batch::Batch;
use crate::error::failed;
use crate::sql;
use crate::store::Store;

const DOING: &str = "archive tasks that cannot be read";

/// Rows to archive, each found where the columns of a task stand as [`row::message`](crate::row::message)
/// wants them, after its seq and epoch.
#[derive(Debug, Default)]
pub(crate) struct Unreadable {
    batch: Batch,
    rows: usize,
}

impl Unreadable {
    /// Adds a row, and why it cannot be read.
    pub(crate) fn add(&mut self, row: &SqliteRow, why: &BoxError) {
        let seq = row.try_get::<i64, _>(0).unwrap_or_default();
        tracing::error!(seq, error = %why, "a task's row cannot be read and goes to the archive");
        let text = |column: usize| row.try_get::<&str, _>(column).ok();
        let id = text(4).and_then(|id| TaskId::new(id).ok());
        let task_type = text(5).and_then(|name| TaskType::new(name).ok());
        let options = text(6).filter(|options| StoredOptions::read(Some(options)).is_ok());
        let group = text(12).filter(|group| GroupName::new(group).is_ok());
        self.rows += 1;
        self.batch
            .item()
            .number(seq)
            .number(row.try_get(1).unwrap_or_default())
            .field(id.map_or_else(|| format!("unreadable-{seq}"), |id| id.to_string()))
            .field(task_type.map_or_else(|| "unreadable".to_owned(), |name| name.to_string()))
            .field(options)
            .field(group)
            .field(row.try_get::<u32, _>(7).unwrap_or_default())
            .field(row.try_get::<u32, _>(8).unwrap_or_default())
            .field(format!("the task's row cannot be read: {why}"));
    }

    /// Archives the rows, unless somebody else did. Should that fail, whoever looks for orphans will try
    /// again; the tasks that can be read matter more.
    pub(crate) async fn archive(self, store: &Store) {
        if self.rows > 0
            && let Err(error) = self.archive_now(store).await
        {
            tracing::warn!(%error, "rows that cannot be read stay where they are for now");
        }
    }

    async fn archive_now(self, store: &Store) -> Result<()> {
        let mut tx = store.write(DOING).await?;
        self.archive_in(&mut tx, store.now()).await?;
        tx.commit().await.map_err(failed(DOING))
    }

    /// The same in a transaction.
    pub(crate) async fn archive_in(self, conn: &mut SqliteConnection, now: Timestamp) -> Result<()> {
        if self.rows == 0 {
            return Ok(());
        }
        let json = self.batch.finish().0;
        for statement in [sql::ARCHIVE_UNREADABLE, sql::DELETE_UNREADABLE] {
            let step = sqlx::query(statement).bind(&json).bind(now.as_millis());
            step.execute(&mut *conn).await.map_err(failed(DOING))?;
        }
        Ok(())
    }
}
