//! One task of the memory broker and where it is.

use aftercommit_core::{GroupName, Lease, LeaseToken, Message, State, TaskInfo, Timestamp, WorkerId};
use bytes::Bytes;

use super::store::LockKey;

/// One task and where it is.
#[derive(Debug)]
pub(super) struct Stored {
    pub(super) message: Message,
    /// The unique lock it asked for when it was enqueued; it may be somebody else's by now.
    pub(super) lock: Option<LockKey>,
    pub(super) place: Place,
    pub(super) rank: Rank,
}

/// The order of tasks in one state: by moment, then by arrival.
pub(super) type Rank = (Timestamp, i64);

/// A state with what belongs to it.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Pending {
        since: Timestamp,
    },
    Active {
        worker: WorkerId,
        token: LeaseToken,
        expires_at: Timestamp,
    },
    Scheduled {
        due: Timestamp,
    },
    Retry {
        due: Timestamp,
    },
    Archived {
        at: Timestamp,
    },
    Completed {
        at: Timestamp,
        expires_at: Timestamp,
        result: Option<Bytes>,
    },
    /// `batch` names the batch it was gathered into; without one it waits.
    Aggregating {
        group: GroupName,
        since: Timestamp,
        batch: Option<u64>,
    },
}

impl Place {
    /// Where a task goes whose time has come: into its group, if it has one.
    pub(super) fn ready(message: &Message, now: Timestamp) -> Self {
        match &message.group {
            Some(group) => Self::Aggregating { group: group.clone(), since: now, batch: None },
            None => Self::Pending { since: now },
        }
    }

    pub(super) const fn state(&self) -> State {
        match self {
            Self::Pending { .. } => State::Pending,
            Self::Active { .. } => State::Active,
            Self::Scheduled { .. } => State::Scheduled,
            Self::Retry { .. } => State::Retry,
            Self::Archived { .. } => State::Archived,
            Self::Completed { .. } => State::Completed,
            Self::Aggregating { .. } => State::Aggregating,
        }
    }

    /// The moment by which the tasks of this state are ordered. Pending and active go by arrival alone.
    pub(super) const fn moment(&self) -> Timestamp {
        match self {
            Self::Pending { .. } | Self::Active { .. } => Timestamp::from_millis(0),
            Self::Scheduled { due } | Self::Retry { due } => *due,
            Self::Archived { at } | Self::Completed { at, .. } => *at,
            Self::Aggregating { since, .. } => *since,
        }
    }

    /// True while an aggregator has the task.
    pub(super) const fn is_gathered(&self) -> bool {
        matches!(self, Self::Aggregating { batch: Some(_), .. })
    }

    /// The group in which the task waits for an aggregator.
    pub(super) const fn waits_in(&self) -> Option<&GroupName> {
        match self {
            Self::Aggregating { group, batch: None, .. } => Some(group),
            _ => None,
        }
    }
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
            Place::Pending { .. } | Place::Active { .. } | Place::Aggregating { .. } => (None, None, None),
            Place::Scheduled { due } | Place::Retry { due } => (Some(*due), None, None),
            Place::Archived { at } => (None, Some(*at), None),
            Place::Completed { at, result, .. } => (None, Some(*at), result.clone()),
        };
        let (worker, lease) = self.lease().unzip();
        TaskInfo {
            message: self.message.clone(),
            state: self.place.state(),
            next_process_at,
            lease,
            worker: worker.cloned(),
            ended_at,
            result,
        }
    }
}
