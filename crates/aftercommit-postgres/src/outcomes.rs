//! The outcomes of a batch as columns.

use std::borrow::Cow;

use aftercommit_core::stored::{millis, state};
use aftercommit_core::{Outcome, RequeueCause, Timestamp};
use sqlx::Postgres;
use sqlx::postgres::PgArguments;
use sqlx::query::Query;

use crate::batch::saturated;
use crate::text::storable;

/// What a batch of settlements writes, beside its leases.
#[derive(Debug, Default)]
pub(crate) struct Outcomes<'a> {
    /// The state after it; 0 for none.
    becomes: Vec<i16>,
    /// Retries or recoveries to add.
    added: Vec<i32>,
    /// When the task is due, or for how long it is kept.
    moments: Vec<Option<i64>>,
    errors: Vec<Option<Cow<'a, str>>>,
    results: Vec<Option<&'a [u8]>>,
    /// Where they stand in their batch.
    places: Vec<i64>,
}

/// The task is gone.
const NOTHING: i64 = 0;

impl<'a> Outcomes<'a> {
    pub(crate) fn of(outcomes: impl Iterator<Item = &'a Outcome>, places: &[usize]) -> Self {
        let mut columns =
            Self { places: places.iter().map(|place| saturated(*place)).collect(), ..Self::default() };
        outcomes.for_each(|outcome| columns.push(outcome));
        columns
    }

    fn push(&mut self, outcome: &'a Outcome) {
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

    /// Gives them to a statement that has got its leases.
    pub(crate) fn bind<'q>(
        &'q self,
        settle: Query<'q, Postgres, PgArguments>,
    ) -> Query<'q, Postgres, PgArguments> {
        settle
            .bind(&self.becomes)
            .bind(&self.added)
            .bind(&self.moments)
            .bind(&self.errors)
            .bind(&self.results)
            .bind(&self.places)
    }
}
