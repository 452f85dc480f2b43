//! What a run came to, for people.

use std::collections::BTreeMap;
use std::fmt;

use comfy_table::{CellAlignment, Table, presets};

use crate::trial::{DRAIN_BOUND, Outcome};

/// All trials of a run.
#[derive(Debug)]
pub struct Report<'a>(pub &'a [Outcome]);

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n\n{}", audit(self.0), faults(self.0))?;
        for outcome in self.0 {
            let (fleet, seed) = (outcome.fleet.name(), outcome.seed);
            match outcome.drained_ms {
                Some(ms) => {
                    writeln!(f, "{fleet}: drained {ms} ms after the last fault (bound {DRAIN_BOUND:?})")?
                }
                None => writeln!(f, "{fleet}: NOT DRAINED within {DRAIN_BOUND:?}")?,
            }
            for words in outcome.findings.words.iter().chain(&outcome.misdeeds) {
                writeln!(f, "{fleet} (seed {seed}): {words}")?;
            }
            if let Some(directory) = &outcome.directory {
                writeln!(f, "{fleet}: effect log and journal are in {}", directory.display())?;
            }
        }
        let tasks: u64 = self.0.iter().map(|outcome| outcome.findings.committed).sum();
        let struck: u64 = self.0.iter().map(Outcome::faults).sum();
        match self.0.iter().all(Outcome::is_clean) {
            true => write!(
                f,
                "clean: {tasks} tasks, {struck} faults; at 95 % confidence fewer than 3/{tasks} of tasks are lost"
            ),
            false => write!(f, "NOT CLEAN: {tasks} tasks, {struck} faults"),
        }
    }
}

fn audit(outcomes: &[Outcome]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let mut header = vec!["".to_owned()];
    header.extend(outcomes.iter().map(|outcome| outcome.fleet.name().to_owned()));
    table.set_header(header);
    let mut row = |name: &str, cell: &dyn Fn(&Outcome) -> String| {
        table.add_row([name.to_owned()].into_iter().chain(outcomes.iter().map(cell)));
    };
    row("seed", &|outcome| outcome.seed.to_string());
    row("attempted", &|outcome| outcome.findings.attempted.to_string());
    row("acknowledged", &|outcome| outcome.findings.acknowledged.to_string());
    row("committed", &|outcome| outcome.findings.committed.to_string());
    row("ok", &|outcome| outcome.findings.ok.to_string());
    row("lost", &|outcome| outcome.findings.lost.to_string());
    row("unexpected", &|outcome| outcome.findings.unexpected.to_string());
    row("duplicated, explained", &|outcome| outcome.findings.duplicated_explained.to_string());
    row("duplicated, unexplained", &|outcome| outcome.findings.duplicated_unexplained.to_string());
    row("recovered", &|outcome| outcome.findings.recovered.to_string());
    row("republished and recognised", &|outcome| outcome.findings.republished.to_string());
    row("stale finish accepted", &|outcome| outcome.findings.stale_accepted.to_string());
    row("wrong codes", &|outcome| outcome.findings.wrong_codes.to_string());
    row("unanswered", &|outcome| outcome.findings.unanswered.to_string());
    row("faults (missed)", &|outcome| format!("{} ({})", outcome.faults(), outcome.missed));
    row("seconds", &|outcome| (outcome.took_ms / 1000).to_string());
    align(&mut table, outcomes.len());
    table
}

fn faults(outcomes: &[Outcome]) -> Table {
    let mut counts: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
    for (column, outcome) in outcomes.iter().enumerate() {
        for (label, count) in &outcome.struck {
            counts.entry(label).or_insert_with(|| vec![0; outcomes.len()])[column] = *count;
        }
    }
    let mut table = Table::new();
    table.load_style(presets::UTF8_FULL_CONDENSED);
    let mut header = vec!["faults".to_owned()];
    header.extend(outcomes.iter().map(|outcome| outcome.fleet.name().to_owned()));
    table.set_header(header);
    for (label, counts) in counts {
        let cells = counts.iter().map(|count| if *count == 0 { String::new() } else { count.to_string() });
        table.add_row([label.to_owned()].into_iter().chain(cells));
    }
    align(&mut table, outcomes.len());
    table
}

fn align(table: &mut Table, columns: usize) {
    for column in 1..=columns {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
}
