//! What the benchmarks on the servers have in common: how much of them is wanted, and going through them.

use anyhow::Result;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};

use crate::halves::{Column, Measured, Peer};
use crate::report::Report;
use crate::row::Row;

/// How much is wanted.
#[derive(Args, Debug, Clone)]
pub(crate) struct Scope {
    /// How often each peer is measured, interleaved.
    #[arg(long, default_value_t = 3)]
    pub(crate) runs: usize,
    /// Only the measurements whose name contains this; they are printed and not recorded.
    #[arg(long)]
    only: Option<String>,
    /// Fewer tasks, shorter loads, and none of what takes minutes; printed and not recorded.
    #[arg(long)]
    quick: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Size {
    Full,
    Quick,
}

impl Scope {
    pub(crate) const fn size(&self) -> Size {
        if self.quick { Size::Quick } else { Size::Full }
    }

    /// The larger number, or the smaller for a quick look.
    pub(crate) const fn count(&self, full: usize, quick: usize) -> usize {
        match self.size() {
            Size::Full => full,
            Size::Quick => quick,
        }
    }

    /// Those of the measurements that are wanted, by their names.
    pub(crate) fn wanted<M: Copy>(&self, all: &[M], name: impl Fn(M) -> String) -> Vec<M> {
        let is_wanted = |it: &M| self.only.as_deref().is_none_or(|only| name(*it).contains(only));
        all.iter().copied().filter(is_wanted).collect()
    }

    /// Prints a report, and records it if all of it was measured in full: a part is for whoever asked, and no record.
    pub(crate) fn publish(&self, report: &Report<'_>) -> Result<()> {
        report.print();
        if self.only.is_none() && self.size() == Size::Full { report.record() } else { Ok(()) }
    }
}

/// Goes through measurements, and shows how far it is.
pub(crate) async fn measure<M: Copy>(
    wanted: Vec<M>,
    name: impl Fn(M) -> String,
    mut rows_of: impl AsyncFnMut(M) -> Result<Vec<Row>>,
) -> Result<Vec<Row>> {
    let progress = ProgressBar::new(wanted.len() as u64);
    progress.set_style(ProgressStyle::with_template("{bar:30} {pos}/{len} {elapsed} {msg}")?);
    let mut rows = Vec::new();
    for measurement in wanted {
        progress.set_message(name(measurement));
        rows.extend(rows_of(measurement).await?);
        progress.inc(1);
    }
    progress.finish_and_clear();
    Ok(rows)
}

/// Adds what one peer showed to its column.
pub(crate) fn add(row: &mut Row, peer: impl Peer, sample: f64) {
    match peer.column() {
        Column::Ours => row.ours.add(sample),
        Column::Bare => row.bare.get_or_insert_default().add(sample),
        Column::Other(name) => row.add_peer(name, sample),
    }
}

/// Adds several numbers of one result, each to its row.
pub(crate) fn add_all(rows: &mut [Row], names: &[&str], peer: impl Peer, measured: &Measured) -> Result<()> {
    for (row, name) in rows.iter_mut().zip(names) {
        add(row, peer, measured.get(name)?);
    }
    Ok(())
}
