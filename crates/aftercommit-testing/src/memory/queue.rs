//! One queue of the memory broker: the only functions that move a task.

use std::collections::{BTreeMap, HashMap};

use aftercommit_core::{DayCount, GroupName, Message, Selection, State, StateCounts, TaskId, Timestamp};

use super::groups::Held;
use super::store::LockKey;
use super::task::{Place, Rank, Stored};

/// One queue: its tasks, and for each state the order of the tasks in it.
#[derive(Debug, Default)]
pub(super) struct Queue {
    tasks: HashMap<TaskId, Stored>,
    order: [BTreeMap<Rank, TaskId>; State::ALL.len()],
    /// The tasks that wait in groups. A group without one is not here.
    pub(super) groups: BTreeMap<GroupName, BTreeMap<Rank, TaskId>>,
    /// The batches that aggregators hold.
    pub(super) held: BTreeMap<u64, Held>,
    last_serial: i64,
    pub(super) processed: u64,
    pub(super) failed: u64,
    days: BTreeMap<i64, DayCount>,
}

/// At which end of its new state a task arrives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    Back,
    Front,
}

impl Queue {
    pub(super) fn get(&self, id: &TaskId) -> Option<&Stored> {
        self.tasks.get(id)
    }

    pub(super) fn message_mut(&mut self, id: &TaskId) -> Option<&mut Message> {
        self.tasks.get_mut(id).map(|stored| &mut stored.message)
    }

    /// Adds a task whose id is free.
    pub(super) fn insert(&mut self, message: Message, lock: Option<LockKey>, place: Place, end: End) {
        self.last_serial += 1;
        let serial = match end {
            End::Back => self.last_serial,
            End::Front => -self.last_serial,
        };
        let rank = (place.moment(), serial);
        self.put(Stored { message, lock, place, rank });
    }

    /// Takes a task away.
    pub(super) fn remove(&mut self, id: &TaskId) -> Option<Stored> {
        let stored = self.tasks.remove(id)?;
        self.order[stored.place.state() as usize].remove(&stored.rank);
        if let Some(group) = stored.place.waits_in() {
            let waiting = self.groups.get_mut(group);
            if waiting.is_some_and(|waiting| waiting.remove(&stored.rank).is_some() && waiting.is_empty()) {
                self.groups.remove(group);
            }
        }
        Some(stored)
    }

    /// Moves a task to another state, or to another place in the same one. All transitions end here.
    pub(super) fn move_to(&mut self, id: &TaskId, place: Place, end: End) -> Option<&mut Message> {
        let stored = self.remove(id)?;
        self.insert(stored.message, stored.lock, place, end);
        self.message_mut(id)
    }

    /// Changes what belongs to the state a task is in; its place in the order stays.
    pub(super) fn change(&mut self, id: &TaskId, change: impl FnOnce(&mut Place)) {
        if let Some(mut stored) = self.remove(id) {
            change(&mut stored.place);
            self.put(stored);
        }
    }

    fn put(&mut self, stored: Stored) {
        let id = stored.message.id.clone();
        self.order[stored.place.state() as usize].insert(stored.rank, id.clone());
        if let Some(group) = stored.place.waits_in() {
            self.groups.entry(group.clone()).or_default().insert(stored.rank, id.clone());
        }
        self.tasks.insert(id, stored);
    }

    /// The tasks in a state, in the order of that state.
    pub(super) fn in_state(&self, state: State) -> impl Iterator<Item = &Stored> {
        // An id stands in an order exactly as long as its task is in that state (see `put`).
        self.order[state as usize].values().filter_map(|id| self.tasks.get(id))
    }

    /// The selected tasks, in the order in which operators see them.
    pub(super) fn selected(&self, selection: &Selection) -> Vec<&Stored> {
        match selection {
            Selection::Group(group) => {
                let waiting = self.groups.get(group).into_iter().flat_map(BTreeMap::values);
                waiting.filter_map(|id| self.tasks.get(id)).collect()
            }
            Selection::State(state) => {
                let mut tasks: Vec<_> = self.in_state(*state).collect();
                if *state == State::Aggregating {
                    // Stable: within these the oldest stays first.
                    let key = |task: &Stored| (task.message.group.clone(), !task.place.is_gathered());
                    tasks.sort_by_cached_key(|task| key(task));
                }
                tasks
            }
        }
    }

    /// The waiting task that is due first, and when.
    pub(super) fn first_due(&self) -> Option<(Timestamp, &TaskId)> {
        let first = |state: State| self.order[state as usize].first_key_value();
        let earliest = [first(State::Scheduled), first(State::Retry)].into_iter().flatten().min()?;
        let ((due, _), id) = earliest;
        Some((*due, id))
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tasks.is_empty()
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
