//! Whether the worker reaches its store. All loops report here, so that an outage is said once when it
//! begins and once when it ends, and not once per loop and poll.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aftercommit_core::{Error, Result};
use tokio::time::Instant;

use crate::telemetry;

/// The shortest pause after a failed call.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause after a failed call.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// What is known about the store.
#[derive(Debug, Default)]
pub(super) struct StoreHealth {
    outage: Mutex<Option<Outage>>,
}

#[derive(Debug)]
struct Outage {
    since: Instant,
    refusal: Option<String>,
}

impl StoreHealth {
    /// Takes note of a call's result. `doing` completes the sentence "while the worker ...".
    pub(super) fn note<T>(&self, doing: &'static str, result: &Result<T>) {
        match result {
            Ok(_) => self.reached(),
            Err(error) => self.failed(doing, error),
        }
    }

    fn reached(&self) {
        if let Some(outage) = self.outage().take() {
            telemetry::store_back(outage.since.elapsed());
        }
    }

    fn failed(&self, doing: &'static str, error: &Error) {
        let mut outage = self.outage();
        let begins = outage.is_none();
        let state = outage.get_or_insert_with(|| Outage { since: Instant::now(), refusal: None });
        if error.is_transient() {
            if begins {
                telemetry::store_lost(doing, error);
            }
            return;
        }
        // A lasting refusal is not cured by waiting: say each new one.
        let text = error.to_string();
        if state.refusal.as_ref() != Some(&text) {
            telemetry::store_refuses(doing, error);
            state.refusal = Some(text);
        }
    }

    fn outage(&self) -> std::sync::MutexGuard<'_, Option<Outage>> {
        // Nothing that can panic runs under this lock.
        self.outage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Growing pauses between failed calls.
#[derive(Debug)]
pub(super) struct Pauses {
    next: Duration,
}

impl Pauses {
    pub(super) const fn new() -> Self {
        Self { next: FIRST_PAUSE }
    }

    pub(super) const fn reset(&mut self) {
        self.next = FIRST_PAUSE;
    }

    /// Waits; longer each time, up to a second, and never quite as long as the other loops.
    pub(super) async fn pause(&mut self) {
        let jitter = rand::random_range(0.5..=1.0);
        tokio::time::sleep(self.next.mul_f64(jitter)).await;
        self.next = (self.next * 2).min(LONGEST_PAUSE);
    }
}
