//! The plain data behind the memory broker, and the only functions that move a task.

use std::collections::{BTreeMap, HashMap};

use aftercommit_core::{
    DayCount, Lease, LeaseToken, Message, QueueName, State, StateCounts, TaskId, TaskInfo, TaskType,
    Timestamp, WorkerId, WorkerInfo,
};
use bytes::Bytes;

/// Everything a memory broker knows.
#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) queues: BTreeMap<QueueName, Queue>,
    /// Pauses live outside the queues, because a queue may be paused before it exists.
    pub(super) paused_since: HashMap<QueueName, Timestamp>,
    pub(super) locks: HashMap<LockKey, Lock>,
    pub(super) workers: BTreeMap<WorkerId, Member>,
    last_token: u64,
}

/// What a unique lock is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct LockKey {
    queue: QueueName,
    task_type: TaskType,
    payload: Bytes,
}

impl LockKey {
    pub(super) fn of(message: &Message) -> Self {
        Self {
            queue: message.queue.clone(),
            task_type: message.task_type.clone(),
            payload: message.payload.clone(),
        }
    }
}

/// A unique lock: whose it is, and until when.
#[derive(Debug)]
pub(super) struct Lock {
    pub(super) owner: TaskId,
    pub(super) expires_at: Timestamp,
}

/// A worker that has said it is alive, and until when that is believed.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) info: WorkerInfo,
    pub(super) believed_until: Timestamp,
}

impl Store {
    /// A token that no attempt of any task had before.
    pub(super) fn next_token(&mut self) -> LeaseToken {
        self.last_token += 1;
        LeaseToken::new(self.last_token)
    }

    /// Frees the unique lock of a task, if it is still this task's.
    pub(super) fn free_lock(&mut self, message: &Message) {
        let key = LockKey::of(message);
        if self.locks.get(&key).is_some_and(|lock| lock.owner == message.id) {
            self.locks.remove(&key);
        }
    }

    /// True for a worker that was alive and no longer is. One that never said so is judged by its leases.
    pub(super) fn is_dead(&self, worker: &WorkerId, now: Timestamp) -> bool {
        self.workers.get(worker).is_some_and(|member| member.believed_until <= now)
    }
}

/// One queue: its tasks, and for each state the order of the tasks in it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    tasks: HashMap<TaskId, Stored>,
    order: [BTreeMap<Rank, TaskId>; State::ALL.len()],
    last_serial: i64,
    pub(super) processed: u64,
    pub(super) failed: u64,
    days: BTreeMap<i64, DayCount>,
}

/// One task and where it is.
#[derive(Debug, Clone)]
pub(super) struct Stored {
    pub(super) message: Message,
    pub(super) place: Place,
    rank: Rank,
}

/// The order of tasks in one state: by moment, then by arrival.
type Rank = (Timestamp, i64);

/// A state with what belongs to it.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Pending { since: Timestamp },
    Active { worker: WorkerId, token: LeaseToken, expires_at: Timestamp },
    Scheduled { due: Timestamp },
    Retry { due: Timestamp },
    Archived { at: Timestamp },
    Completed { at: Timestamp, expires_at: Timestamp, result: Option<Bytes> },
}

/// At which end of its new state a task arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Back,
    Front,
}

impl Place {
    pub(super) const fn state(&self) -> State {
        match self {
            Self::Pending { .. } => State::Pending,
            Self::Active { .. } => State::Active,
            Self::Scheduled { .. } => State::Scheduled,
            Self::Retry { .. } => State::Retry,
            Self::Archived { .. } => State::Archived,
            Self::Completed { .. } => State::Completed,
        }
    }

    /// The moment by which the tasks of this state are ordered. Pending and active go by arrival alone.
    const fn moment(&self) -> Timestamp {
        match self {
            Self::Pending { .. } | Self::Active { .. } => Timestamp::from_millis(0),
            Self::Scheduled { due } | Self::Retry { due } => *due,
            Self::Archived { at } | Self::Completed { at, .. } => *at,
        }
    }
}

impl Queue {
    pub(super) fn get(&self, id: &TaskId) -> Option<&Stored> {
        self.tasks.get(id)
    }

