//! Groups: gathering tasks into batches, and putting one task in the place of a batch.

use std::time::Duration;

use aftercommit_core::{
    AggregateRefusal, Batch, BatchKey, Enqueue, Error, Gathered, GroupInfo, GroupName, GroupRules, Groups,
    QueueName, Refusal, Result, Timestamp,
};
use async_trait::async_trait;
use uuid::Uuid;

use crate::RedisBackend;
use crate::command::Command;
use crate::item::{self, Origin};
use crate::reply::Reply;
use crate::script::Script;
use crate::time;
use crate::unreadable::Holder;

static GATHER: Script = Script::new(include_str!("lua/gather.lua"));
static AGGREGATE: Script = Script::new(concat!(
    include_str!("lua/lock.lua"),
    include_str!("lua/store.lua"),
    include_str!("lua/aggregate.lua")
));
static RELEASE: Script = Script::new(include_str!("lua/release.lua"));

const LOOKING: &str = "look at groups";
const GATHERING: &str = "gather groups";
const AGGREGATING: &str = "aggregate a batch";
const RELEASING: &str = "release batches";

#[async_trait]
impl Groups for RedisBackend {
    async fn groups(&self, queue: &QueueName) -> Result<Vec<GroupInfo>> {
        self.group_infos(queue).await
    }

    async fn gather(&self, queues: &[QueueName], rules: &GroupRules, limit: usize) -> Result<Gathered> {
        let mut gathered = Gathered { batches: Vec::new(), next_at: None };
        for queue in queues {
            self.gather_queue(queue, rules, limit, &mut gathered).await?;
        }
        Ok(gathered)
    }

    async fn aggregate(&self, batch: &BatchKey, task: &Enqueue) -> Result<Result<(), AggregateRefusal>> {
        if task.message.queue != batch.queue {
            let why = format!("the aggregate of queue {} cannot go to {}", batch.queue, task.message.queue);
            return Err(Error::invalid("queue", why));
        }
        let keys = self.keys(&batch.queue);
        let set = keys.set(batch.group.as_str(), &batch.id);
        let mut call = AGGREGATE.call(&[
            &keys.pending,
            &keys.scheduled,
            &keys.due,
            &keys.groups,
            &keys.aggregation_sets,
            &set,
        ]);
        self.push_place(&mut call, &keys.prefix);
        let lock = task.unique_for.map(|_| keys.unique(&task.message.task_type, &task.message.payload));
        call.arg(lock.unwrap_or_default());
        item::push(&mut call, &keys, task, Origin::Client);
        Ok(match self.link.eval(AGGREGATING, &call).await?.into_int(AGGREGATING)? {
            1 => Ok(()),
            0 => Err(AggregateRefusal::Task(Refusal::IdConflict)),
            -1 => Err(AggregateRefusal::Task(Refusal::Duplicate)),
            _ => Err(AggregateRefusal::BatchLost),
        })
    }

    async fn release(&self, batch: &BatchKey) -> Result<()> {
        let keys = self.keys(&batch.queue);
        let mut call = RELEASE.call(&[&keys.groups, &keys.aggregation_sets, &keys.held]);
        call.arg(&keys.prefix).arg("").arg(keys.set(batch.group.as_str(), &batch.id));
        self.link.eval(RELEASING, &call).await.map(drop)
    }

    async fn reclaim(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        let now = time::second(self.lease_now());
        let mut reclaimed = 0;
        for queue in queues {
            let keys = self.keys(queue);
            let mut call = RELEASE.call(&[&keys.groups, &keys.aggregation_sets, &keys.held]);
            call.arg(&keys.prefix).number(now).number(limit - reclaimed);
            let count = self.link.eval(RELEASING, &call).await?.into_int(RELEASING)?;
            reclaimed += usize::try_from(count).unwrap_or(0);
        }
        Ok(reclaimed)
    }
}

impl RedisBackend {
    /// The groups of a queue with their sizes, by name.
    pub(crate) async fn group_infos(&self, queue: &QueueName) -> Result<Vec<GroupInfo>> {
        let keys = self.keys(queue);
        let names = self.link.command(LOOKING, Command::new("SMEMBERS").arg(keys.groups.clone())).await?;
        let mut groups = Vec::new();
        for name in names.into_list(LOOKING)? {
            groups.extend(group_name(name)?);
        }
        let commands: Vec<Command> =
            groups.iter().map(|group| Command::new("ZCARD").arg(keys.group(group.as_str()))).collect();
        let mut infos = Vec::with_capacity(groups.len());
        for (group, size) in groups.into_iter().zip(self.link.pipeline(LOOKING, &commands).await) {
            infos.push(GroupInfo { group, size: size?.into_count(LOOKING)? });
        }
        infos.retain(|info| info.size > 0);
        infos.sort_by(|a, b| a.group.cmp(&b.group));
        Ok(infos)
    }

