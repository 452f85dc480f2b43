//! One table for people, one line per row for scripts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use comfy_table::{CellAlignment, Table, TableStyle, presets};
use serde::Serialize;

use crate::goal::{Goal, Shown, Verdict};
use crate::measure::Samples;

/// One measurement: ours, beside the bare loop and peers where there are such.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) unit: &'static str,
    pub(crate) ours: Samples,
    pub(crate) bare: Option<Samples>,
    /// By their names.
    pub(crate) peers: Vec<(&'static str, Samples)>,
    pub(crate) goals: Vec<Goal>,
    /// What limits ours, or how it is measured.
    pub(crate) limit: &'static str,
}

impl Row {
    pub(crate) fn new(name: impl Into<String>, unit: &'static str, limit: &'static str) -> Self {
        Self {
            name: name.into(),
            unit,
            ours: Samples::default(),
            bare: None,
            peers: Vec::new(),
            goals: Vec::new(),
            limit,
        }
    }

    /// One of its goals.
    pub(crate) fn goal(mut self, goal: Goal) -> Self {
        self.goals.push(goal);
        self
    }

    pub(crate) fn add(&mut self, ours: f64, bare: f64) {
        self.ours.add(ours);
        self.bare.get_or_insert_default().add(bare);
    }

    fn ratio(&self) -> Option<f64> {
        let bare = self.bare.as_ref().filter(|_| !self.ours.is_empty())?;
        Some(self.ours.median() / bare.median())
    }

    pub(crate) fn add_peer(&mut self, name: &'static str, sample: f64) {
        let at = self.peers.iter().position(|(known, _)| *known == name).unwrap_or_else(|| {
            self.peers.push((name, Samples::default()));
            self.peers.len() - 1
        });
        self.peers[at].1.add(sample);
    }

    /// The peer that ours has to be held against: of rates the highest, of everything else the lowest.
    fn best_peer(&self) -> Option<&(&'static str, Samples)> {
        let is_rate = self.unit.ends_with("/s");
        self.peers.iter().max_by(|(_, a), (_, b)| {
            let order = a.median().total_cmp(&b.median());
            if is_rate { order } else { order.reverse() }
        })
    }

    fn peer_ratio(&self) -> Option<f64> {
        self.best_peer().map(|(_, peer)| self.ours.median() / peer.median())
    }

    fn verdicts(&self) -> Vec<Verdict> {
        let shown = Shown { ours: self.ours.median(), of_peer: self.peer_ratio(), of_bare: self.ratio() };
        self.goals.iter().map(|goal| goal.judge(&shown)).collect()
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
    #[serde(skip_serializing_if = "Option::is_none")]
    peer: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_median: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    peer_ratio: Option<f64>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    peers: BTreeMap<&'a str, f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    goal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verdict: Option<String>,
    limit: &'a str,
}

/// The rows of one run, and what they were measured with.
pub(crate) struct Report<'a> {
    pub(crate) bench: &'a str,
    /// The peer's name, where there is one.
    pub(crate) peer: Option<&'a str>,
    pub(crate) machine: &'a str,
    pub(crate) knobs: &'a str,
    pub(crate) rows: &'a [Row],
}

impl Report<'_> {
    pub(crate) fn print(&self) {
        let table = table(self.rows, self.peer, presets::UTF8_FULL_CONDENSED);
        println!("\n{}: {}\n{}\n\n{table}", self.bench, self.machine, self.knobs);
        if let Some(table) = each_peer(self.rows, presets::UTF8_FULL_CONDENSED) {
            println!("\n{table}");
        }
    }

    /// Appends the rows to `bench/results/<bench>.jsonl`; the newest table also stands in `bench/results/<bench>.md`.
    pub(crate) fn record(&self) -> Result<()> {
        let results = Path::new(env!("CARGO_MANIFEST_DIR")).join("results");
        fs::create_dir_all(&results).context("cannot create bench/results")?;
        let table = table(self.rows, self.peer, presets::ASCII_MARKDOWN);
        let mut page = format!("# {}\n\n{}; {}\n\n{table}\n", self.bench, self.machine, self.knobs);
        if let Some(table) = each_peer(self.rows, presets::ASCII_MARKDOWN) {
            page.push_str(&format!("\n{table}\n"));
        }
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
            peer: row.best_peer().map(|(name, _)| *name),
            peer_median: row.best_peer().map(|(_, peer)| peer.median()),
            peer_ratio: row.peer_ratio(),
            peers: row.peers.iter().map(|(name, peer)| (*name, peer.median())).collect(),
            goal: joined(row.goals.iter().map(Goal::to_string)),
            verdict: joined(row.verdicts().into_iter().map(|verdict| verdict.as_str().to_owned())),
            limit: row.limit,
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "a report says when it was made")]
fn unix_seconds() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

