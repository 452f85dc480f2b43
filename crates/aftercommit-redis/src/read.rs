//! Reading tasks for operators.

use aftercommit_core::{
    GroupInfo, GroupRules, Lease, Page, QueueName, Result, Selection, State, TaskId, TaskInfo, Timestamp,
    WorkerId,
};
use bytes::Bytes;

use crate::RedisBackend;
use crate::command::Command;
use crate::dequeue::{Row, count, shown_id};
use crate::keys::QueueKeys;
use crate::message::{self, Decoded};
use crate::reply::Reply;
use crate::script::{Invocation, Script};
use crate::{time, token};

static READ: Script = Script::new(include_str!("lua/read.lua"));

/// The most tasks that one script reads.
const MAX_ITEMS: usize = 500;
/// How often a change that depends on what was read is tried.
pub(crate) const ATTEMPTS: usize = 5;

const DOING: &str = "read tasks";

impl RedisBackend {
    pub(crate) async fn read_task(&self, queue: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>> {
        let mut call = read_call(&self.keys(queue), None);
        call.arg("task").arg(id.as_str());
        let mut rows = self.link.eval(DOING, &call).await?.into_list(DOING)?;
        rows.pop().map(|row| info(queue, row)).transpose()
    }

    pub(crate) async fn read_page(
        &self,
        queue: &QueueName,
        selection: &Selection,
        page: Page,
    ) -> Result<Vec<TaskInfo>> {
        let keys = self.keys(queue);
        let collection = match selection {
            Selection::State(State::Aggregating) => return self.read_groups(queue, page).await,
            Selection::Group(group) => &keys.group(group.as_str()),
            Selection::State(State::Pending) => &keys.pending,
            Selection::State(State::Active) => &keys.active,
            Selection::State(State::Scheduled) => &keys.scheduled,
            Selection::State(State::Retry) => &keys.retry,
            Selection::State(State::Archived) => &keys.archived,
            Selection::State(State::Completed) => &keys.completed,
        };
        let kind = if matches!(selection.state(), State::Pending | State::Active) { "list" } else { "set" };
        self.read_collection(queue, &keys, collection, kind, page).await
    }

    /// The tasks of all groups, group by group; in each, those that an aggregator holds before those that wait.
    async fn read_groups(&self, queue: &QueueName, page: Page) -> Result<Vec<TaskInfo>> {
        let keys = self.keys(queue);
        let mut collections = self.sets(queue).await?;
        let waiting = self.group_infos(queue).await?;
        collections.extend(waiting.into_iter().map(|GroupInfo { group, .. }| {
            let key = keys.group(group.as_str());
            (group, key)
        }));
        // Stable: of one group, the sets stay before the group itself.
        collections.sort_by(|a, b| a.0.cmp(&b.0));
        let mut infos: Vec<TaskInfo> = Vec::new();
        let mut skip = page.offset;
        for (_, collection) in collections {
            let left = page.limit - infos.len();
            if left == 0 {
                break;
            }
            let part = Page { offset: skip, limit: left };
            let found = self.read_collection(queue, &keys, &collection, "set", part).await?;
            if found.is_empty() {
                let size = self.link.command(DOING, Command::new("ZCARD").arg(&collection)).await?;
                skip = skip.saturating_sub(usize::try_from(size.into_count(DOING)?).unwrap_or(usize::MAX));
            } else {
                skip = 0;
            }
            infos.extend(found);
        }
        Ok(infos)
    }

    async fn read_collection(
        &self,
        queue: &QueueName,
        keys: &QueueKeys,
        collection: &str,
        kind: &'static str,
        page: Page,
    ) -> Result<Vec<TaskInfo>> {
        let rows = self.read_rows(keys, collection, kind, page).await?;
        rows.into_iter().map(|row| info(queue, row)).collect()
    }

    /// The tasks of a set that an aggregator holds.
    pub(crate) async fn read_set(&self, queue: &QueueName, keys: &QueueKeys, set: &str) -> Result<Vec<Row>> {
        let rows = self.read_rows(keys, set, "set", Page::first(GroupRules::MAX_BATCH)).await?;
        let stored = |row: Reply| {
            let [id, _, _, _, _, msg, exact, recovered, _, _] = row.into_array(DOING)?;
            Row::new(queue, id, msg, exact, recovered)
        };
        rows.into_iter().map(stored).collect()
    }

    async fn read_rows(
        &self,
        keys: &QueueKeys,
        collection: &str,
        kind: &'static str,
        page: Page,
    ) -> Result<Vec<Reply>> {
        let mut rows = Vec::new();
        let (mut first, end) = (page.offset, page.offset.saturating_add(page.limit));
        while first < end {
            let last = first.saturating_add(MAX_ITEMS).min(end) - 1;
            let mut call = read_call(keys, Some(collection));
            call.arg(kind).number(first).number(last);
            let some = self.link.eval(DOING, &call).await?.into_list(DOING)?;
            if some.is_empty() {
                break;
            }
            rows.extend(some);
            first = last + 1;
        }
        Ok(rows)
    }
}

fn read_call(keys: &QueueKeys, collection: Option<&str>) -> Invocation {
    let mut names: Vec<&str> =
        vec![&keys.lease, &keys.due, &keys.scheduled, &keys.retry, &keys.archived, &keys.completed];
    names.extend(collection);
    let mut call = READ.call(&names);
    call.arg(keys.tasks());
    call
}

/// One task, from what the script says of it. One that cannot be read is shown as far as it can.
fn info(queue: &QueueName, row: Reply) -> Result<TaskInfo> {
    let [id, score, due, lease, state, msg, exact, recovered, owner, result] = row.into_array(DOING)?;
    let id = shown_id(&id.into_bytes(DOING)?.unwrap_or_default());
    let state: State = String::from_utf8_lossy(&state.into_bytes(DOING)?.unwrap_or_default()).parse()?;
    let msg = msg.into_bytes(DOING)?.unwrap_or_default();
    let exact = exact.into_bytes(DOING)?;
    let (mut message, completed_at) = match message::decode(&msg, exact.as_deref(), queue, id.clone()) {
        Ok(Decoded { message, completed_at, .. }) => (message, completed_at),
        Err(unreadable) => (unreadable.into_message(), None),
    };
    message.recovered = count(recovered.into_bytes(DOING)?.as_deref());
    let second = score.into_number(DOING)?;
    let lease = match lease {
        Reply::Nil => None,
        score => {
            let (token, expires_at) = token::parts(score.into_float(DOING)?.unwrap_or_default());
            Some(Lease { queue: queue.clone(), id, token, expires_at })
        }
    };
    Ok(TaskInfo {
        next_process_at: second
            .filter(|_| matches!(state, State::Scheduled | State::Retry))
            .map(|second| due_at(second, due.into_number(DOING).ok().flatten())),
        ended_at: match state {
            State::Completed => completed_at,
            State::Archived => second.map(|second| archived_at(second, message.last_failed_at)),
            _ => None,
        },
        worker: lease.as_ref().and_then(|lease| worker_of(owner, lease)),
        lease,
        result: result.into_bytes(DOING)?,
        message,
        state,
    })
}

/// The exact time if it belongs to the second that Go reads; see `lua/forward.lua`.
fn due_at(second: i64, exact_ms: Option<i64>) -> Timestamp {
    let exact = exact_ms.map(Timestamp::from_millis);
    exact.filter(|due| time::second_at_or_after(*due) == second).unwrap_or_else(|| time::from_secs(second))
}

/// A worker archives a task when it fails; an operator's archive has only the second.
fn archived_at(second: i64, failed_at: Option<Timestamp>) -> Timestamp {
    failed_at.filter(|at| time::second(*at) == second).unwrap_or_else(|| time::from_secs(second))
}

/// The worker that stands beside the task, if it has the lease that stands there now.
fn worker_of(owner: Reply, lease: &Lease) -> Option<WorkerId> {
    let owner: Bytes = owner.into_bytes(DOING).ok()??;
    let (token, worker) = std::str::from_utf8(&owner).ok()?.split_once('|')?;
    (token.parse() == Ok(lease.token.get())).then(|| WorkerId::from_stored(worker))
}
