//! Rows of tasks that cannot be read, because another program wrote to them. They go to the archive with the reason, where
//! operators see them, and never hold up others.

use aftercommit_core::stored::StoredOptions;
use aftercommit_core::{BoxError, GroupName, Result, TaskId, TaskType};
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::conn::Conn;
use crate::error::failed;
use crate::sql;
use crate::store::Store;

const DOING: &str = "archive tasks that cannot be read";

/// Rows to archive, each found where the columns of a task stand as [`row::message`](crate::row::message) wants them, after
/// its seq and epoch.
#[derive(Debug, Default)]
pub(crate) struct Unreadable {
    seqs: Vec<i64>,
    epochs: Vec<i32>,
    ids: Vec<String>,
    types: Vec<String>,
    options: Vec<Option<String>>,
    groups: Vec<Option<String>>,
    reasons: Vec<String>,
}

impl Unreadable {
    /// Adds a row, and why it cannot be read.
    pub(crate) fn add(&mut self, row: &PgRow, why: &BoxError) {
        let seq = row.try_get::<i64, _>(0).unwrap_or_default();
        tracing::error!(seq, error = %why, "a task's row cannot be read and goes to the archive");
        let text = |column: usize| row.try_get::<&str, _>(column).ok();
        let id = text(4).and_then(|id| TaskId::new(id).ok());
        let task_type = text(5).and_then(|name| TaskType::new(name).ok());
        let options = text(6).filter(|options| StoredOptions::read(Some(options)).is_ok());
        let group = text(12).filter(|group| GroupName::new(*group).is_ok());
        self.seqs.push(seq);
        self.epochs.push(row.try_get(1).unwrap_or_default());
        self.ids.push(id.map_or_else(|| format!("unreadable-{seq}"), |id| id.to_string()));
        self.types.push(task_type.map_or_else(|| "unreadable".to_owned(), |name| name.to_string()));
        self.options.push(options.map(str::to_owned));
        self.groups.push(group.map(str::to_owned));
        self.reasons.push(format!("the task's row cannot be read: {why}"));
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.seqs.is_empty()
    }

    /// Archives the rows, unless somebody else did. Should that fail, whoever looks for orphans will try again; the tasks
    /// that can be read matter more.
    pub(crate) async fn archive(self, store: &Store) {
        if !self.is_empty()
            && let Err(error) = self.archive_now(store).await
        {
            tracing::warn!(%error, "rows that cannot be read stay where they are for now");
        }
    }

    async fn archive_now(self, store: &Store) -> Result<()> {
        let mut conn = store.conn(DOING).await?;
        self.archive_in(&mut conn, store.moment()).await
    }

    /// The same on a connection, in whatever transaction that is in.
    pub(crate) async fn archive_in(self, conn: &mut Conn, moment: Option<i64>) -> Result<()> {
        if self.is_empty() {
            return Ok(());
        }
        let archive = sqlx::query(sql::ARCHIVE_UNREADABLE)
            .bind(self.seqs)
            .bind(self.epochs)
            .bind(self.ids)
            .bind(self.types)
            .bind(self.options)
            .bind(self.groups)
            .bind(self.reasons)
            .bind(moment);
        conn.execute(archive).await.map(drop).map_err(failed(DOING))
    }
}
