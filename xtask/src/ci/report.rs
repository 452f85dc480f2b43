//! What came out of a run: a table of steps, what failed, what was skipped, and the closing line of counts.

use std::time::Duration;

use comfy_table::{Attribute, Cell, CellAlignment, Color, Table, presets};

use super::Skips;
use super::outcome::{Ending, Outcome, Skip};
use crate::finding::Verdict;

/// Everything that came out so far.
#[derive(Debug)]
pub(crate) struct Report {
    rows: Vec<(&'static str, Outcome, Duration)>,
    skips: Vec<Skip>,
}

impl Report {
    /// A report of nothing yet.
    pub(crate) fn new() -> Self {
        Self { rows: Vec::new(), skips: Vec::new() }
    }

    /// Adds a step.
    pub(crate) fn add(&mut self, step: &'static str, outcome: Outcome, took: Duration) {
        if outcome.tally.ignored > 0 {
            self.skips.push(Skip::ignored_tests(step, outcome.tally.ignored));
        }
        self.rows.push((step, outcome, took));
    }

    /// Adds what could not run for want of something.
    pub(crate) fn add_skips(&mut self, skips: Vec<Skip>) {
        self.skips.extend(skips);
    }

    /// How the run ended: a skip alone fails it only where skips do.
    pub(crate) fn verdict(&self, skips: Skips) -> Verdict {
        let failed = self.rows.iter().any(|(_, outcome, _)| outcome.failed());
        let skip_fails = skips == Skips::Fail && !self.skips.is_empty();
        if failed || skip_fails { Verdict::Faulty } else { Verdict::Clean }
    }

    /// The report as printed; its last line is `N passed, N failed`, with `, N skipped` behind it where there are any.
    pub(crate) fn text(&self, skips: Skips) -> String {
        let mut lines = vec![String::new(), self.table().to_string()];
        let failures = self.rows.iter().flat_map(|(_, outcome, _)| &outcome.tally.failures);
        lines.extend(failures.map(|failure| format!("failed: {failure}")));
        lines.extend(self.skips.iter().map(Skip::to_string));
        if skips == Skips::Fail && !self.skips.is_empty() {
            let names: Vec<&str> = self.skips.iter().map(|skip| skip.name.as_str()).collect();
            lines.push(format!(
                "the run fails because CI is set and these were skipped: {}",
                names.join(", ")
            ));
        }
        lines.push(self.closing_line());
        lines.join("\n")
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_style(presets::ASCII_MARKDOWN).set_header(["step", "result", "tests", "seconds"]);
        let mut total = Duration::ZERO;
        for (name, outcome, took) in &self.rows {
            total += *took;
            let tests = outcome.tally.passed + outcome.tally.failed;
            let tests = if tests == 0 { String::new() } else { tests.to_string() };
            table.add_row([Cell::new(name), word(outcome.ending), Cell::new(tests), seconds(*took)]);
        }
        table.add_row([
            Cell::new("total").add_attribute(Attribute::Bold),
            Cell::new(""),
            Cell::new(""),
            seconds(total),
        ]);
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        table
    }

    /// Counts tests. A step that failed without a failed test counts as one, so that a bad run never says `0 failed`.
    fn closing_line(&self) -> String {
        let tallies = self.rows.iter().map(|(_, outcome, _)| outcome);
        let (passed, failed) = tallies.fold((0, 0), |(passed, failed), outcome| {
            let failures = outcome.tally.failed.max(u64::from(outcome.failed()));
            (passed + outcome.tally.passed, failed + failures)
        });
        match self.skips.iter().map(|skip| skip.count).sum::<u64>() {
            0 => format!("{passed} passed, {failed} failed"),
            skipped => format!("{passed} passed, {failed} failed, {skipped} skipped"),
        }
    }
}

fn word(ending: Ending) -> Cell {
    let (text, color) = match ending {
        Ending::Passed => ("ok", Color::Green),
        Ending::Failed => ("FAILED", Color::Red),
        Ending::Skipped => ("skipped", Color::Yellow),
        Ending::NotRun => ("not run", Color::Yellow),
        Ending::Empty => ("nothing to do", Color::DarkGrey),
    };
    Cell::new(text).fg(color)
}

fn seconds(took: Duration) -> Cell {
    Cell::new(format!("{:.1}", took.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::super::tally::Tally;
    use super::*;

    const TOOK: Duration = Duration::from_millis(1500);

    fn ran(ending: Ending, passed: u64, failed: u64) -> Outcome {
        Outcome { ending, tally: Tally { passed, failed, ..Tally::default() } }
    }

    fn report(outcomes: Vec<Outcome>) -> Report {
        let mut report = Report::new();
        for outcome in outcomes {
            report.add("tests", outcome, TOOK);
        }
        report
    }

    fn last_line(report: &Report) -> String {
        report.text(Skips::Named).lines().last().unwrap().to_owned()
    }

    #[test]
    fn the_last_line_counts_the_tests_of_all_steps() {
        let report = report(vec![ran(Ending::Passed, 3, 0), ran(Ending::Failed, 4, 2)]);
        assert_eq!(last_line(&report), "7 passed, 2 failed");
        assert_eq!(report.verdict(Skips::Named), Verdict::Faulty);
    }

    #[test]
    fn a_step_that_failed_without_a_failed_test_counts_as_one() {
        let report = report(vec![ran(Ending::Passed, 3, 0), ran(Ending::Failed, 0, 0), Outcome::not_run()]);
        assert_eq!(last_line(&report), "3 passed, 1 failed");
    }

    #[test]
    fn a_skip_is_named_and_fails_the_run_only_where_skips_do() {
        let mut report = report(vec![ran(Ending::Passed, 3, 0), Outcome::skipped()]);
        assert_eq!(report.verdict(Skips::Fail), Verdict::Clean);
        report.add_skips(vec![Skip::new("smtp", "no server".to_owned())]);

        assert_eq!(last_line(&report), "3 passed, 0 failed, 1 skipped");
        assert!(report.text(Skips::Named).contains("skipped: smtp (no server)"));
        assert_eq!(report.verdict(Skips::Named), Verdict::Clean);
        assert_eq!(report.verdict(Skips::Fail), Verdict::Faulty);
        assert!(report.text(Skips::Fail).contains("these were skipped: smtp"));
    }

    #[test]
    fn ignored_tests_are_skips_one_by_one() {
        let tally = Tally { passed: 1, ignored: 2, ..Tally::default() };
        let report = report(vec![Outcome { ending: Ending::Passed, tally }]);
        assert_eq!(last_line(&report), "1 passed, 0 failed, 2 skipped");
        assert_eq!(report.verdict(Skips::Fail), Verdict::Faulty);
    }

    #[test]
    fn the_table_has_each_step_with_its_seconds_and_the_total() {
        let text = report(vec![ran(Ending::Passed, 3, 0), ran(Ending::Failed, 0, 0)]).text(Skips::Named);
        assert!(text.contains("FAILED") && text.contains("1.5") && text.contains("3.0"), "{text}");
    }

    #[test]
    fn a_failed_test_is_named_below_the_table() {
        let failures = ["bank::pays".to_owned()].into();
        let tally = Tally { failed: 1, failures, ..Tally::default() };
        let text = report(vec![Outcome { ending: Ending::Failed, tally }]).text(Skips::Named);
        assert!(text.contains("failed: bank::pays"), "{text}");
    }
}
