//! An operator's hand on tasks. Which tasks it is about is found out first; what becomes of them is then a
//! statement or two, however many they are, in the same transaction.

use aftercommit_core::stored::state::state;
use aftercommit_core::{Action, BoxError, Operation, QueueName, Result, Selection, State, TaskId};
use bytes::Bytes;
use sqlx::{Row, SqliteConnection};

use crate::error::failed;
use crate::upkeep::saturated;
use crate::{SqliteQueue, sql};

const DOING: &str = "operate on tasks";

/// Does something to one task.
pub(crate) async fn on_one(
    queue: &SqliteQueue,
    name: &QueueName,
    id: &TaskId,
    operation: Operation,
) -> Result<Action> {
    let mut tx = queue.store.write(DOING).await?;
    let Some(found) = find(&mut tx, name, id).await.map_err(failed(DOING))? else {
        return Ok(Action::NotFound);
    };
    if found.is_held || !operation.applies_to(found.state) {
        return Ok(Action::Refused(found.state));
    }
    let step = Step { queue: name, state: found.state, operation };
    apply(queue, &mut tx, &step, &[found.seq]).await?;
    tx.commit().await.map_err(failed(DOING))?;
    wake(queue, operation);
    Ok(Action::Applied)
}

/// Does something to tasks of a selection, and says to how many.
pub(crate) async fn on_all(
    queue: &SqliteQueue,
    name: &QueueName,
    selection: &Selection,
    operation: Operation,
    limit: usize,
) -> Result<usize> {
    let state = selection.state();
    if limit == 0 || !operation.applies_to(state) {
        return Ok(0);
    }
    let Some(statement) = choice(selection) else { return Ok(0) };
    let mut tx = queue.store.write(DOING).await?;
    let mut choose = sqlx::query_scalar(statement).bind(name.as_str()).bind(saturated(limit)).bind(0_i64);
    if let Selection::Group(group) = selection {
        choose = choose.bind(group.as_str());
    }
    let chosen: Vec<i64> = choose.fetch_all(&mut *tx).await.map_err(failed(DOING))?;
    if chosen.is_empty() {
        return Ok(0);
    }
    apply(queue, &mut tx, &Step { queue: name, state, operation }, &chosen).await?;
    tx.commit().await.map_err(failed(DOING))?;
    wake(queue, operation);
    Ok(chosen.len())
}

/// Gives a scheduled task another payload.
pub(crate) async fn update_payload(
    queue: &SqliteQueue,
    name: &QueueName,
    id: &TaskId,
    payload: Bytes,
) -> Result<Action> {
    const DOING: &str = "update a payload";
    let mut tx = queue.store.write(DOING).await?;
    match find(&mut tx, name, id).await.map_err(failed(DOING))? {
        None => Ok(Action::NotFound),
        Some(found) if found.state != State::Scheduled => Ok(Action::Refused(found.state)),
        Some(found) => {
            let update = sqlx::query(sql::UPDATE_PAYLOAD).bind(found.seq).bind(payload.as_ref());
            update.execute(&mut *tx).await.map_err(failed(DOING))?;
            tx.commit().await.map_err(failed(DOING))?;
            Ok(Action::Applied)
        }
    }
}

/// Where a task is.
struct Found {
    seq: i64,
    state: State,
    /// Whether an aggregator has it in a batch; then it is his, as an active task is its worker's.
    is_held: bool,
}

async fn find(conn: &mut SqliteConnection, queue: &QueueName, id: &TaskId) -> sqlx::Result<Option<Found>> {
    let find = sqlx::query(sql::FIND).bind(queue.as_str()).bind(id.as_str());
    let Some(row) = find.fetch_optional(conn).await? else { return Ok(None) };
    let state = state(row.try_get(1)?).map_err(sqlx::Error::Decode)?;
    let is_held = row.try_get::<Option<i64>, _>(2)?.is_some();
    Ok(Some(Found { seq: row.try_get(0)?, state, is_held }))
}

/// The statement that finds the tasks of a selection; none for the active, who are their workers'.
const fn choice(selection: &Selection) -> Option<&'static str> {
    Some(match selection {
        Selection::Group(_) => sql::CHOOSE_GROUP,
        Selection::State(State::Pending) => sql::CHOOSE_PENDING,
        Selection::State(State::Scheduled) => sql::CHOOSE_SCHEDULED,
        Selection::State(State::Retry) => sql::CHOOSE_RETRY,
        Selection::State(State::Aggregating) => sql::CHOOSE_WAITING,
        Selection::State(State::Archived) => sql::CHOOSE_ARCHIVED,
        Selection::State(State::Completed) => sql::CHOOSE_COMPLETED,
        Selection::State(State::Active) => return None,
    })
}

/// What happens to the chosen tasks of a queue, which are all in one state.
struct Step<'a> {
    queue: &'a QueueName,
    state: State,
    operation: Operation,
}

async fn apply(
    queue: &SqliteQueue,
    conn: &mut SqliteConnection,
    step: &Step<'_>,
    chosen: &[i64],
) -> Result<()> {
    let seqs = serde_json::Value::from(chosen).to_string();
    let now = queue.store.now();
    let statements: &[&'static str] = match (step.operation, step.state.is_terminal()) {
        (Operation::Run, false) => &[sql::RUN_LIVE],
        (Operation::Run, true) => &[sql::RUN_ENDED, sql::DELETE_ENDED],
        (Operation::Archive, _) => &[sql::ARCHIVE_LIVE, sql::DELETE_LIVE],
        (Operation::Delete, false) => &[sql::DELETE_LIVE],
        (Operation::Delete, true) => &[sql::DELETE_ENDED],
    };
    for statement in statements {
        let change = sqlx::query(*statement).bind(&seqs).bind(now.as_millis()).execute(&mut *conn);
        if change.await.map_err(failed(DOING))?.rows_affected() != chosen.len() as u64 {
            // Nobody else writes while this transaction does.
            let why = BoxError::from("tasks changed inside a transaction");
            return Err(aftercommit_core::Error::store(DOING, why));
        }
    }
    let after = match (step.operation, step.state.is_terminal()) {
        (Operation::Run, false) => sqlx::query(sql::ADVANCE).bind(saturated(chosen.len())),
        // The queue is known by its tasks otherwise.
        (Operation::Delete, _) => sqlx::query(sql::KNOW_QUEUE).bind(step.queue.as_str()).bind(now.day()),
        (Operation::Run | Operation::Archive, _) => return Ok(()),
    };
    after.execute(conn).await.map(drop).map_err(failed(DOING))
}

fn wake(queue: &SqliteQueue, operation: Operation) {
    if operation == Operation::Run {
        queue.store.news.pending();
    }
}
