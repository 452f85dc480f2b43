//! An operator's hand on tasks. Which tasks it is about is found out first, and they are locked; what becomes of them is
//! then one statement, however many they are, in the same transaction.
//!
//! A worker that claims a task passes over those that are locked, and a task that it has claimed is no longer in the list
//! an operator chooses from: so each task is either operated on or run.

use aftercommit_core::stored::state::state;
use aftercommit_core::{Action, Error, Operation, QueueName, Result, Selection, State, TaskId};
use bytes::Bytes;
use sqlx::Row;
use sqlx::postgres::PgRow;

use crate::batch::saturated;
use crate::conn::Conn;
use crate::error::failed;
use crate::news::Topic;
use crate::text::has_nul;
use crate::{PostgresQueue, sql};

const DOING: &str = "operate on tasks";

/// How many tasks are changed in one transaction, which keeps their rows from others while it lasts.
const CHUNK: usize = 5_000;
/// How often a task is looked for that moves between the tables just while it is waited for.
const TRIES: usize = 8;

/// Does something to one task.
pub(crate) async fn on_one(
    queue: &PostgresQueue,
    name: &QueueName,
    id: &TaskId,
    operation: Operation,
) -> Result<Action> {
    let mut tx = queue.store.transaction(DOING).await?;
    let Some(found) = find(&mut tx, name, id).await? else {
        return refused(tx, Action::NotFound).await;
    };
    if found.is_held || !operation.applies_to(found.state) {
        return refused(tx, Action::Refused(found.state)).await;
    }
    apply(queue, &mut tx, found.state, operation, &[found.seq]).await?;
    tx.commit().await.map_err(failed(DOING))?;
    wake(queue, operation);
    Ok(Action::Applied)
}

/// Does something to tasks of a selection, and says to how many. Should it fail half-way, what was done stays done.
pub(crate) async fn on_all(
    queue: &PostgresQueue,
    name: &QueueName,
    selection: &Selection,
    operation: Operation,
    limit: usize,
) -> Result<usize> {
    if !operation.applies_to(selection.state()) {
        return Ok(0);
    }
    let mut done = 0;
    while done < limit {
        let wanted = CHUNK.min(limit - done);
        let changed = on_some(queue, name, selection, operation, wanted).await?;
        done += changed;
        if changed < wanted {
            break;
        }
    }
    Ok(done)
}

/// Does something to the first `wanted` tasks of a selection; to fewer if there are no more.
async fn on_some(
    queue: &PostgresQueue,
    name: &QueueName,
    selection: &Selection,
    operation: Operation,
    wanted: usize,
) -> Result<usize> {
    let Some(statement) = choice(selection) else { return Ok(0) };
    let mut tx = queue.store.transaction(DOING).await?;
    let mut choose = sqlx::query(statement).bind(name.as_str()).bind(saturated(wanted)).bind(0_i64);
    if let Selection::Group(group) = selection {
        choose = choose.bind(group.as_str());
    }
    let rows = tx.fetch_all(choose).await.map_err(failed(DOING))?;
    let chosen: Vec<i64> =
        rows.iter().map(|row| row.try_get(0)).collect::<sqlx::Result<_>>().map_err(failed(DOING))?;
    if chosen.is_empty() {
        tx.roll_back().await.map_err(failed(DOING))?;
        return Ok(0);
    }
    apply(queue, &mut tx, selection.state(), operation, &chosen).await?;
    tx.commit().await.map_err(failed(DOING))?;
    wake(queue, operation);
    Ok(chosen.len())
}

/// Gives a scheduled task another payload.
pub(crate) async fn update_payload(
    queue: &PostgresQueue,
    name: &QueueName,
    id: &TaskId,
    payload: Bytes,
) -> Result<Action> {
    const DOING: &str = "update a payload";
    let mut tx = queue.store.transaction(DOING).await?;
    match find(&mut tx, name, id).await? {
        None => refused(tx, Action::NotFound).await,
        Some(found) if found.state != State::Scheduled => refused(tx, Action::Refused(found.state)).await,
        Some(found) => {
            let update = sqlx::query(sql::UPDATE_PAYLOAD).bind(found.seq).bind(payload.as_ref());
            tx.execute(update).await.map_err(failed(DOING))?;
            tx.commit().await.map_err(failed(DOING))?;
            Ok(Action::Applied)
        }
    }
}

/// Nothing is done, and nothing stays locked.
async fn refused(tx: Conn, answer: Action) -> Result<Action> {
    tx.roll_back().await.map_err(failed(DOING))?;
    Ok(answer)
}

/// Where a task is.
struct Found {
    seq: i64,
    state: State,
    /// Whether an aggregator has it in a batch; then it is his, as an active task is its worker's.
    is_held: bool,
}

/// Finds a task, and locks it where it is.
async fn find(tx: &mut Conn, queue: &QueueName, id: &TaskId) -> Result<Option<Found>> {
    if has_nul(id.as_str()) {
        // No task is stored under such an id.
        return Ok(None);
    }
    for _ in 0..TRIES {
        let find = sqlx::query(sql::FIND).bind(queue.as_str()).bind(id.as_str());
        let row = tx.fetch_one(find).await.map_err(failed(DOING))?;
        let (found, was_there) = read(&row).map_err(failed(DOING))?;
        if found.is_some() || !was_there {
            return Ok(found);
        }
    }
    Err(Error::unavailable(DOING, "the task does not stay in one state for long enough"))
}

/// A row of `find.sql`.
fn read(row: &PgRow) -> sqlx::Result<(Option<Found>, bool)> {
    let was_there = row.try_get(3)?;
    let Some(seq) = row.try_get(0)? else { return Ok((None, was_there)) };
    let state = state(i64::from(row.try_get::<i16, _>(1)?)).map_err(sqlx::Error::Decode)?;
    Ok((Some(Found { seq, state, is_held: row.try_get(2)? }), was_there))
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

/// Changes locked tasks, which are all in one state.
async fn apply(
    queue: &PostgresQueue,
    tx: &mut Conn,
    state: State,
    operation: Operation,
    chosen: &[i64],
) -> Result<()> {
    let statement = match (operation, state.is_terminal()) {
        (Operation::Run, false) => sql::RUN_LIVE,
        (Operation::Run, true) => sql::RUN_ENDED,
        (Operation::Archive, _) => sql::ARCHIVE_LIVE,
        (Operation::Delete, false) => sql::DELETE_LIVE,
        (Operation::Delete, true) => sql::DELETE_ENDED,
    };
    let change = sqlx::query(statement).bind(chosen).bind(queue.store.moment());
    let row = tx.fetch_one(change).await.map_err(failed(DOING))?;
    if row.try_get::<i64, _>(0).map_err(failed(DOING))? == saturated(chosen.len()) {
        return Ok(());
    }
    Err(Error::store(DOING, "tasks changed although they were locked"))
}

fn wake(queue: &PostgresQueue, operation: Operation) {
    if operation == Operation::Run {
        queue.store.news.announce(Topic::Pending);
    }
}
