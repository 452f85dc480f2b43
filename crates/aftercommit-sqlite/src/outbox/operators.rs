//! What operators see of the outbox and do to it.

use aftercommit_core::{Page, Result, RowInfo, RowOperation, RowState, Rows, Timestamp};
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use crate::error::failed;
use crate::sql;
use crate::store::Store;
use crate::upkeep::saturated;

const DOING: &str = "operate on tasks of the outbox";

/// A page of the rows in a state.
pub(super) async fn list(store: &Store, state: RowState, page: Page) -> Result<Vec<RowInfo>> {
    const DOING: &str = "list tasks of the outbox";
    let list = sqlx::query(match state {
        RowState::Waiting => sql::OUTBOX_LIST_WAITING,
        RowState::Kept => sql::OUTBOX_LIST_KEPT,
        RowState::Buried => sql::OUTBOX_LIST_BURIED,
    });
    let list = list.bind(saturated(page.limit)).bind(saturated(page.offset));
    let rows = list.fetch_all(&mut *store.reader(DOING).await?).await.map_err(failed(DOING))?;
    rows.iter().map(|row| info(row, state)).collect::<Result<_, _>>().map_err(failed(DOING))
}

/// Does something to rows, and says to how many.
pub(super) async fn operate(
    store: &Store,
    rows: &Rows,
    operation: RowOperation,
    limit: usize,
) -> Result<usize> {
    if limit == 0 {
        return Ok(0);
    }
    let change = match (rows, operation) {
        (Rows::Buried, RowOperation::Revive) => sqlx::query(sql::OUTBOX_REVIVE_BURIED),
        (Rows::Buried, RowOperation::Delete) => sqlx::query(sql::OUTBOX_DELETE_BURIED),
        (Rows::One(_), RowOperation::Revive) => sqlx::query(sql::OUTBOX_REVIVE_ONE),
        (Rows::One(_), RowOperation::Delete) => sqlx::query(sql::OUTBOX_DELETE_ONE),
        (Rows::OfTask(..), RowOperation::Revive) => sqlx::query(sql::OUTBOX_REVIVE_OF_TASK),
        (Rows::OfTask(..), RowOperation::Delete) => sqlx::query(sql::OUTBOX_DELETE_OF_TASK),
    };
    let change = match rows {
        Rows::Buried => change.bind(saturated(limit)),
        Rows::One(seq) => change.bind(*seq),
        Rows::OfTask(queue, id) => change.bind(queue.as_str()).bind(id.as_str()),
    };
    let done = change.execute(&mut *store.writer(DOING).await?).await.map_err(failed(DOING))?;
    store.news.everything();
    Ok(usize::try_from(done.rows_affected()).unwrap_or(usize::MAX))
}

fn info(row: &SqliteRow, state: RowState) -> sqlx::Result<RowInfo> {
    // What another program wrote may be anything.
    let text = |at: usize| -> sqlx::Result<String> {
        Ok(String::from_utf8_lossy(row.try_get_unchecked::<&[u8], _>(at)?).into_owned())
    };
    let count =
        |at: usize| Ok::<_, sqlx::Error>(u32::try_from(row.try_get::<i64, _>(at)?).unwrap_or(u32::MAX));
    Ok(RowInfo {
        seq: row.try_get(0)?,
        state,
        queue: text(1)?,
        id: text(2)?,
        task_type: text(3)?,
        enqueued_at: Timestamp::from_millis(row.try_get(4)?),
        published_at: row.try_get::<Option<i64>, _>(5)?.map(Timestamp::from_millis),
        attempts: count(6)?,
        losses: count(7)?,
        error: row.try_get(8)?,
    })
}