    /// Adds a task whose id is free.
    pub(super) fn insert(&mut self, message: Message, place: Place, end: End) {
        let id = message.id.clone();
        let rank = self.arrive(&id, &place, end);
        self.tasks.insert(id, Stored { message, place, rank });
    }

    /// Takes a task away.
    pub(super) fn remove(&mut self, id: &TaskId) -> Option<Message> {
        let stored = self.tasks.remove(id)?;
        self.order[stored.place.state() as usize].remove(&stored.rank);
        Some(stored.message)
    }

    /// Moves a task to another state, or to another place in the same one. All transitions end here.
    pub(super) fn move_to(&mut self, id: &TaskId, place: Place, end: End) -> Option<&mut Message> {
        let message = self.remove(id)?;
        self.insert(message, place, end);
        self.tasks.get_mut(id).map(|stored| &mut stored.message)
    }

    /// Changes until when an active task is leased; its place in the order stays.
    pub(super) fn set_lease_end(&mut self, id: &TaskId, until: Timestamp) {
        if let Some(Place::Active { expires_at, .. }) = self.tasks.get_mut(id).map(|stored| &mut stored.place)
        {
            *expires_at = until;
        }
    }

    fn arrive(&mut self, id: &TaskId, place: &Place, end: End) -> Rank {
        self.last_serial += 1;
        let serial = match end {
            End::Back => self.last_serial,
            End::Front => -self.last_serial,
        };
        let rank = (place.moment(), serial);
        self.order[place.state() as usize].insert(rank, id.clone());
        rank
    }

    /// The tasks in a state, in the order of that state.
    pub(super) fn in_state(&self, state: State) -> impl Iterator<Item = &Stored> {
        // An id stands in an order exactly as long as its task is in that state (see `move_to`).
        self.order[state as usize].values().filter_map(|id| self.tasks.get(id))
    }

    /// The waiting task that is due first, and when.
    pub(super) fn first_due(&self) -> Option<(Timestamp, &TaskId)> {
        let first = |state: State| self.order[state as usize].first_key_value();
        let earliest = [first(State::Scheduled), first(State::Retry)].into_iter().flatten().min()?;
        let ((due, _), id) = earliest;
        Some((*due, id))
    }

    pub(super) fn counts(&self) -> StateCounts {
        let mut counts = StateCounts::default();
        for state in State::ALL {
            counts.set(state, self.order[state as usize].len() as u64);
        }
        counts
    }

    /// Counts an attempt that ended well or badly.
    pub(super) fn count(&mut self, ending: Ending, now: Timestamp) {
        let failures = u64::from(ending == Ending::Failed);
        let day = self.days.entry(now.day()).or_insert(DayCount { day: now.day(), processed: 0, failed: 0 });
        day.processed += 1;
        day.failed += failures;
        self.processed += 1;
        self.failed += failures;
    }

    pub(super) fn day(&self, day: i64) -> DayCount {
        self.days.get(&day).copied().unwrap_or(DayCount { day, processed: 0, failed: 0 })
    }
}

/// How an attempt that counts has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ending {
    Succeeded,
    Failed,
}

impl Stored {
    /// The lease, if the task is active.
    pub(super) fn lease(&self) -> Option<(&WorkerId, Lease)> {
        let Place::Active { worker, token, expires_at } = &self.place else { return None };
        let lease = Lease {
            queue: self.message.queue.clone(),
            id: self.message.id.clone(),
            token: *token,
            expires_at: *expires_at,
        };
        Some((worker, lease))
    }

    /// What operators are shown.
    pub(super) fn info(&self) -> TaskInfo {
        let (next_process_at, ended_at, result) = match &self.place {
            Place::Pending { .. } | Place::Active { .. } => (None, None, None),
            Place::Scheduled { due } | Place::Retry { due } => (Some(*due), None, None),
            Place::Archived { at } => (None, Some(*at), None),
            Place::Completed { at, result, .. } => (None, Some(*at), result.clone()),
        };
        TaskInfo {
            message: self.message.clone(),
            state: self.place.state(),
            next_process_at,
            lease: self.lease().map(|(worker, lease)| (worker.clone(), lease)),
            ended_at,
            result,
        }
    }
}
