//! Keeps looks that have become expensive to a share of the time.

use std::time::{Duration, Instant};

/// A look that took less is cheap, and may be repeated at once.
const CHEAP: Duration = Duration::from_millis(20);
/// One that was not cheap has to rest for this many times as long as it took.
const TIMES: u32 = 9;
/// A look that took long although fewer tasks than this were moved since one was cheap has only met a slow moment,
const MANY: usize = 2_000;
/// unless it is one of so many in a row: then there is something to pass over that others have left.
const SLOW: usize = 3;

/// When the last look was taken, how long that took, and what has happened since one was cheap.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rest {
    last: Option<(Instant, Duration)>,
    moved: usize,
    /// How many looks in a row were not cheap.
    slow: usize,
}

impl Rest {
    /// There was no look yet.
    pub(crate) const NONE: Self = Self { last: None, moved: 0, slow: 0 };

    /// A look was taken just now.
    pub(crate) fn begin(&mut self, began: Instant, ended: Instant) {
        let took = ended.duration_since(began);
        self.last = Some((ended, took));
        if took <= CHEAP {
            (self.moved, self.slow) = (0, 0);
        } else {
            self.slow = self.slow.saturating_add(1);
        }
    }

    /// So many tasks were moved, and have left something behind for looks to pass over.
    pub(crate) const fn note_moved(&mut self, count: usize) {
        self.moved = self.moved.saturating_add(count);
    }

    /// When the next look may be taken, if not now.
    pub(crate) fn ends_at(&self, now: Instant) -> Option<Instant> {
        let (ended, took) =
            self.last.filter(|_| self.slow >= SLOW || (self.slow > 0 && self.moved >= MANY))?;
        Some(ended + took * TIMES).filter(|at| *at > now)
    }

    /// True if the last look was so long ago, or there was none.
    pub(crate) fn is_as_long_as(&self, duration: Duration, now: Instant) -> bool {
        self.last.is_none_or(|(ended, _)| now >= ended + duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn what_is_expensive_gets_a_tenth_of_the_time() {
        let (mut rest, at) = (Rest::NONE, Instant::now());
        assert_eq!(rest.ends_at(at), None);
        rest.note_moved(MANY);
        rest.begin(at, at + 30 * MS);
        assert_eq!(rest.ends_at(at + 30 * MS), Some(at + 300 * MS));
        assert_eq!(rest.ends_at(at + 300 * MS), None);
        assert_eq!([129, 130].map(|later| rest.is_as_long_as(100 * MS, at + later * MS)), [false, true]);
    }

    #[test]
    fn what_is_cheap_or_slow_for_another_reason_need_not_rest() {
        let (mut rest, at) = (Rest::NONE, Instant::now());
        rest.note_moved(MANY);
        rest.begin(at, at + 20 * MS);
        assert_eq!(rest.ends_at(at + 20 * MS), None, "it was cheap");
        rest.note_moved(MANY - 1);
        rest.begin(at, at + 30 * MS);
        assert_eq!(rest.ends_at(at + 30 * MS), None, "there was not much to pass over");
        rest.note_moved(1);
        assert_eq!(rest.ends_at(at + 30 * MS), Some(at + 300 * MS));
    }

    #[test]
    fn what_is_slow_again_and_again_has_something_to_pass_over_that_others_left() {
        let (mut rest, at) = (Rest::NONE, Instant::now());
        let mut look = |begins: u32, takes| {
            rest.begin(at + begins * MS, at + (begins + takes) * MS);
            rest.ends_at(at + (begins + takes) * MS)
        };
        assert_eq!([look(0, 30), look(30, 30)], [None; 2]);
        assert_eq!(look(60, 30), Some(at + (90 + 270) * MS));
        assert_eq!(look(360, 20), None, "it is cheap again");
        assert_eq!(look(380, 30), None);
    }
}
