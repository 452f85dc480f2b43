//! What came of visiting a model, in the words of the auditor.

use std::collections::BTreeMap;
use std::fmt;

/// What can be wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Finding {
    /// Committed, and without an end that it can still come to.
    Lost,
    /// Ran though its transaction rolled back, or before the commit.
    Unexpected,
    /// Had its effect again, and nothing in the log says why.
    Duplicated,
    /// An outcome was written down by an attempt that was no longer in charge.
    StaleSettle,
    /// The log tells of a loss that never was, and would explain away a real one.
    FalseLoss,
    /// More ran at a time than may.
    OverLimit,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lost => "lost",
            Self::Unexpected => "unexpected",
            Self::Duplicated => "duplicated, unexplained",
            Self::StaleSettle => "stale settle accepted",
            Self::FalseLoss => "a loss reported that never was",
            Self::OverLimit => "over the limit",
        })
    }
}

/// How much of a model was seen, and the shortest way to each finding.
pub(crate) struct Report {
    name: String,
    states: usize,
    stories: BTreeMap<Finding, Vec<String>>,
}

impl Report {
    pub(crate) fn new(
        name: &str,
        states: usize,
        moves: usize,
        stories: BTreeMap<Finding, Vec<String>>,
    ) -> Self {
        println!("{name}: {states} states, {moves} moves");
        Self { name: name.to_owned(), states, stories }
    }

    pub(crate) const fn states(&self) -> usize {
        self.states
    }

    /// Nothing is wrong in any state, and from every state all comes to its end once faults stop.
    pub(crate) fn is_sound(&self) {
        assert!(self.stories.is_empty(), "{self}");
    }

    /// The model is broken, and this is the shortest way to see it.
    pub(crate) fn shows(&self, finding: Finding, story: &[&str]) {
        println!("{self}");
        let found = self.stories.get(&finding).unwrap_or_else(|| panic!("not found: {finding}\n{self}"));
        assert_eq!(found, story, "another story than expected: {finding}\n{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (finding, story) in &self.stories {
            writeln!(f, "{}: {finding}", self.name)?;
            for (nth, what) in (1..).zip(story) {
                writeln!(f, "  {nth}. {what}")?;
            }
        }
        Ok(())
    }
}
