//! What operators see of the outbox and do to it.

use aftercommit_core::{Backlog, Page, Result, RowInfo, RowOperation, RowState, Rows};
use sqlx::Row;

use super::change::MAX_ROWS;
use super::{PostgresOutbox, row};
use crate::batch::saturated;
use crate::error::failed;
use crate::news::Topic;
use crate::sql;

/// A page of the rows in a state.
pub(super) async fn list(outbox: &PostgresOutbox, state: RowState, page: Page) -> Result<Vec<RowInfo>> {
    const DOING: &str = "list tasks of the outbox";
    let list = sqlx::query(match state {
        RowState::Waiting => sql::OUTBOX_LIST_WAITING,
        RowState::Kept => sql::OUTBOX_LIST_KEPT,
        RowState::Buried => sql::OUTBOX_LIST_BURIED,
    });
    let list = list.bind(saturated(page.limit)).bind(saturated(page.offset));
    let rows = outbox.store.conn(DOING).await?.fetch_all(list).await.map_err(failed(DOING))?;
    rows.iter().map(|row| row::info(row, state)).collect::<Result<_, _>>().map_err(failed(DOING))
}

/// Does something to rows, and says to how many.
pub(super) async fn operate(
    outbox: &PostgresOutbox,
    rows: &Rows,
    operation: RowOperation,
    limit: usize,
) -> Result<usize> {
    const DOING: &str = "operate on tasks of the outbox";
    if limit == 0 {
        return Ok(0);
    }
    let statement = match (rows, operation) {
        (Rows::Buried, RowOperation::Revive) => sql::OUTBOX_REVIVE_BURIED,
        (Rows::Buried, RowOperation::Delete) => sql::OUTBOX_DELETE_BURIED,
        (Rows::One(_), RowOperation::Revive) => sql::OUTBOX_REVIVE_ONE,
        (Rows::One(_), RowOperation::Delete) => sql::OUTBOX_DELETE_ONE,
        (Rows::OfTask(..), RowOperation::Revive) => sql::OUTBOX_REVIVE_OF_TASK,
        (Rows::OfTask(..), RowOperation::Delete) => sql::OUTBOX_DELETE_OF_TASK,
    };
    let change = || match rows {
        Rows::Buried => sqlx::query(statement).bind(saturated(limit.min(MAX_ROWS))),
        Rows::One(seq) => sqlx::query(statement).bind(*seq),
        Rows::OfTask(queue, id) => sqlx::query(statement).bind(queue.as_str()).bind(id.as_str()),
    };
    let done = outbox.change(DOING, change).await?;
    outbox.store.news.announce(Topic::Outbox);
    Ok(usize::try_from(done).unwrap_or(usize::MAX))
}

/// How much waits.
pub(super) async fn backlog(outbox: &PostgresOutbox) -> Result<Backlog> {
    const DOING: &str = "measure the outbox";
    let mut conn = outbox.store.conn(DOING).await?;
    let row = conn.fetch_one(sqlx::query(sql::OUTBOX_BACKLOG)).await.map_err(failed(DOING))?;
    let count = |at: usize| row.try_get::<i64, _>(at).map(i64::unsigned_abs);
    let read = || -> sqlx::Result<Backlog> {
        let oldest_at = row::moment(&row, 1)?;
        Ok(Backlog { waiting: count(0)?, oldest_at, buried: count(2)?, kept: count(3)? })
    };
    read().map_err(failed(DOING))
}
