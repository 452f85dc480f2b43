//! The states of a task, spelled as asynq spells them, since operators of both see the same words.

use std::fmt;
use std::str::FromStr;

use crate::Error;

/// Where a task is in its life.
///
/// ```text
///               enqueue                 dequeue            settle
///  ── now ──────────────▶ pending ──────────────▶ active ───────────▶ (gone) | completed | archived
///  ── at a time ─▶ scheduled ─┘ ▲ ▲                 │ │
///                   forward     │ └──── requeue ────┘ │
///                               └── forward ── retry ◀┘
/// ```
///
/// A task of a group comes to aggregating where another one would come to pending by an enqueue or a forward, and
/// leaves it when one task is made of its batch ([`Groups`](crate::Groups)) or by an operator's hand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    /// Ready to run, waiting for a worker.
    Pending,
    /// In the hands of a worker that holds a lease.
    Active,
    /// Waiting for its time.
    Scheduled,
    /// Failed, waiting for its next attempt.
    Retry,
    /// Given up on; kept for an operator (the dead letter).
    Archived,
    /// Finished and kept for its retention.
    Completed,
    /// Waiting in a group to be aggregated with others.
    Aggregating,
}

impl State {
    /// Every state, in the order in which tables show them.
    pub const ALL: [Self; 7] = [
        Self::Pending,
        Self::Active,
        Self::Scheduled,
        Self::Retry,
        Self::Archived,
        Self::Completed,
        Self::Aggregating,
    ];

    /// The stored spelling.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
            Self::Scheduled => "scheduled",
            Self::Retry => "retry",
            Self::Archived => "archived",
            Self::Completed => "completed",
            Self::Aggregating => "aggregating",
        }
    }

    /// True for the states a task leaves only by an operator's hand or by the passing of time.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Archived | Self::Completed)
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for State {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == text)
            .ok_or_else(|| Error::invalid("state", format!("{text:?} is not a task state")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_state_reads_back_from_its_spelling() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse::<State>().unwrap(), state);
        }
        assert!("dead".parse::<State>().is_err());
    }
}
