//! Writes tasks into the outbox, on a connection and in whatever transaction that is in: one statement.

use std::collections::HashSet;

use aftercommit_core::{Enqueue, Refusal, Result};
use sqlx::{PgConnection, Row};

use crate::error::failed;
use crate::fields::Fields;
use crate::session::Session;
use crate::sql;

const DOING: &str = "enqueue tasks in the outbox";

/// Stores tasks; answers in their order. Nothing else happens: no transaction is begun, nobody is woken. `moment` is the
/// present one, `None` for that of the database.
pub(crate) async fn insert<C: AsMut<PgConnection>>(
    on: &mut Session<C>,
    tasks: &[Enqueue],
    moment: Option<i64>,
) -> Result<Vec<Result<(), Refusal>>> {
    let fields: Vec<Fields<'_>> = tasks.iter().map(Fields::of).collect::<Result<_>>()?;
    match fields.as_slice() {
        [] => Ok(Vec::new()),
        [task] => Ok(vec![insert_one(on, task, moment).await?]),
        tasks => insert_all(on, tasks, moment).await,
    }
}

async fn insert_one<C: AsMut<PgConnection>>(
    on: &mut Session<C>,
    task: &Fields<'_>,
    moment: Option<i64>,
) -> Result<Result<(), Refusal>> {
    let insert = sqlx::query(sql::OUTBOX_INSERT_ONE)
        .bind(task.queue)
        .bind(task.id)
        .bind(task.task_type)
        .bind(task.options.as_deref())
        .bind(task.group)
        .bind(task.due)
        .bind(task.unique_ms)
        .bind(task.payload)
        .bind(moment);
    let is_stored: bool = on.fetch_one(insert).await.and_then(|row| row.try_get(0)).map_err(failed(DOING))?;
    Ok(if is_stored { Ok(()) } else { Err(Refusal::IdConflict) })
}

async fn insert_all<C: AsMut<PgConnection>>(
    on: &mut Session<C>,
    tasks: &[Fields<'_>],
    moment: Option<i64>,
) -> Result<Vec<Result<(), Refusal>>> {
    let insert = sqlx::query(sql::OUTBOX_INSERT)
        .bind(tasks.iter().map(|task| task.queue).collect::<Vec<_>>())
        .bind(tasks.iter().map(|task| task.id).collect::<Vec<_>>())
        .bind(tasks.iter().map(|task| task.task_type).collect::<Vec<_>>())
        .bind(tasks.iter().map(|task| task.options.as_deref()).collect::<Vec<_>>())
        .bind(tasks.iter().map(|task| task.group).collect::<Vec<_>>())
        .bind(tasks.iter().map(|task| task.due).collect::<Vec<_>>())
        .bind(tasks.iter().map(|task| task.unique_ms).collect::<Vec<_>>())
        .bind(tasks.iter().map(|task| task.payload).collect::<Vec<_>>())
        .bind(moment);
    let rows = on.fetch_all(insert).await.map_err(failed(DOING))?;
    let key = |row| Ok((Row::try_get(row, 0)?, Row::try_get(row, 1)?));
    let mut stored: HashSet<(&str, &str)> =
        rows.iter().map(key).collect::<sqlx::Result<_>>().map_err(failed(DOING))?;
    // Of tasks with the same id the first one is stored.
    let names = tasks.iter().map(|task| (task.queue, task.id));
    let answers = names.map(|name| if stored.remove(&name) { Ok(()) } else { Err(Refusal::IdConflict) });
    Ok(answers.collect())
}
