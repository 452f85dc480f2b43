//! Connections kept between messages. Bounded: who wants one takes a slot first.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// At most `slots` connections in use or idle. Connections are plain values: one that is not put back is closed.
pub(super) struct Pool<C> {
    slots: Semaphore,
    idle: Mutex<Vec<(C, Instant)>>,
    max_idle: Duration,
}

impl<C> Pool<C> {
    pub(super) fn new(slots: usize, max_idle: Duration) -> Self {
        Self { slots: Semaphore::new(slots), idle: Mutex::new(Vec::new()), max_idle }
    }

    /// The right to use one connection, for as long as it is held.
    pub(super) async fn slot(&self) -> SemaphorePermit<'_> {
        self.slots.acquire().await.expect("the semaphore is never closed")
    }

    /// The connection that was used last, if it is still worth trying. Closes those that are too old.
    pub(super) fn take(&self, now: Instant) -> Option<C> {
        let mut idle = self.idle();
        idle.retain(|(_, since)| now.duration_since(*since) <= self.max_idle);
        idle.pop().map(|(connection, _)| connection)
    }

    /// Keeps a connection for the next message. The caller still holds its slot.
    pub(super) fn put(&self, connection: C, now: Instant) {
        self.idle().push((connection, now));
    }

    /// Closes everything that is idle.
    pub(super) fn clear(&self) {
        self.idle().clear();
    }

    /// Nothing that holds this lock can leave the list half changed, so a panic elsewhere does not matter.
    fn idle(&self) -> MutexGuard<'_, Vec<(C, Instant)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C> fmt::Debug for Pool<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("slots", &self.slots.available_permits()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn last_used_connection_is_used_again_first() {
        let pool = Pool::new(2, MINUTE);
        let now = Instant::now();
        pool.put("a", now);
        pool.put("b", now);
        assert_eq!((pool.take(now), pool.take(now), pool.take(now)), (Some("b"), Some("a"), None));
    }

    #[test]
    fn connection_that_idled_too_long_is_closed() {
        let pool = Pool::new(2, MINUTE);
        let start = Instant::now();
        pool.put("old", start);
        pool.put("young", start + MINUTE);
        let now = start + MINUTE + Duration::from_millis(1);
        assert_eq!((pool.take(now), pool.take(now)), (Some("young"), None));
    }

    #[tokio::test]
    async fn slots_are_bounded_and_come_back() {
        let pool = Pool::<()>::new(2, MINUTE);
        let (first, _second) = (pool.slot().await, pool.slot().await);
        assert!(pool.slot().now_or_never().is_none());
        drop(first);
        assert!(pool.slot().now_or_never().is_some());
    }
}
