//! What operators see and do.

use aftercommit_core::{
    Action, DayCount, Error, GroupInfo, GroupName, Inspect, Operation, Page, QueueInfo, QueueName, Removal,
    Result, Selection, State, StateCounts, TaskId, TaskInfo, Timestamp,
};
use async_trait::async_trait;
use bytes::Bytes;

use crate::RedisBackend;
use crate::command::Command;
use crate::keys::{QUEUES, QueueKeys};
use crate::patch::{Change, Patch};
use crate::reply::Reply;
use crate::script::{Invocation, Script};
use crate::{read, time};

static QUEUE: Script = Script::new(include_str!("lua/queue.lua"));
static OPERATE: Script = Script::new(concat!(include_str!("lua/lock.lua"), include_str!("lua/operate.lua")));
static UPDATE_PAYLOAD: Script = Script::new(include_str!("lua/update_payload.lua"));
static REMOVE_QUEUE: Script = Script::new(include_str!("lua/remove_queue.lua"));

/// The most tasks that one script operates on, whatever the caller asks for.
const MAX_ITEMS: usize = 500;
/// The most groups of a queue that are counted; beyond them the counts are estimates.
const MAX_GROUPS: usize = 500;
/// How many tasks of each state are measured to estimate what all of them take.
const SAMPLED: usize = 5;
/// For how many days back a removed queue may have counts.
const DAYS_KEPT: i64 = 91;

const LOOKING: &str = "look at queues";
const OPERATING: &str = "operate on tasks";

#[async_trait]
impl Inspect for RedisBackend {
    async fn queues(&self) -> Result<Vec<QueueName>> {
        let names =
            self.link.command(LOOKING, Command::new("SMEMBERS").arg(QUEUES)).await?.into_list(LOOKING)?;
        let mut queues = Vec::with_capacity(names.len());
        for name in names {
            let name = name.into_bytes(LOOKING)?.unwrap_or_default();
            // A name that we do not allow is another writer's, and nothing of ours could be in it.
            queues.extend(std::str::from_utf8(&name).ok().and_then(|name| QueueName::new(name).ok()));
        }
        queues.sort();
        Ok(queues)
    }

    async fn queue(&self, queue: &QueueName) -> Result<Option<QueueInfo>> {
        if !self.exists(queue).await? {
            return Ok(None);
        }
        let keys = self.keys(queue);
        let mut call = QUEUE.call(&[
            &keys.pending,
            &keys.active,
            &keys.scheduled,
            &keys.retry,
            &keys.archived,
            &keys.completed,
            &keys.groups,
            &keys.aggregation_sets,
            &keys.processed,
            &keys.failed,
            &keys.paused,
        ]);
        call.arg(&keys.prefix).number(MAX_GROUPS).number(SAMPLED);
        queue_info(queue, self.link.eval(LOOKING, &call).await?).map(Some)
    }

    async fn history(&self, queue: &QueueName, days: usize) -> Result<Vec<DayCount>> {
        let (now, keys) = (self.now(), self.keys(queue));
        let at = |back: usize| now.minus(DAY * u32::try_from(back).unwrap_or(u32::MAX));
        let commands: Vec<Command> = (0..days)
            .map(|back| Command::new("MGET").arg(keys.processed_on(at(back))).arg(keys.failed_on(at(back))))
            .collect();
        let mut history = Vec::with_capacity(days);
        for (back, reply) in self.link.pipeline(LOOKING, &commands).await.into_iter().enumerate() {
            let [processed, failed] = reply?.into_array(LOOKING)?;
            let (processed, failed) = (processed.into_count(LOOKING)?, failed.into_count(LOOKING)?);
            history.push(DayCount { day: at(back).day(), processed, failed });
        }
        Ok(history)
    }

    async fn list(&self, queue: &QueueName, selection: &Selection, page: Page) -> Result<Vec<TaskInfo>> {
        self.read_page(queue, selection, page).await
    }

