//! Writes tasks into the outbox, on a connection and in whatever transaction that is in: one statement, and a
//! second one to learn which tasks were refused, if any were.

use aftercommit_core::stored::{StoredOptions, millis};
use aftercommit_core::{Enqueue, GroupName, Placement, Refusal, Result, Timestamp};
use sqlx::SqliteConnection;

use crate::batch::Batch;
use crate::error::failed;
use crate::sql;

const DOING: &str = "enqueue tasks in the outbox";

/// How many bytes of payloads go into one statement, if it has more than one task; SQLite takes no statement
/// with a gigabyte.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Stores tasks; answers in their order. Nothing else happens: no transaction is begun, nobody is woken.
pub(crate) async fn insert(
    conn: &mut SqliteConnection,
    tasks: &[Enqueue],
    now: Timestamp,
) -> Result<Vec<Result<(), Refusal>>> {
    let mut answers = vec![Ok(()); tasks.len()];
    let mut at = 0;
    while at < tasks.len() {
        let part = &tasks[at..at + fitting(&tasks[at..])];
        for nth in store(conn, part, now).await? {
            answers[at + nth] = Err(Refusal::IdConflict);
        }
        at += part.len();
    }
    Ok(answers)
}

/// How many tasks go into one statement: all of them, unless their payloads are very long.
fn fitting(tasks: &[Enqueue]) -> usize {
    let sums = tasks.iter().scan(0_usize, |sum, task| {
        *sum = sum.saturating_add(task.message.payload.len());
        Some(*sum)
    });
    sums.take_while(|sum| *sum <= MAX_BYTES).count().max(1)
}

/// Stores what fits into one statement; tells which tasks were refused, by their places.
async fn store(conn: &mut SqliteConnection, tasks: &[Enqueue], now: Timestamp) -> Result<Vec<usize>> {
    let (json, blob) = encode(tasks);
    let insert = sqlx::query(sql::OUTBOX_INSERT).bind(&json).bind(blob).bind(now.as_millis());
    let stored = insert.execute(&mut *conn).await.map_err(failed(DOING))?;
    if stored.rows_affected() == tasks.len() as u64 {
        return Ok(Vec::new());
    }
    if stored.rows_affected() == 0 {
        return Ok((0..tasks.len()).collect());
    }
    let refused =
        sqlx::query_scalar::<_, i64>(sql::OUTBOX_REFUSED).bind(json).bind(stored.last_insert_rowid());
    let places = refused.fetch_all(conn).await.map_err(failed(DOING))?;
    let place = |nth| usize::try_from(nth).ok().filter(|nth| *nth < tasks.len());
    Ok(places.into_iter().filter_map(place).collect())
}

fn encode(tasks: &[Enqueue]) -> (String, Vec<u8>) {
    let mut batch = Batch::with_capacity(tasks.len());
    for task in tasks {
        let message = &task.message;
        let due = match task.placement {
            Placement::At(due) => Some(due.as_millis()),
            _ => None,
        };
        batch
            .item()
            .field(message.queue.as_str())
            .field(message.id.as_str())
            .field(message.task_type.as_str())
            .field(StoredOptions::of(message))
            .field(message.group.as_ref().map(GroupName::as_str))
            .field(due)
            .field(task.unique_for.map(millis))
            .bytes(&message.payload);
    }
    batch.finish()
}
