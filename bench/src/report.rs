//! One table for people, one line per row for scripts.

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, TableStyle, presets};
use serde::Serialize;

use crate::measure::Samples;

/// One measurement: ours, beside the bare loop where there is one.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: Samples,
    pub(crate) bare: Option<Samples>,
    /// What limits ours.
    pub(crate) limit: &'static str,
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, limit: &'static str) -> Self {
        Self { name: name.into(), unit, ours: Samples::default(), bare: None, limit }
    }

    pub(crate) fn add(&mut self, ours: f64, bare: f64) {
        self.ours.add(ours);
        self.bare.get_or_insert_default().add(bare);
    }

    fn ratio(&self) -> Option<f64> {
        self.bare.as_ref().map(|bare| self.ours.median() / bare.median())
    }
}

#[derive(Serialize)]
struct Line<'a> {
    bench: &'a str,
    at_unix: u64,
    machine: &'a str,
    knobs: &'a str,
    name: &'a str,
    unit: &'a str,
    median: f64,
    min: f64,
    max: f64,
    bare_median: Option<f64>,
    ratio: Option<f64>,
    limit: &'a str,
}

/// The rows of one run, and what they were measured with.
pub(crate) struct Report<'a> {
    pub(crate) bench: &'a str,
    pub(crate) machine: &'a str,
    pub(crate) knobs: &'a str,
    pub(crate) rows: &'a [Row],
}

impl Report<'_> {
    pub(crate) fn print(&self) {
        let table = table(self.rows, presets::UTF8_FULL_CONDENSED);
        println!("\n{}: {}\n{}\n\n{table}", self.bench, self.machine, self.knobs);
    }

    /// Appends the rows to `bench/results/<bench>.jsonl`; the newest table also stands in `bench/results/<bench>.md`.
    pub(crate) fn record(&self) -> Result<()> {
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        fs::create_dir_all(&results).context("cannot create bench/results")?;
        let table = table(self.rows, presets::ASCII_MARKDOWN);
        let page = format!("# {}\n\n{}; {}\n\n{table}\n", self.bench, self.machine, self.knobs);
        fs::write(results.join(format!("{}.md", self.bench)), page).context("cannot write the table")?;
        let path = results.join(format!("{}.jsonl", self.bench));
        let mut file =
            OpenOptions::new().create(true).append(true).open(path).context("cannot open the results")?;
        for row in self.rows {
            writeln!(file, "{}", serde_json::to_string(&self.line(row))?)?;
        }
        Ok(())
    }

    fn line<'a>(&'a self, row: &'a Row) -> Line<'a> {
        Line {
            bench: self.bench,
            at_unix: unix_seconds(),
            machine: self.machine,
            knobs: self.knobs,
            name: &row.name,
            unit: row.unit,
            median: row.ours.median(),
            min: row.ours.min(),
            max: row.ours.max(),
            bare_median: row.bare.as_ref().map(Samples::median),
            ratio: row.ratio(),
            limit: row.limit,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a report says when it was made")]
fn unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn table(rows: &[Row], style: TableStyle) -> Table {
    let mut table = Table::new();
    table.load_style(style);
    table.set_header([
        "measurement",
        "unit",
        "ours (median)",
        "min – max",
        "bare loop",
        "ratio",
        "limited by",
    ]);
    for row in rows.iter().filter(|row| !row.ours.is_empty()) {
        table.add_row([
            row.name.clone(),
            row.unit.to_owned(),
            number(row.ours.median()),
            format!("{} – {}", number(row.ours.min()), number(row.ours.max())),
            row.bare.as_ref().map_or_else(|| "–".to_owned(), |bare| number(bare.median())),
            row.ratio().map_or_else(|| "–".to_owned(), |ratio| format!("{ratio:.2}")),
            row.limit.to_owned(),
        ]);
    }
    for column in 2..6 {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

/// Three significant digits are more than a noisy machine can vouch for.
fn number(value: f64) -> String {
    if value >= 1_000.0 {
        let whole = format!("{value:.0}");
        let mut grouped = String::new();
        for (at, digit) in whole.chars().enumerate() {
            if at > 0 && (whole.len() - at) % 3 == 0 {
                grouped.push(',');
            }
            grouped.push(digit);
        }
        grouped
    } else if value >= 10.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.2}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_easily() {
        assert_eq!([1_234_567.0, 1_000.0, 12.34, 0.456].map(number), ["1,234,567", "1,000", "12.3", "0.46"]);
    }
}
