//! How long a failed task waits before its next attempt.

use std::fmt;
use std::time::Duration;

use crate::{Failure, Message};

/// Decides the delay before the next attempt, and what counts as a failure at all.
pub trait RetryPolicy: Send + Sync + fmt::Debug + 'static {
    /// The delay before the next attempt. `message.retried` is 0 at the first failure; `entropy` is any
    /// random number, from which the jitter is taken.
    fn delay(&self, message: &Message, failure: &Failure, entropy: u64) -> Duration;

    /// False for errors that are nobody's fault (a dependency is down): the task waits for the delay
    /// and burns no attempt.
    fn is_failure(&self, message: &Message, failure: &Failure) -> bool {
        let _ = (message, failure);
        true
    }
}

/// The delay of asynq, and the default here: `n⁴ + 15 + r·(n+1)` seconds after the n-th retry, with r
/// a random integer from 0 to 29. 25 retries take about three weeks.
#[derive(Debug, Clone, Copy, Default)]
pub struct AsynqBackoff;

impl RetryPolicy for AsynqBackoff {
    fn delay(&self, message: &Message, _: &Failure, entropy: u64) -> Duration {
        let n = u64::from(message.retried);
        let seconds = n.saturating_pow(4).saturating_add(15).saturating_add((entropy % 30) * (n + 1));
        Duration::from_secs(seconds)
    }
}

/// `base · 2ⁿ`, at most `cap`, of which a random half is left out so that failures do not come back
/// together.
#[derive(Debug, Clone, Copy)]
pub struct Exponential {
    /// The delay after the first failure.
    pub base: Duration,
    /// The longest delay.
    pub cap: Duration,
}

impl RetryPolicy for Exponential {
    fn delay(&self, message: &Message, _: &Failure, entropy: u64) -> Duration {
        let doublings = 2u32.saturating_pow(message.retried);
        let whole = self.base.saturating_mul(doublings).min(self.cap);
        let half = whole / 2;
        let share = u32::try_from(entropy % 1_000).unwrap_or(0);
        half + half.mul_f64(f64::from(share) / 999.0)
    }
}

/// Always the same delay.
#[derive(Debug, Clone, Copy)]
pub struct Fixed(pub Duration);

impl RetryPolicy for Fixed {
    fn delay(&self, _: &Message, _: &Failure, _: u64) -> Duration {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FailureKind, NewTask, Options, RawTask, TaskType, Timestamp};

    fn after(retried: u32, policy: &dyn RetryPolicy, entropy: u64) -> Duration {
        let task = RawTask { task_type: TaskType::new("t").unwrap(), payload: bytes::Bytes::new() };
        let resolved = NewTask::from(task).resolve(&Options::new(), Timestamp::from_millis(0)).unwrap();
        let message = Message { retried, ..resolved.message };
        policy.delay(&message, &Failure::new(FailureKind::Error, ""), entropy)
    }

    #[test]
    fn the_default_delay_is_asynqs() {
        assert_eq!(after(0, &AsynqBackoff, 0), Duration::from_secs(15));
        assert_eq!(after(0, &AsynqBackoff, 29), Duration::from_secs(44));
        assert_eq!(after(3, &AsynqBackoff, 30), Duration::from_secs(81 + 15));
        assert_eq!(after(10, &AsynqBackoff, 29), Duration::from_secs(10_000 + 15 + 29 * 11));
        assert_eq!(after(u32::MAX, &AsynqBackoff, u64::MAX).as_secs(), u64::MAX);
    }

    #[test]
    fn an_exponential_delay_doubles_up_to_its_cap_and_keeps_at_least_half() {
        let policy = Exponential { base: Duration::from_secs(2), cap: Duration::from_secs(60) };
        assert_eq!(after(0, &policy, 0), Duration::from_secs(1));
        assert_eq!(after(0, &policy, 999), Duration::from_secs(2));
        assert_eq!(after(3, &policy, 999), Duration::from_secs(16));
        assert_eq!(after(40, &policy, 999), Duration::from_secs(60));
    }
}
