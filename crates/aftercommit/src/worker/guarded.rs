//! Keeps a panic in the host's retry policy from costing a task, or the loop that asked.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use aftercommit_core::{AsynqBackoff, Failure, Message, RetryPolicy};

use crate::telemetry;

/// The host's policy; where it panics, the default one answers.
#[derive(Debug)]
pub(super) struct Guarded<P>(pub(super) P);

impl<P: RetryPolicy> RetryPolicy for Guarded<P> {
    fn delay(&self, message: &Message, failure: &Failure, entropy: u64) -> Duration {
        guard(message, || self.0.delay(message, failure, entropy))
            .unwrap_or_else(|| AsynqBackoff.delay(message, failure, entropy))
    }

    fn is_failure(&self, message: &Message, failure: &Failure) -> bool {
        guard(message, || self.0.is_failure(message, failure)).unwrap_or(true)
    }
}

fn guard<T>(message: &Message, ask: impl FnOnce() -> T) -> Option<T> {
    let answer = std::panic::catch_unwind(AssertUnwindSafe(ask)).ok();
    if answer.is_none() {
        telemetry::policy_panicked(message);
    }
    answer
}
