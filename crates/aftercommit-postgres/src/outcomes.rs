//! The outcomes of a batch as columns.

use std::borrow::Cow;

use aftercommit_core::stored::{millis, state};
use aftercommit_core::{Outcome, RequeueCause, Timestamp};

use crate::text::storable;

/// What a batch of settlements writes, beside its leases.
#[derive(Debug, Default)]
pub(crate) struct Outcomes<'a> {
    /// The state after it; 0 for none.
    pub(crate) becomes: Vec<i16>,
    /// Retries or recoveries to add.
    pub(crate) added: Vec<i32>,
    /// When the task is due, or for how long it is kept.
    pub(crate) moments: Vec<Option<i64>>,
    pub(crate) errors: Vec<Option<Cow<'a, str>>>,
    pub(crate) results: Vec<Option<&'a [u8]>>,
}

/// The task is gone.
const NOTHING: i64 = 0;

impl<'a> Outcomes<'a> {
    pub(crate) fn push(&mut self, outcome: &'a Outcome) {
        let (mut added, mut moment, mut error, mut result) = (0, None, None, None);
        let becomes = match outcome {
            Outcome::Done => NOTHING,
            Outcome::Complete { retention, result: value } => {
                (moment, result) = (Some(millis(*retention)), value.as_deref());
                state::COMPLETED
            }
            Outcome::Archive { error: text } => {
                error = Some(storable(text));
                state::ARCHIVED
            }
            Outcome::Retry { at, error: text } => {
                (added, moment, error) = (1, Some(Timestamp::as_millis(*at)), Some(storable(text)));
                state::RETRY
            }
            Outcome::Snooze { at, error: text } => {
                (moment, error) = (Some(Timestamp::as_millis(*at)), Some(storable(text)));
                state::RETRY
            }
            Outcome::Requeue(cause) => {
                added = i32::from(*cause == RequeueCause::Recovered);
                state::PENDING
            }
        };
        self.becomes.push(i16::try_from(becomes).expect("the codes of states are small"));
        self.added.push(added);
        self.moments.push(moment);
        self.errors.push(error);
        self.results.push(result);
    }
}
