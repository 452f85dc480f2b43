//! A row of the outbox in memory.

use aftercommit_core::{Enqueue, KeptRow, Placement, RowInfo, RowKey, RowState, Timestamp};

#[derive(Debug, Clone)]
pub(super) struct Row {
    pub(super) task: Enqueue,
    pub(super) place: Place,
    /// Counts whatever ends a claim.
    pub(super) epoch: u64,
    pub(super) attempts: u32,
    pub(super) losses: u32,
    pub(super) error: Option<String>,
    pub(super) enqueued_at: Timestamp,
}

/// Where a row is, with what belongs to that.
#[derive(Debug, Clone, Copy)]
pub(super) enum Place {
    Waiting { free_at: Timestamp },
    Kept { published_at: Timestamp, seen_at: Timestamp, missing_since: Option<Timestamp>, look_at: Timestamp },
    Buried,
}

impl Row {
    pub(super) const fn new(task: Enqueue, now: Timestamp) -> Self {
        let place = Place::Waiting { free_at: Timestamp::from_millis(0) };
        Self { task, place, epoch: 0, attempts: 0, losses: 0, error: None, enqueued_at: now }
    }

    pub(super) const fn moves_to(&mut self, place: Place) {
        self.place = place;
        self.epoch += 1;
    }

    pub(super) fn revive(&mut self) {
        (self.attempts, self.losses) = (0, 0);
        self.moves_to(Place::Waiting { free_at: Timestamp::from_millis(0) });
    }

    pub(super) const fn state(&self) -> RowState {
        match self.place {
            Place::Waiting { .. } => RowState::Waiting,
            Place::Kept { .. } => RowState::Kept,
            Place::Buried => RowState::Buried,
        }
    }

    /// From when on a waiting row may be claimed.
    pub(super) const fn free_at(&self) -> Option<Timestamp> {
        match self.place {
            Place::Waiting { free_at } => Some(free_at),
            _ => None,
        }
    }

    /// When a kept row is due for a look.
    pub(super) const fn look_at(&self) -> Option<Timestamp> {
        match self.place {
            Place::Kept { look_at, .. } => Some(look_at),
            _ => None,
        }
    }

    /// As a watch hands it out.
    pub(super) fn kept(&self, seq: i64) -> Option<KeptRow> {
        let Place::Kept { published_at, seen_at, missing_since, .. } = self.place else { return None };
        Some(KeptRow {
            key: RowKey { seq, epoch: self.epoch },
            queue: self.task.message.queue.clone(),
            id: self.task.message.id.clone(),
            due_at: match self.task.placement {
                Placement::At(due) => Some(due),
                _ => None,
            },
            published_at,
            seen_at,
            missing_since,
            losses: self.losses,
        })
    }

    pub(super) fn info(&self, seq: i64) -> RowInfo {
        let message = &self.task.message;
        RowInfo {
            seq,
            state: self.state(),
            queue: message.queue.to_string(),
            id: message.id.to_string(),
            task_type: message.task_type.to_string(),
            enqueued_at: self.enqueued_at,
            published_at: match self.place {
                Place::Kept { published_at, .. } => Some(published_at),
                _ => None,
            },
            attempts: self.attempts,
            losses: self.losses,
            error: self.error.clone(),
        }
    }
}
