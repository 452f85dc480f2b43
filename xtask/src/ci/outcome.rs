//! How a step ended, and what had to be skipped.

use std::fmt;

use super::command::Ended;
use super::tally::Tally;
use crate::finding::Verdict;

/// How a step ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The one word for it.
    pub(crate) ending: Ending,
    /// The tests it ran.
    pub(crate) tally: Tally,
}

/// The one word for how a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    Passed,
    Failed,
    /// What the step needs is missing.
    Skipped,
    /// An earlier step stopped the run.
    NotRun,
    /// There was nothing for it to do.
    Empty,
}

/// A suite or a step that could not run, with the reason and the remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Skip {
    /// What it goes by.
    pub(crate) name: String,
    why: String,
    /// How many it stands for in the closing line.
    pub(crate) count: u64,
}

impl Outcome {
    /// Everything was there, or went well.
    pub(crate) fn passed() -> Self {
        Self::without_tests(Ending::Passed)
    }

    /// Something that is needed is missing.
    pub(crate) fn skipped() -> Self {
        Self::without_tests(Ending::Skipped)
    }

    /// An earlier step stopped the run.
    pub(crate) fn not_run() -> Self {
        Self::without_tests(Ending::NotRun)
    }

    /// A step before its first command.
    pub(crate) fn nothing_to_do() -> Self {
        Self::without_tests(Ending::Empty)
    }

    fn without_tests(ending: Ending) -> Self {
        Self { ending, tally: Tally::default() }
    }

    /// The outcome of a check within this process. That it could not be done is printed here.
    pub(crate) fn of_check(verdict: anyhow::Result<Verdict>) -> Self {
        Self::without_tests(match verdict {
            Ok(Verdict::Clean) => Ending::Passed,
            Ok(Verdict::Faulty) => Ending::Failed,
            Err(error) => {
                println!("error: {error:#}");
                Ending::Failed
            }
        })
    }

    /// Adds a command's end: one that failed makes the step fail.
    pub(crate) fn absorb(&mut self, ended: Ended) {
        self.ending = match (self.ending, ended.is_well()) {
            (Ending::Empty | Ending::Passed, true) => Ending::Passed,
            _ => Ending::Failed,
        };
        self.tally.add(ended.tally);
    }

    /// Whether it makes the whole run fail.
    pub(crate) fn failed(&self) -> bool {
        self.ending == Ending::Failed
    }
}

impl Skip {
    /// A skip of what goes by this name, and why.
    pub(crate) fn new(name: &str, why: String) -> Self {
        Self { name: name.to_owned(), why, count: 1 }
    }

    /// Tests of this step that are marked as ignored.
    pub(crate) fn ignored_tests(step: &str, count: u64) -> Self {
        Self { name: step.to_owned(), why: format!("{count} tests are marked as ignored"), count }
    }
}

impl fmt::Display for Skip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "skipped: {} ({})", self.name, self.why)
    }
}
