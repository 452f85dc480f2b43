//! States as small numbers: the column `state`.

use crate::{BoxError, State};

/// Waiting in a group.
pub const AGGREGATING: i64 = 1;
/// Ready to run.
pub const PENDING: i64 = 2;
/// In the hands of a worker.
pub const ACTIVE: i64 = 3;
/// Waiting for its time.
pub const SCHEDULED: i64 = 4;
/// Waiting for its next attempt.
pub const RETRY: i64 = 5;
/// Given up on.
pub const ARCHIVED: i64 = 6;
/// Finished and kept.
pub const COMPLETED: i64 = 7;

/// The state of a code.
///
/// # Errors
/// For a number that no state has.
pub fn state(code: i64) -> Result<State, BoxError> {
    match code {
        AGGREGATING => Ok(State::Aggregating),
        PENDING => Ok(State::Pending),
        ACTIVE => Ok(State::Active),
        SCHEDULED => Ok(State::Scheduled),
        RETRY => Ok(State::Retry),
        ARCHIVED => Ok(State::Archived),
        COMPLETED => Ok(State::Completed),
        other => Err(format!("{other} is no state").into()),
    }
}
