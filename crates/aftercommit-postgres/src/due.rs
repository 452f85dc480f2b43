//! From when on to look for tasks that are due.
//!
//! As with the pending tasks ([`looks`](crate::looks)), what was forwarded stays in the index while somebody holds a
//! transaction open, at the end where is looked for what is due. A look that has seen everything leaves nothing behind but
//! what is stored later for an earlier moment, or committed later; so where such looks have become expensive, most begin at
//! the moment of the last one.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use aftercommit_core::QueueName;

use crate::rest::Rest;

/// Before everything.
pub(crate) const BEGINNING: i64 = i64::MIN;

/// More lists of queues than this in one process come and go; then all are looked at afresh.
const MAX_LISTS: usize = 256;

/// What a process remembers of its looks, for each list of queues that it looks at together.
#[derive(Debug, Default)]
pub(crate) struct DueLooks(Mutex<HashMap<Vec<QueueName>, DueLook>>);

#[derive(Debug, Clone, Copy)]
struct DueLook {
    /// What was due earlier has been forwarded, as far as could be seen.
    floor: i64,
    rest: Rest,
}

/// What came of a look.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Seen {
    /// From when on was looked.
    pub(crate) from: i64,
    /// Up to which moment everything was seen, if it was.
    pub(crate) until: Option<i64>,
    /// How many tasks were forwarded.
    pub(crate) moved: usize,
}

impl DueLooks {
    /// From when on to look.
    pub(crate) fn start(&self, queues: &[QueueName], now: Instant) -> i64 {
        self.with(queues, |look| if look.rest.ends_at(now).is_none() { BEGINNING } else { look.floor })
    }

    /// Takes note of a look.
    pub(crate) fn note(&self, queues: &[QueueName], seen: Seen, began: Instant, ended: Instant) {
        self.with(queues, |look| {
            let until = seen.until.unwrap_or(BEGINNING);
            if seen.from == BEGINNING {
                look.rest.begin(began, ended);
                look.floor = until;
            }
            look.floor = look.floor.max(until);
            look.rest.note_moved(seen.moved);
        });
    }

    /// When everything may be looked at, if not now.
    pub(crate) fn may_be_full_at(&self, queues: &[QueueName], now: Instant) -> Option<Instant> {
        self.with(queues, |look| look.rest.ends_at(now))
    }

    fn with<T>(&self, queues: &[QueueName], act: impl FnOnce(&mut DueLook) -> T) -> T {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look) = looks.get_mut(queues) {
            return act(look);
        }
        if looks.len() >= MAX_LISTS {
            looks.clear();
        }
        act(looks.entry(queues.to_vec()).or_insert(DueLook { floor: BEGINNING, rest: Rest::NONE }))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn only_expensive_looks_leave_out_what_was_seen() {
        let (looks, at, ms) = (DueLooks::default(), Instant::now(), Duration::from_millis(1));
        let queues = [QueueName::default()];
        let seen = |from, until| Seen { from, until, moved: 3_000 };
        looks.note(&queues, seen(BEGINNING, Some(1_000)), at, at + ms);
        assert_eq!(looks.start(&queues, at + ms), BEGINNING);
        looks.note(&queues, seen(BEGINNING, Some(1_000)), at, at + 100 * ms);
        assert_eq!(looks.start(&queues, at + 999 * ms), 1_000);
        assert_eq!(looks.may_be_full_at(&queues, at + 999 * ms), Some(at + 1_000 * ms));
        looks.note(&queues, seen(1_000, Some(1_900)), at, at + 900 * ms);
        assert_eq!(looks.start(&queues, at + 999 * ms), 1_900);
        assert_eq!(looks.start(&queues, at + 1_000 * ms), BEGINNING);
        assert_eq!(looks.start(&[], at + 999 * ms), BEGINNING, "each list by itself");
    }

    #[test]
    fn look_that_was_cut_short_leaves_nothing_out() {
        let (looks, at, ms) = (DueLooks::default(), Instant::now(), Duration::from_millis(1));
        let seen = |until| Seen { from: BEGINNING, until, moved: 3_000 };
        looks.note(&[], seen(Some(1_000)), at, at + 100 * ms);
        looks.note(&[], seen(None), at, at + 100 * ms);
        assert_eq!(looks.start(&[], at + 200 * ms), BEGINNING);
    }
}
