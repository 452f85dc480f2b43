//! Groups: gathering what is ripe, making one task of it, putting back what nobody made one of.

use aftercommit_core::{
    AggregateRefusal, Batch, BatchKey, Enqueue, Error, Gathered, GroupInfo, GroupName, GroupRules, Groups,
    QueueName, Result, TaskId, Timestamp, Wake,
};
use async_trait::async_trait;

use super::MemoryBackend;
use super::queue::Queue;
use super::store::Store;
use super::task::Place;

/// A batch in the hands of an aggregator.
#[derive(Debug)]
pub(super) struct Held {
    group: GroupName,
    deadline: Timestamp,
    tasks: Vec<TaskId>,
}

#[async_trait]
impl Groups for MemoryBackend {
    async fn groups(&self, name: &QueueName) -> Result<Vec<GroupInfo>> {
        let store = self.store();
        let groups = store.queues.get(name).into_iter().flat_map(|queue| &queue.groups);
        let info = |(group, waiting): (&GroupName, &std::collections::BTreeMap<_, _>)| GroupInfo {
            group: group.clone(),
            size: waiting.len() as u64,
        };
        Ok(groups.map(info).collect())
    }

    async fn gather(&self, queues: &[QueueName], rules: &GroupRules, limit: usize) -> Result<Gathered> {
        let (now, mut store) = (self.now(), self.store());
        let (mut batches, mut next_at) = (Vec::new(), None);
        for (name, group) in all_groups(&store, queues) {
            while let Some(ripe_at) = ripe_at(&store, &name, &group, rules) {
                if ripe_at > now || batches.len() == limit {
                    let next = ripe_at.max(now);
                    next_at = Some(next_at.map_or(next, |earlier: Timestamp| earlier.min(next)));
                    break;
                }
                batches.push(gather_one(&mut store, &name, &group, rules, now));
            }
        }
        Ok(Gathered { batches, next_at })
    }

    async fn aggregate(&self, key: &BatchKey, task: &Enqueue) -> Result<Result<(), AggregateRefusal>> {
        if task.message.queue != key.queue {
            return Err(Error::invalid("queue", "a task made of a batch goes to the queue of the batch"));
        }
        let (now, mut store) = (self.both_now(), self.store());
        let Some((number, held)) = find(&store, key) else { return Ok(Err(AggregateRefusal::BatchLost)) };
        if let Some(refusal) = store.refusal(task, now, &held.tasks) {
            return Ok(Err(AggregateRefusal::Task(refusal)));
        }
        let held = store.queues.get_mut(&key.queue).and_then(|queue| queue.held.remove(&number));
        for id in held.into_iter().flat_map(|held| held.tasks) {
            store.delete(&key.queue, &id);
        }
        store.admit(task, now);
        drop(store);
        self.wake_for(task);
        Ok(Ok(()))
    }

    async fn release(&self, key: &BatchKey) -> Result<()> {
        let mut store = self.store();
        let Some((number, _)) = find(&store, key) else { return Ok(()) };
        if let Some(queue) = store.queues.get_mut(&key.queue) {
            put_back(queue, number);
        }
        drop(store);
        self.wakes.wake(Wake::Groups, &key.queue);
        Ok(())
    }

    async fn reclaim(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        let (now, mut store) = (self.now(), self.store());
        let mut over: Vec<(Timestamp, QueueName, u64)> = Vec::new();
        for name in queues {
            let held = store.queues.get(name).into_iter().flat_map(|queue| &queue.held);
            let late = held.filter(|(_, held)| held.deadline <= now);
            over.extend(late.map(|(number, held)| (held.deadline, name.clone(), *number)));
        }
        over.sort();
        over.dedup();
        over.truncate(limit);
        for (_, name, number) in &over {
            if let Some(queue) = store.queues.get_mut(name) {
                put_back(queue, *number);
            }
        }
        drop(store);
        for (_, name, _) in &over {
            self.wakes.wake(Wake::Groups, name);
        }
        Ok(over.len())
    }
}

/// The groups of these queues that have waiting tasks.
fn all_groups(store: &Store, queues: &[QueueName]) -> Vec<(QueueName, GroupName)> {
    let groups = |name: &QueueName| {
        let groups = store.queues.get(name).into_iter().flat_map(|queue| queue.groups.keys());
        groups.map(|group| (name.clone(), group.clone())).collect::<Vec<_>>()
    };
    queues.iter().flat_map(groups).collect()
}

/// When a group will be ripe if nothing is added to it; `None` if nothing waits in it.
fn ripe_at(store: &Store, name: &QueueName, group: &GroupName, rules: &GroupRules) -> Option<Timestamp> {
    let waiting = store.queues.get(name)?.groups.get(group)?;
    let ((oldest, _), _) = waiting.first_key_value()?;
    let ((newest, _), _) = waiting.last_key_value()?;
    Some(rules.ripe_at(waiting.len(), *oldest, *newest))
}

/// Moves the oldest waiting tasks of a group into a batch.
fn gather_one(
    store: &mut Store,
    name: &QueueName,
    group: &GroupName,
    rules: &GroupRules,
    now: Timestamp,
) -> Batch {
    let (number, deadline) = (store.next_batch(), now.plus(rules.hold));
    let queue = store.queues.entry(name.clone()).or_default();
    let waiting = queue.groups.get(group).into_iter().flat_map(|waiting| waiting.values());
    let ids: Vec<TaskId> = waiting.take(rules.batch_size()).cloned().collect();
    for id in &ids {
        set_batch(queue, id, Some(number));
    }
    let tasks = ids.iter().filter_map(|id| queue.get(id)).map(|task| task.message.clone()).collect();
    queue.held.insert(number, Held { group: group.clone(), deadline, tasks: ids });
    let key = BatchKey { queue: name.clone(), group: group.clone(), id: number.to_string() };
    Batch { key, tasks, deadline }
}

/// The batch of that name, if it is still held. That its deadline has passed does not matter: a holder that
/// is late is still the only holder until somebody takes the batch away.
fn find<'a>(store: &'a Store, key: &BatchKey) -> Option<(u64, &'a Held)> {
    let number = key.id.parse().ok()?;
    let held = store.queues.get(&key.queue)?.held.get(&number)?;
    (held.group == key.group).then_some((number, held))
}

fn put_back(queue: &mut Queue, number: u64) {
    for id in queue.held.remove(&number).into_iter().flat_map(|held| held.tasks) {
        set_batch(queue, &id, None);
    }
}

/// Moves a task between its group and a batch; since when it waits stays, and so does its place.
fn set_batch(queue: &mut Queue, id: &TaskId, number: Option<u64>) {
    queue.change(id, |place| {
        if let Place::Aggregating { batch, .. } = place {
            *batch = number;
        }
    });
}
