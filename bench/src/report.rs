//! One table for people, one line per row for scripts.

use std::collections::BTreeMap;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

use anyhow::{Context, Result};
use comfy_table::presets;
use serde::Serialize;

use crate::goal::Goal;
use crate::measure::Samples;
use crate::row::Row;
use crate::table::{each_peer, joined, table};

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
