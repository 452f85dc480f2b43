//! Keeps what has become expensive to a share of the time.

use std::time::{Duration, Instant};

/// What took less is cheap, and may be repeated at once.
const CHEAP: Duration = Duration::from_millis(20);
/// What was not cheap has to rest for this many times as long as it took.
const TIMES: u32 = 9;

/// When something was done last, and how long it took.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rest(Option<(Instant, Duration)>);

impl Rest {
    /// It was never done.
    pub(crate) const NONE: Self = Self(None);

    /// It was done just now.
    pub(crate) fn begin(&mut self, began: Instant, ended: Instant) {
        self.0 = Some((ended, ended.duration_since(began)));
    }

    /// When it may be done again, if not now.
    pub(crate) fn ends_at(&self, now: Instant) -> Option<Instant> {
        let (ended, took) = self.0.filter(|(_, took)| *took > CHEAP)?;
        Some(ended + took * TIMES).filter(|at| *at > now)
    }

    /// True if it was done so long ago, or never.
    pub(crate) fn is_as_long_as(&self, duration: Duration, now: Instant) -> bool {
        self.0.is_none_or(|(ended, _)| now >= ended + duration)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_expensive_gets_a_tenth_of_the_time() {
        let (mut rest, at, ms) = (Rest::NONE, Instant::now(), Duration::from_millis(1));
        assert_eq!(rest.ends_at(at), None);
        rest.begin(at, at + 20 * ms);
        assert_eq!(rest.ends_at(at + 20 * ms), None, "it was cheap");
        rest.begin(at, at + 30 * ms);
        assert_eq!(rest.ends_at(at + 30 * ms), Some(at + 300 * ms));
        assert_eq!(rest.ends_at(at + 300 * ms), None);
        assert_eq!([129, 130].map(|later| rest.is_as_long_as(100 * ms, at + later * ms)), [false, true]);
    }
}