    async fn get(&self, queue: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>> {
        self.read_task(queue, id).await
    }

    async fn operate(&self, queue: &QueueName, id: &TaskId, operation: Operation) -> Result<Action> {
        let mut call = self.operate_call(&self.keys(queue), operation);
        call.arg("one").arg(id.as_str());
        action(self.link.eval(OPERATING, &call).await?)
    }

    async fn operate_all(
        &self,
        queue: &QueueName,
        selection: &Selection,
        operation: Operation,
        limit: usize,
    ) -> Result<usize> {
        let state = selection.state();
        if !operation.applies_to(state) || limit == 0 {
            return Ok(0);
        }
        let groups = match selection {
            Selection::Group(group) => vec![group.clone()],
            Selection::State(State::Aggregating) => self.group_names(queue).await?,
            Selection::State(_) => Vec::new(),
        };
        let keys = self.keys(queue);
        let mut done = 0;
        if state == State::Aggregating {
            for group in groups {
                done += self.operate_on_some(&keys, operation, state, Some(&group), limit - done).await?;
            }
            return Ok(done);
        }
        self.operate_on_some(&keys, operation, state, None, limit).await
    }

    async fn update_payload(&self, queue: &QueueName, id: &TaskId, payload: Bytes) -> Result<Action> {
        let key = self.keys(queue).task(id);
        // The message is patched here and stored only if it is still the one that was read.
        for _ in 0..read::ATTEMPTS {
            let read = self.link.command(OPERATING, Command::new("HGET").arg(key.clone()).arg("msg")).await?;
            let Some(stored) = read.into_bytes(OPERATING)? else { return Ok(Action::NotFound) };
            let patched = Patch { payload: Change::Set(&payload), ..Patch::default() }
                .apply(&stored)
                .map_err(|error| Error::store(OPERATING, error.to_string()))?;
            let mut call = UPDATE_PAYLOAD.call(&[&key]);
            call.arg(&stored).arg(&patched);
            let reply = self.link.eval(OPERATING, &call).await?;
            if !matches!(&reply, Reply::Bytes(text) if &**text == b"changed") {
                return action(reply);
            }
        }
        Err(Error::unavailable(OPERATING, format!("task {id} keeps changing")))
    }

    async fn remove_queue(&self, queue: &QueueName) -> Result<Removal> {
        if !self.exists(queue).await? {
            return Ok(Removal::NotFound);
        }
        let (now, keys) = (self.now(), self.keys(queue));
        let mut all: Vec<String> = [
            &keys.pending,
            &keys.active,
            &keys.scheduled,
            &keys.retry,
            &keys.archived,
            &keys.completed,
            &keys.groups,
            &keys.aggregation_sets,
            &keys.lease,
            &keys.processed,
            &keys.failed,
            &keys.paused,
            &keys.due,
            &keys.owners,
            &keys.held,
        ]
        .into_iter()
        .cloned()
        .collect();
        for back in -1..DAYS_KEPT {
            let at = Timestamp::from_millis(now.as_millis() - back * DAY_MS);
            all.extend([keys.processed_on(at), keys.failed_on(at)]);
        }
        let all: Vec<&str> = all.iter().map(String::as_str).collect();
        let mut call = REMOVE_QUEUE.call(&all);
        call.arg(&keys.prefix);
        if self.link.eval(OPERATING, &call).await?.into_int(OPERATING)? == 0 {
            return Ok(Removal::NotEmpty);
        }
        self.forget_known(queue);
        let command = Command::new("SREM").arg(QUEUES).arg(queue.as_str());
        self.link.command(OPERATING, command).await?;
        Ok(Removal::Removed)
    }

    async fn pause(&self, queue: &QueueName) -> Result<()> {
        let since = time::second(self.now()).to_string();
        let command = Command::new("SET").arg(self.keys(queue).paused.clone()).arg(since).arg("NX");
        self.link.command("pause a queue", command).await.map(drop)
    }

    async fn resume(&self, queue: &QueueName) -> Result<()> {
        let command = Command::new("DEL").arg(self.keys(queue).paused.clone());
        self.link.command("resume a queue", command).await.map(drop)
    }
}

const DAY_MS: i64 = 86_400_000;
const DAY: std::time::Duration = std::time::Duration::from_secs(86_400);

impl RedisBackend {
    async fn exists(&self, queue: &QueueName) -> Result<bool> {
        let command = Command::new("SISMEMBER").arg(QUEUES).arg(queue.as_str());
        Ok(self.link.command(LOOKING, command).await?.into_int(LOOKING)? == 1)
    }

