//! Clocks for tests: one that is turned by hand, and one that follows tokio's virtual time.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use aftercommit_core::{Clock, Timestamp};
use tokio::time::Instant;

/// Where the clocks of this crate start unless told otherwise: noon, UTC, on 15 January 2026.
pub const TEST_EPOCH: Timestamp = Timestamp::from_millis(1_768_478_400_000);

/// A clock that stands still until it is turned. Clones show the same time.
///
/// ```
/// use std::time::Duration;
/// use aftercommit_core::Clock;
/// use aftercommit_testing::ManualClock;
///
/// let clock = ManualClock::new();
/// let before = clock.now();
/// clock.advance(Duration::from_secs(5));
/// assert_eq!(clock.now().since(before), Duration::from_secs(5));
/// ```
#[derive(Debug, Clone)]
pub struct ManualClock(Arc<AtomicI64>);

impl ManualClock {
    /// A clock that shows [`TEST_EPOCH`].
    pub fn new() -> Self {
        Self::at(TEST_EPOCH)
    }

    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self(Arc::new(AtomicI64::new(now.as_millis())))
    }

    /// Lets `duration` (rounded up to a millisecond) pass.
    pub fn advance(&self, duration: Duration) {
        self.set(self.now().plus(duration));
    }

    /// Turns the clock to `now`, backwards too.
    pub fn set(&self, now: Timestamp) {
        self.0.store(now.as_millis(), Ordering::SeqCst);
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(self.0.load(Ordering::SeqCst))
    }
}

/// A clock that moves with tokio's. In a test with `start_paused = true` a worker and a memory broker
/// on this clock live in virtual time: hours pass in milliseconds, in the right order.
#[derive(Debug, Clone)]
pub struct TokioClock {
    base: Timestamp,
    started: Instant,
}

impl TokioClock {
    /// A clock that shows [`TEST_EPOCH`] now.
    pub fn new() -> Self {
        Self::starting_at(TEST_EPOCH)
    }

    /// A clock that shows `base` now.
    pub fn starting_at(base: Timestamp) -> Self {
        Self { base, started: Instant::now() }
    }
}

impl Default for TokioClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        // Whole milliseconds, rounded down: a clock that runs ahead would start tasks early.
        let elapsed = i64::try_from(self.started.elapsed().as_millis()).unwrap_or(i64::MAX);
        Timestamp::from_millis(self.base.as_millis().saturating_add(elapsed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_of_a_manual_clock_show_the_same_time() {
        let clock = ManualClock::at(Timestamp::from_millis(10));
        let clone = clock.clone();
        clock.advance(Duration::from_micros(1));
        assert_eq!(clone.now(), Timestamp::from_millis(11));
        clone.set(Timestamp::from_millis(3));
        assert_eq!(clock.now(), Timestamp::from_millis(3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_tokio_clock_follows_virtual_time() {
        let clock = TokioClock::starting_at(Timestamp::from_millis(0));
        tokio::time::sleep(Duration::from_secs(3_600)).await;
        assert_eq!(clock.now(), Timestamp::from_millis(3_600_000));
    }
}