    /// The sets of a queue that aggregators hold, with the groups they came from, the earliest deadline first.
    pub(crate) async fn sets(&self, queue: &QueueName) -> Result<Vec<(GroupName, String)>> {
        let keys = self.keys(queue);
        let command = Command::new("ZRANGE").arg(&keys.aggregation_sets).arg("0").arg("-1");
        let mut sets = Vec::new();
        for set in self.link.command(LOOKING, command).await?.into_list(LOOKING)? {
            // As with groups, one that we do not allow is left to those who made it.
            let Ok(set) = String::from_utf8(set.into_bytes(LOOKING)?.unwrap_or_default().into()) else {
                continue;
            };
            let group = keys.group_of(&set).and_then(|group| GroupName::new(group).ok());
            sets.extend(group.map(|group| (group, set)));
        }
        Ok(sets)
    }

    async fn gather_queue(
        &self,
        queue: &QueueName,
        rules: &GroupRules,
        limit: usize,
        gathered: &mut Gathered,
    ) -> Result<()> {
        let (now, keys) = (self.now(), self.keys(queue));
        let (deadline, held_until) = (now.plus(rules.hold), self.lease_now().plus(rules.hold));
        let mut cursor = "0".to_owned();
        loop {
            let ids: Vec<String> =
                (gathered.batches.len()..limit).map(|_| Uuid::new_v4().to_string()).collect();
            let mut call = GATHER.call(&[&keys.groups, &keys.aggregation_sets]);
            call.arg(&keys.prefix).number(time::second(now)).number(secs_up(rules.grace_period));
            match rules.max_delay {
                Some(delay) => call.number(secs_up(delay)),
                None => call.arg("-1"),
            };
            match rules.max_size {
                Some(_) => call.number(rules.batch_size()),
                None => call.arg("-1"),
            };
            call.number(rules.batch_size()).number(time::second_at_or_after(held_until)).arg(&cursor);
            for id in &ids {
                call.arg(id);
            }
            let mut reply = self.link.eval(GATHERING, &call).await?.into_list(GATHERING)?.into_iter();
            cursor = text(reply.next())?;
            let next_s = reply.next().unwrap_or(Reply::Int(-1)).into_int(GATHERING)?;
            let next_at = Some(next_s).filter(|secs| *secs >= 0).map(time::from_secs);
            gathered.next_at = [gathered.next_at, next_at].into_iter().flatten().min();
            for set in reply {
                let [group, id] = set.into_array(GATHERING)?;
                if let Some(group) = group_name(group)? {
                    let key = BatchKey { queue: queue.clone(), group, id: text(Some(id))? };
                    gathered.batches.extend(self.read_batch(key, deadline).await?);
                }
            }
            if cursor == "0" {
                return Ok(());
            }
        }
    }

    /// The tasks of a set that was made. What cannot be read is archived, with the reason; if nothing else is in it, it is
    /// no batch.
    async fn read_batch(&self, key: BatchKey, deadline: Timestamp) -> Result<Option<Batch>> {
        let keys = self.keys(&key.queue);
        let set = keys.set(key.group.as_str(), &key.id);
        let mut tasks = Vec::new();
        for row in self.read_set(&key.queue, &keys, &set).await? {
            match row.decode() {
                Ok(message) => tasks.push(message),
                Err(unreadable) => self.archive_unreadable(&row, unreadable, Holder::Set(&set)).await,
            }
        }
        if tasks.is_empty() {
            self.release(&key).await?;
            return Ok(None);
        }
        Ok(Some(Batch { key, tasks, deadline }))
    }
}

/// The name of a group; none if it is one that we do not allow.
fn group_name(name: Reply) -> Result<Option<GroupName>> {
    let name = name.into_bytes(LOOKING)?.unwrap_or_default();
    Ok(std::str::from_utf8(&name).ok().and_then(|name| GroupName::new(name).ok()))
}

fn text(reply: Option<Reply>) -> Result<String> {
    let bytes = reply.unwrap_or(Reply::Nil).into_bytes(GATHERING)?.unwrap_or_default();
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whole seconds, rounded up: a group is never ripe too early.
fn secs_up(length: Duration) -> u64 {
    length.as_secs() + u64::from(length.subsec_nanos() > 0)
}
