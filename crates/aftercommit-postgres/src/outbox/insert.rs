//! Writes tasks into the outbox, on a connection and in whatever transaction that is in: one statement.

use std::collections::HashSet;

use aftercommit_core::stored::{StoredOptions, millis};
use aftercommit_core::{Enqueue, Error, GroupName, Message, Placement, Refusal, Result};
use sqlx::{PgConnection, Row};

use crate::error::{failed, unreadable};
use crate::session::Session;
use crate::{sql, text};

const DOING: &str = "enqueue tasks in the outbox";

/// Stores tasks; answers in their order. Nothing else happens: no transaction is begun, nobody is woken. `moment` is the
/// present one, `None` for that of the database.
pub(crate) async fn insert<C: AsMut<PgConnection>>(
    on: &mut Session<C>,
    tasks: &[Enqueue],
    moment: Option<i64>,
) -> Result<Vec<Result<(), Refusal>>> {
    if tasks.is_empty() {
        return Ok(Vec::new());
    }
    let column = |of: fn(&Message) -> &str| tasks.iter().map(|task| of(&task.message)).collect::<Vec<_>>();
    let (queues, ids) = (column(|message| message.queue.as_str()), column(|message| message.id.as_str()));
    let types = column(|message| message.task_type.as_str());
    let groups: Vec<Option<&str>> =
        tasks.iter().map(|task| task.message.group.as_ref().map(GroupName::as_str)).collect();
    let named = [("queue name", &queues), ("task id", &ids), ("task type", &types)];
    for (what, names) in named {
        refuse_nul(what, names.iter().copied())?;
    }
    refuse_nul("group", groups.iter().flatten().copied())?;
    let options = |task: &Enqueue| {
        StoredOptions::of(&task.message).map(|options| serde_json::to_string(&options)).transpose()
    };
    let options: Vec<Option<String>> =
        tasks.iter().map(options).collect::<Result<_, _>>().map_err(|error| unreadable(DOING, error))?;
    let insert = sqlx::query(sql::OUTBOX_INSERT)
        .bind(&queues)
        .bind(&ids)
        .bind(&types)
        .bind(options)
        .bind(&groups)
        .bind(tasks.iter().map(due).collect::<Vec<_>>())
        .bind(tasks.iter().map(|task| task.unique_for.map(millis)).collect::<Vec<_>>())
        .bind(tasks.iter().map(|task| task.message.payload.as_ref()).collect::<Vec<_>>())
        .bind(moment);
    let rows = on.fetch_all(insert).await.map_err(failed(DOING))?;
    let key = |row| Ok((Row::try_get(row, 0)?, Row::try_get(row, 1)?));
    let mut stored: HashSet<(&str, &str)> =
        rows.iter().map(key).collect::<sqlx::Result<_>>().map_err(failed(DOING))?;
    // Of tasks with the same id the first one is stored.
    let answer = |(queue, id)| if stored.remove(&(queue, id)) { Ok(()) } else { Err(Refusal::IdConflict) };
    Ok(queues.iter().copied().zip(ids.iter().copied()).map(answer).collect())
}

fn refuse_nul<'a>(what: &'static str, mut names: impl Iterator<Item = &'a str>) -> Result<()> {
    if names.any(text::has_nul) {
        return Err(Error::invalid(what, "Postgres stores no text with the character NUL"));
    }
    Ok(())
}

fn due(task: &Enqueue) -> Option<i64> {
    match task.placement {
        Placement::At(due) => Some(due.as_millis()),
        _ => None,
    }
}
