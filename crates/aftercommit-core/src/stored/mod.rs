//! The stored forms that the back-ends on SQL share, so that a table of one reads like a table of the other. Nobody
//! else needs them.

mod options;
pub mod state;
pub mod token;
mod worker;

pub use options::StoredOptions;
pub use worker::StoredWorker;

use std::time::Duration;

use crate::Timestamp;

/// A length of time in milliseconds, rounded up.
pub fn millis(duration: Duration) -> i64 {
    Timestamp::from_millis(0).plus(duration).as_millis()
}

/// A length of time from milliseconds.
pub fn duration(millis: i64) -> Duration {
    Duration::from_millis(millis.unsigned_abs())
}
