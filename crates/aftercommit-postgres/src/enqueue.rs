//! Stores a batch of tasks on a connection, in whatever transaction that is in.

use std::collections::HashSet;

use aftercommit_core::stored::{StoredOptions, state};
use aftercommit_core::{Enqueue, GroupName, Placement, Refusal, Result, State, Timestamp};
use sqlx::PgConnection;

use crate::error::{failed, unreadable};
use crate::sql;

const DOING: &str = "enqueue tasks";

/// Stores tasks; answers in their order. Nothing else happens: no transaction is begun, nobody is woken. `moment` is the
/// present one, `None` for that of the database.
pub(crate) async fn enqueue(
    conn: &mut PgConnection,
    tasks: &[Enqueue],
    moment: Option<i64>,
) -> Result<Vec<Result<(), Refusal>>> {
    let options = |task: &Enqueue| {
        StoredOptions::of(&task.message).map(|options| serde_json::to_string(&options)).transpose()
    };
    let options: Vec<Option<String>> =
        tasks.iter().map(options).collect::<Result<_, _>>().map_err(|error| unreadable(DOING, error))?;
    let column = |of: fn(&Enqueue) -> &str| tasks.iter().map(of).collect::<Vec<_>>();
    let stored = sqlx::query_as::<_, (String, String)>(sql::ENQUEUE)
        .bind(column(|task| task.message.queue.as_str()))
        .bind(column(|task| task.message.id.as_str()))
        .bind(column(|task| task.message.task_type.as_str()))
        .bind(tasks.iter().map(|task| code(task.state())).collect::<Vec<_>>())
        .bind(tasks.iter().map(due).collect::<Vec<_>>())
        .bind(options)
        .bind(tasks.iter().map(|task| task.message.group.as_ref().map(GroupName::as_str)).collect::<Vec<_>>())
        .bind(tasks.iter().map(|task| task.message.payload.as_ref()).collect::<Vec<_>>())
        .bind(moment);
    let mut stored: HashSet<(String, String)> =
        stored.fetch_all(conn).await.map_err(failed(DOING))?.into_iter().collect();
    let answer = |task: &Enqueue| {
        let key = (task.message.queue.to_string(), task.message.id.to_string());
        if stored.remove(&key) { Ok(()) } else { Err(Refusal::IdConflict) }
    };
    Ok(tasks.iter().map(answer).collect())
}

fn due(task: &Enqueue) -> Option<i64> {
    match task.placement {
        Placement::At(due) => Some(Timestamp::as_millis(due)),
        _ => None,
    }
}

const fn code(of: State) -> i16 {
    match of {
        State::Scheduled => state::SCHEDULED as i16,
        State::Aggregating => state::AGGREGATING as i16,
        _ => state::PENDING as i16,
    }
}
