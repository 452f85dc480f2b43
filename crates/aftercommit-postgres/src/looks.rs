//! From where on to look for pending tasks.
//!
//! The index of the pending tasks has the active ones too, and keeps an entry for each task that has gone until a vacuum
//! removes it; none can while anybody holds a transaction open. They all stand at its beginning, which is where the oldest
//! tasks are looked for. So a process that takes many tasks remembers how far it has come and looks from there on: its floor.
//!
//! A floor is a hint. Places are given out before a commit, so a task may appear below it, and only a look from the
//! beginning finds that one. Such full looks are taken whenever a queue gives less than was asked for, and from time to
//! time while it gives all; but where the beginning has become expensive to pass, they get a fixed share of the time.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use aftercommit_core::QueueName;

use crate::rest::Rest;

/// The place from which on everything is seen, the front included, which has places of its own below.
pub const BEGINNING: i64 = 0;

/// A queue that has given fewer tasks in a row is always looked at from its beginning.
const STREAK: usize = 1_000;
/// How often a queue that gives all that is asked for is looked at from its beginning.
const FULL_LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// More queues than this in one process come and go; then all are looked at afresh.
const MAX_QUEUES: usize = 1_024;

/// What a process remembers of its looks.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    queues: Mutex<HashMap<QueueName, Look>>,
    /// Somebody is told when a full look may be taken.
    alarm_is_set: AtomicBool,
}

#[derive(Debug, Clone, Copy)]
struct Look {
    /// Everything below was taken, as far as could be seen.
    floor: i64,
    /// How many tasks came since the queue last gave less than was asked for.
    streak: usize,
    rest: Rest,
}

/// What came of a look at one queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    /// From where on was looked.
    pub(crate) from: i64,
    /// How many tasks were asked for, and how many came.
    pub(crate) wanted: usize,
    pub(crate) taken: usize,
    /// The highest place among those that came.
    pub(crate) last: Option<i64>,
}

impl Look {
    const NEW: Self = Self { floor: BEGINNING, streak: 0, rest: Rest::NONE };

    fn start(&self, now: Instant) -> i64 {
        let wants_full = self.streak < STREAK || self.rest.is_as_long_as(FULL_LOOK_INTERVAL, now);
        if wants_full && self.rest.ends_at(now).is_none() { BEGINNING } else { self.floor }
    }

    fn note(&mut self, seen: Seen, began: Instant, ended: Instant) {
        let is_full = seen.from == BEGINNING;
        if is_full {
            self.rest.begin(began, ended);
        }
        self.rest.note_moved(seen.taken);
        // Those at the front say nothing about the places behind.
        let next = seen.last.filter(|last| *last >= BEGINNING).map(|last| last + 1);
        if seen.taken < seen.wanted {
            self.streak = 0;
            self.floor = self.floor.max(next.unwrap_or(BEGINNING));
        } else {
            self.streak = self.streak.saturating_add(seen.taken);
            // A full look that was cut short has not seen what lies between its end and the floor.
            self.floor = next.unwrap_or(if is_full { BEGINNING } else { self.floor });
        }
    }
}

impl Looks {
    /// From where on to look at a queue.
    pub(crate) fn start(&self, queue: &QueueName, now: Instant) -> i64 {
        self.with(queue, |look| look.start(now))
    }

    /// When a queue may be looked at from its beginning, if not now.
    pub(crate) fn may_be_full_at(&self, queue: &QueueName, now: Instant) -> Option<Instant> {
        self.with(queue, |look| look.rest.ends_at(now))
    }

    /// Takes note of a look.
    pub(crate) fn note(&self, queue: &QueueName, seen: Seen, began: Instant, ended: Instant) {
        self.with(queue, |look| look.note(seen, began, ended));
    }

    /// Takes note of a look that failed.
    pub(crate) fn note_failed(&self, queue: &QueueName, from: i64, began: Instant, ended: Instant) {
        if from == BEGINNING {
            self.with(queue, |look| look.rest.begin(began, ended));
        }
    }

    /// How far a queue was seen.
    pub(crate) fn floor(&self, queue: &QueueName) -> i64 {
        self.with(queue, |look| look.floor)
    }

