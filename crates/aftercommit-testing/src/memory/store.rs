//! The plain data behind the memory broker that is not one queue's: locks, markers, workers, schedulers.

use std::collections::{BTreeMap, HashMap, VecDeque};

use aftercommit_core::{
    Enqueue, EnqueueEvent, LeaseToken, Message, Placement, QueueName, Refusal, ScheduleEntry, SchedulerId,
    TaskId, TaskType, Timestamp, WorkerId, WorkerInfo,
};
use bytes::Bytes;

use super::queue::{End, Queue};
use super::task::Place;

/// The present moment: by the clock that was given, and by the store's own, which ends lives.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) given: Timestamp,
    pub(super) own: Timestamp,
}

/// Everything a memory broker knows.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) queues: BTreeMap<QueueName, Queue>,
    /// Pauses live outside the queues, because a queue may be paused before it exists.
    pub(super) paused_since: HashMap<QueueName, Timestamp>,
    locks: HashMap<LockKey, Lock>,
    /// Until when the marker of a published task is kept.
    pub(super) markers: HashMap<(QueueName, TaskId), Timestamp>,
    pub(super) workers: BTreeMap<WorkerId, Member>,
    pub(super) schedulers: BTreeMap<SchedulerId, Scheduler>,
    pub(super) events: HashMap<String, Events>,
    last_token: u64,
    last_batch: u64,
}

/// What a unique lock is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct LockKey {
    queue: QueueName,
    task_type: TaskType,
    payload: Bytes,
}

impl LockKey {
    fn of(message: &Message) -> Self {
        Self {
            queue: message.queue.clone(),
            task_type: message.task_type.clone(),
            payload: message.payload.clone(),
        }
    }
}

/// A unique lock: whose it is, and until when.
#[derive(Debug)]
struct Lock {
    owner: TaskId,
    expires_at: Timestamp,
}

/// A worker that has said it is alive, and until when that is believed.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) info: WorkerInfo,
    pub(super) believed_until: Timestamp,
}

/// A scheduler that has said what its entries are, and until when that is believed.
#[derive(Debug)]
pub(super) struct Scheduler {
    pub(super) entries: Vec<ScheduleEntry>,
    pub(super) believed_until: Timestamp,
}

/// What one schedule entry has enqueued, newest first, and until when that is kept.
#[derive(Debug)]
pub(super) struct Events {
    pub(super) newest_first: VecDeque<EnqueueEvent>,
    pub(super) kept_until: Timestamp,
}

impl Store {
    /// A token that no attempt of any task had before.
    pub(super) fn next_token(&mut self) -> LeaseToken {
        self.last_token += 1;
        LeaseToken::new(self.last_token)
    }

    /// A number that no batch of any group had before.
    pub(super) fn next_batch(&mut self) -> u64 {
        self.last_batch += 1;
        self.last_batch
    }

    /// Stores a task, or says why not.
    pub(super) fn enqueue(&mut self, item: &Enqueue, now: Now) -> Result<(), Refusal> {
        self.refusal(item, now, &[]).map_or(Ok(()), Err)?;
        self.admit(item, now);
        Ok(())
    }

    /// Why a task cannot be stored, if the tasks in `leaving` of its queue were gone. An id conflict is told
    /// before a held lock, so that repeating an enqueue says "it is there already".
    pub(super) fn refusal(&self, item: &Enqueue, now: Now, leaving: &[TaskId]) -> Option<Refusal> {
        let message = &item.message;
        let queue = self.queues.get(&message.queue);
        if queue.is_some_and(|queue| queue.get(&message.id).is_some()) && !leaving.contains(&message.id) {
            return Some(Refusal::IdConflict);
        }
        item.unique_for?;
        let lock = self.locks.get(&LockKey::of(message))?;
        (lock.expires_at > now.own && !leaving.contains(&lock.owner)).then_some(Refusal::Duplicate)
    }

    /// Stores a task for which there is no refusal.
    pub(super) fn admit(&mut self, item: &Enqueue, now: Now) {
        let message = &item.message;
        let lock = item.unique_for.map(|duration| {
            let key = LockKey::of(message);
            let lock = Lock { owner: message.id.clone(), expires_at: now.own.plus(duration) };
            self.locks.insert(key.clone(), lock);
            key
        });
        let place = match item.placement {
            Placement::At(due) => Place::Scheduled { due },
            _ => Place::ready(message, now.given),
        };
        let queue = self.queues.entry(message.queue.clone()).or_default();
        queue.insert(message.clone(), lock, place, End::Back);
    }

    /// Frees the unique lock of a task, if it is still this task's. It is the one that was taken when the
    /// task was enqueued, whatever its payload is now.
    pub(super) fn free_lock(&mut self, name: &QueueName, id: &TaskId) {
        let Some(task) = self.queues.get(name).and_then(|queue| queue.get(id)) else { return };
        let Some(key) = &task.lock else { return };
        if self.locks.get(key).is_some_and(|lock| lock.owner == *id) {
            self.locks.remove(key);
        }
    }

    /// Deletes a task and frees its unique lock.
    pub(super) fn delete(&mut self, name: &QueueName, id: &TaskId) {
        self.free_lock(name, id);
        if let Some(queue) = self.queues.get_mut(name) {
            queue.remove(id);
        }
    }

    /// True for a worker that was alive and no longer is. One that never said so is judged by its leases.
    pub(super) fn is_dead(&self, worker: &WorkerId, now: Now) -> bool {
        self.workers.get(worker).is_some_and(|member| member.believed_until <= now.own)
    }
}
