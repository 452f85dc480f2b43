//! Named signals between a test and the handlers it runs, in place of sleeps.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// Signals by name. Each counts how often it was sent, so that one sent early is not missed. Clones
/// share them: give one to the handler and keep one in the test.
///
/// ```
/// use aftercommit_testing::Signals;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let signals = Signals::new();
/// let handler = tokio::spawn({
///     let signals = signals.clone();
///     async move {
///         signals.send("started");
///         signals.wait("go on").await;
///         signals.send("finished");
///     }
/// });
/// signals.wait("started").await;
/// assert_eq!(signals.count("finished"), 0);
/// signals.send("go on");
/// signals.wait("finished").await;
/// # handler.await.expect("the handler ends");
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Signals {
    sent: Arc<watch::Sender<BTreeMap<String, usize>>>,
    limit: Duration,
}

impl Signals {
    /// How long [`wait`](Self::wait) waits before it fails the test, by tokio's clock.
    pub const LIMIT: Duration = Duration::from_secs(10);

    /// No signal sent yet.
    pub fn new() -> Self {
        Self { sent: Arc::new(watch::Sender::new(BTreeMap::new())), limit: Self::LIMIT }
    }

    /// The same signals, waited for at most this long: for tests in which much virtual time passes.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        Self { sent: Arc::clone(&self.sent), limit }
    }

    /// Sends a signal once more.
    pub fn send(&self, name: &str) {
        self.sent.send_modify(|sent| *sent.entry(name.to_owned()).or_default() += 1);
    }

    /// How often a signal was sent.
    pub fn count(&self, name: &str) -> usize {
        count(&self.sent.borrow(), name)
    }

    /// Waits until a signal has been sent, now or before. It stays sent, so that any number may wait.
    ///
    /// # Panics
    /// If it is not sent in time.
    pub async fn wait(&self, name: &str) {
        self.wait_for(name, 1).await;
    }

    /// Waits until a signal has been sent so many times in all.
    ///
    /// # Panics
    /// If it is not sent as often in time.
    pub async fn wait_for(&self, name: &str, times: usize) {
        let mut sent = self.sent.subscribe();
        let enough = sent.wait_for(|sent| count(sent, name) >= times);
        let in_time = matches!(tokio::time::timeout(self.limit, enough).await, Ok(Ok(_)));
        let so_far = self.count(name);
        assert!(in_time, "signal {name:?} was sent {so_far} of {times} times within {:?}", self.limit);
    }
}

impl Default for Signals {
    fn default() -> Self {
        Self::new()
    }
}

fn count(sent: &BTreeMap<String, usize>, name: &str) -> usize {
    sent.get(name).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_signal_sent_before_the_wait_is_not_missed() {
        let signals = Signals::new();
        signals.clone().send("a");
        signals.wait("a").await;
        signals.wait("a").await;
        assert_eq!((signals.count("a"), signals.count("b")), (1, 0));
    }

    #[tokio::test]
    async fn a_wait_for_several_ends_with_the_last() {
        let signals = Signals::new();
        let waiting = tokio::spawn({
            let signals = signals.clone();
            async move { signals.wait_for("a", 3).await }
        });
        for _ in 0..3 {
            assert!(!waiting.is_finished());
            signals.send("a");
        }
        waiting.await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    #[should_panic(expected = "signal \"a\" was sent 1 of 2 times within 60s")]
    async fn a_signal_that_does_not_come_fails_the_test_by_its_name() {
        let signals = Signals::new().within(Duration::from_secs(60));
        signals.send("a");
        signals.wait_for("a", 2).await;
    }
}