    /// True for the one who is to tell the others when to look again.
    pub(crate) fn sets_alarm(&self) -> bool {
        !self.alarm_is_set.swap(true, Ordering::Relaxed)
    }

    /// He is about to tell them.
    pub(crate) fn alarm_went_off(&self) {
        self.alarm_is_set.store(false, Ordering::Relaxed);
    }

    fn with<T>(&self, queue: &QueueName, act: impl FnOnce(&mut Look) -> T) -> T {
        let mut looks = self.queues.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = looks.get_mut(queue) {
            return act(look);
        }
        if looks.len() >= MAX_QUEUES {
            looks.clear();
        }
        act(looks.entry(queue.clone()).or_insert(Look::NEW))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    fn seen(from: i64, wanted: usize, taken: usize, last: i64) -> Seen {
        Seen { from, wanted, taken, last: (taken > 0).then_some(last) }
    }

    /// Looks that began at `at` and took so long.
    fn note(look: &mut Look, seen: Seen, at: Instant, took: Duration) {
        look.note(seen, at, at + took);
    }

    #[test]
    fn queue_that_gave_little_is_looked_at_from_its_beginning() {
        let (mut look, at) = (Look::NEW, Instant::now());
        for nth in 1..10 {
            assert_eq!(look.start(at), BEGINNING);
            note(&mut look, seen(BEGINNING, 100, 100, nth * 100), at, MS);
        }
        note(&mut look, seen(BEGINNING, 100, 100, 1_000), at, MS);
        assert_eq!(look.start(at + 2 * MS), 1_001, "after a thousand");
        note(&mut look, seen(1_001, 100, 7, 1_007), at, MS);
        assert_eq!(look.start(at + 2 * MS), BEGINNING, "it gave less than was asked for");
    }

    #[test]
    fn queue_that_gives_all_is_looked_at_from_its_beginning_from_time_to_time() {
        let (mut look, at) = (Look::NEW, Instant::now());
        note(&mut look, seen(BEGINNING, 1_000, 1_000, 1_000), at, MS);
        assert_eq!(look.start(at + 100 * MS), 1_001);
        assert_eq!(look.start(at + 101 * MS), BEGINNING);
    }

    #[test]
    fn expensive_full_looks_get_a_tenth_of_the_time() {
        let (mut look, at) = (Look::NEW, Instant::now());
        note(&mut look, seen(BEGINNING, 5_000, 3_000, 500), at, 200 * MS);
        assert_eq!(look.start(at + 1_999 * MS), 501);
        assert_eq!(look.start(at + 2_000 * MS), BEGINNING);
    }

    #[test]
    fn full_look_that_was_cut_short_lowers_the_floor() {
        let (mut look, at) = (Look::NEW, Instant::now());
        note(&mut look, seen(BEGINNING, 1_000, 1_000, 5_000), at, MS);
        note(&mut look, seen(BEGINNING, 10, 10, 40), at, MS);
        assert_eq!(look.start(at + 2 * MS), 41);
    }

    #[test]
    fn tasks_at_the_front_leave_the_floor_where_it_is() {
        let (mut look, at) = (Look::NEW, Instant::now());
        note(&mut look, seen(BEGINNING, 1_000, 1_000, 5_000), at, MS);
        note(&mut look, seen(5_001, 10, 10, -3), at, MS);
        assert_eq!(look.start(at + 2 * MS), 5_001);
    }

    #[test]
    fn each_queue_is_looked_at_by_itself() {
        let (looks, at) = (Looks::default(), Instant::now());
        let [q, r] = ["q", "r"].map(|name| QueueName::new(name).unwrap());
        looks.note(&q, seen(BEGINNING, 5_000, 5_000, 5_000), at, at + 30 * MS);
        assert_eq!((looks.start(&q, at + 31 * MS), looks.start(&r, at)), (5_001, BEGINNING));
        assert_eq!(looks.may_be_full_at(&q, at + 31 * MS), Some(at + 300 * MS));
        assert_eq!(looks.may_be_full_at(&r, at), None);
    }
}