    fn operate_call(&self, keys: &QueueKeys, operation: Operation) -> Invocation {
        let now = self.now();
        let mut call = OPERATE.call(&[
            &keys.pending,
            &keys.scheduled,
            &keys.retry,
            &keys.archived,
            &keys.completed,
            &keys.due,
            &keys.groups,
        ]);
        let operation = match operation {
            Operation::Run => "run",
            Operation::Archive => "archive",
            Operation::Delete => "delete",
        };
        call.arg(&keys.prefix).arg(operation).number(time::second(now)).number(time::nanos(now));
        call
    }

    async fn operate_on_some(
        &self,
        keys: &QueueKeys,
        operation: Operation,
        state: State,
        group: Option<&GroupName>,
        limit: usize,
    ) -> Result<usize> {
        let mut done = 0;
        while done < limit {
            let chunk = (limit - done).min(MAX_ITEMS);
            let mut call = self.operate_call(keys, operation);
            call.arg(if state == State::Pending { "list" } else { "set" }).number(chunk).arg(state.as_str());
            if let Some(group) = group {
                call.arg(group.as_str());
            }
            let count = self.link.eval(OPERATING, &call).await?.into_int(OPERATING)?;
            let count = usize::try_from(count).unwrap_or(0);
            done += count;
            if count < chunk {
                break;
            }
        }
        Ok(done)
    }

    /// The groups that may have waiting tasks, by name.
    pub(crate) async fn group_names(&self, queue: &QueueName) -> Result<Vec<GroupName>> {
        let groups = self.group_infos(queue).await?;
        Ok(groups.into_iter().map(|GroupInfo { group, .. }| group).collect())
    }
}

fn action(reply: Reply) -> Result<Action> {
    match reply.into_bytes(OPERATING)?.as_deref() {
        None => Ok(Action::NotFound),
        Some(b"") => Ok(Action::Applied),
        Some(state) => String::from_utf8_lossy(state).parse().map(Action::Refused),
    }
}

fn queue_info(queue: &QueueName, reply: Reply) -> Result<QueueInfo> {
    let [pending, active, scheduled, retry, archived, completed, aggregating, groups, rest @ ..] =
        reply.into_array::<14>(LOOKING)?;
    let [processed, failed, paused, since, bytes, sampled] = rest;
    let mut counts = StateCounts::default();
    let states = [
        (State::Pending, pending),
        (State::Active, active),
        (State::Scheduled, scheduled),
        (State::Retry, retry),
        (State::Archived, archived),
        (State::Completed, completed),
        (State::Aggregating, aggregating),
    ];
    for (state, count) in states {
        counts.set(state, count.into_count(LOOKING)?);
    }
    let (bytes, sampled) = (bytes.into_count(LOOKING)?, sampled.into_count(LOOKING)?);
    Ok(QueueInfo {
        queue: queue.clone(),
        groups: groups.into_count(LOOKING)?,
        processed: processed.into_count(LOOKING)?,
        failed: failed.into_count(LOOKING)?,
        paused_since: paused.into_number(LOOKING)?.map(time::from_secs),
        oldest_pending_since: since.into_number(LOOKING)?.map(time::from_nanos),
        approximate_bytes: Some(bytes.saturating_mul(counts.total()).checked_div(sampled).unwrap_or(0)),
        counts,
    })
}
