//! What becomes of a row that failed alone. It is to blame only if the back-end takes others: one that takes
//! nothing at all, be it down or badly set up, sets no row aside.

use std::time::Duration;

use aftercommit_core::{Postponed, RowKey, Timestamp};
use tokio::time::Instant;

use super::load::Suspect;
use crate::text::chain;

/// The delay after the first refusal of a row; twice as long after each further one.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest delay of a row.
const LONGEST_DELAY: Duration = Duration::from_secs(300);
/// For how long it is believed of a back-end that it takes tasks.
const BELIEVED: Duration = LONGEST_DELAY;

/// What is to become of a suspect.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sentence {
    /// Nothing: its claim runs out, and it is tried again.
    Lapse,
    /// It is tried again later, and others go on meanwhile.
    Postpone(Postponed),
    /// It is kept for an operator.
    Bury(RowKey, String),
}

/// Since when the back-end is known to take tasks.
#[derive(Debug, Default)]
pub(super) struct Evidence {
    in_round: bool,
    accepted_at: Option<Instant>,
}

impl Evidence {
    pub(super) const fn new_round(&mut self) {
        self.in_round = false;
    }

    pub(super) fn accepted(&mut self) {
        self.in_round = true;
        self.accepted_at = Some(Instant::now());
    }

    /// Whether it has taken anything of this batch.
    pub(super) const fn in_round(&self) -> bool {
        self.in_round
    }

    pub(super) fn judge(&self, suspect: &Suspect, max_attempts: u32, now: Timestamp) -> Sentence {
        let Suspect { row, error, .. } = suspect;
        // A passing fault is the row's only if others got through next to it.
        if error.is_transient() && !self.in_round {
            return Sentence::Lapse;
        }
        let takes_others = self.accepted_at.is_some_and(|at| at.elapsed() < BELIEVED);
        if takes_others && row.attempts.saturating_add(1) >= max_attempts {
            return Sentence::Bury(row.key, chain(error));
        }
        let until = now.plus(delay(row.attempts).mul_f64(rand::random_range(0.5..=1.0)));
        Sentence::Postpone(Postponed { key: row.key, until, error: chain(error) })
    }
}

fn delay(attempts: u32) -> Duration {
    FIRST_DELAY.saturating_mul(2u32.saturating_pow(attempts)).min(LONGEST_DELAY)
}