fn table(rows: &[Row], peer: Option<&str>, style: TableStyle) -> Table {
    let mut table = Table::new();
    table.load_style(style);
    let mut header = vec!["measurement", "unit", "ours (median)", "min – max", "bare loop", "ratio"];
    if let Some(peer) = peer {
        header.extend([peer, "its min – max", "ratio", "must / aim", "verdict"]);
    }
    header.push("limited by");
    table.set_header(header);
    for row in rows.iter().filter(|row| !row.ours.is_empty() || row.bare.is_some()) {
        table.add_row(cells(row, peer));
    }
    for column in 2..if peer.is_some() { 9 } else { 6 } {
        if let Some(column) = table.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn cells(row: &Row, peer: Option<&str>) -> Vec<String> {
    let none = || "–".to_owned();
    let median = |samples: &Option<Samples>| samples.as_ref().map_or_else(none, |it| number(it.median()));
    let range = |samples: &Samples| match samples.is_empty() {
        true => none(),
        false => format!("{} – {}", number(samples.min()), number(samples.max())),
    };
    let (best, several) = (row.best_peer(), row.peers.len() > 1);
    let named = |(name, samples): &(&'static str, Samples)| match several {
        true => format!("{} ({name})", number(samples.median())),
        false => number(samples.median()),
    };
    let ratio = |ratio: Option<f64>| ratio.map_or_else(none, |ratio| format!("{ratio:.2}"));
    let mut cells = vec![
        row.name.clone(),
        row.unit.to_owned(),
        if row.ours.is_empty() { none() } else { number(row.ours.median()) },
        range(&row.ours),
        median(&row.bare),
        ratio(row.ratio()),
    ];
    if peer.is_some() {
        cells.extend([
            best.map_or_else(none, named),
            best.map_or_else(none, |(_, samples)| range(samples)),
            ratio(row.peer_ratio()),
            joined(row.goals.iter().map(Goal::to_string)).unwrap_or_else(none),
            joined(row.verdicts().into_iter().map(|it| it.as_str().to_owned())).unwrap_or_else(none),
        ]);
    }
    cells.push(row.limit.to_owned());
    cells
}

fn joined(parts: impl Iterator<Item = String>) -> Option<String> {
    parts.reduce(|all, part| format!("{all}; {part}"))
}

/// The medians of all peers, where there are several: the other table has the best.
fn each_peer(rows: &[Row], style: TableStyle) -> Option<Table> {
    let rows: Vec<&Row> = rows.iter().filter(|row| row.peers.len() > 1).collect();
    let names: BTreeSet<&str> = rows.iter().flat_map(|row| row.peers.iter().map(|(name, _)| *name)).collect();
    if names.is_empty() {
        return None;
    }
    let mut table = Table::new();
    table.load_style(style);
    table.set_header(["measurement", "unit", "ours"].into_iter().chain(names.iter().copied()));
    for row in rows {
        let of = |name: &str| row.peers.iter().find(|(known, _)| *known == name);
        let mut cells = vec![row.name.clone(), row.unit.to_owned(), number(row.ours.median())];
        cells.extend(names.iter().map(|name| of(name).map_or("–".to_owned(), |(_, it)| number(it.median()))));
        table.add_row(cells);
    }
    Some(table)
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
