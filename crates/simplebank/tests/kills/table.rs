//! The table of all trials, as a person reads it.

use crate::auditor::Findings;
use crate::trial::Outcome;
use std::fmt;
use std::time::Duration;

/// All trials of one scene or fault.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) runs: usize,
    pub(crate) sum: Findings,
    pub(crate) slowest: Duration,
}

impl Row {
    pub(crate) fn of(name: &'static str, outcomes: &[Outcome]) -> Self {
        let add = |sum: Findings, outcome: &Outcome| {
            let one = &outcome.findings;
            Findings {
                users: sum.users + one.users,
                lost: sum.lost + one.lost,
                ghosts: sum.ghosts + one.ghosts,
                two_codes: sum.two_codes + one.two_codes,
                missing: sum.missing + one.missing,
                duplicates: sum.duplicates + one.duplicates,
                unexplained: sum.unexplained + one.unexplained,
                burnt: sum.burnt + one.burnt,
                unsettled: sum.unsettled + one.unsettled,
            }
        };
        Self {
            name,
            runs: outcomes.len(),
            sum: outcomes.iter().fold(Findings::default(), add),
            slowest: outcomes.iter().map(|outcome| outcome.recovery).max().unwrap_or_default(),
        }
    }
}

/// Rows, with a line that names the columns. Copies are mails that were handed over again; "why?" counts those that
/// nothing explains.
pub(crate) struct Table<'a>(pub(crate) &'a [Row]);

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns =
            ["runs", "users", "lost", "ghosts", "2 codes", "missing", "burnt", "unsettled", "copies", "why?"];
        write!(f, "{:<48}", "killed")?;
        for column in columns {
            write!(f, "{column:>10}")?;
        }
        writeln!(f, "{:>18}", "slowest recovery")?;
        for Row { name, runs, sum, slowest } in self.0 {
            write!(f, "{name:<48}")?;
            let faults = [sum.lost, sum.ghosts, sum.two_codes, sum.missing, sum.burnt, sum.unsettled];
            for number in
                [*runs, sum.users].into_iter().chain(faults).chain([sum.duplicates, sum.unexplained])
            {
                write!(f, "{number:>10}")?;
            }
            writeln!(f, "{:>16.1} s", slowest.as_secs_f64())?;
        }
        Ok(())
    }
}
