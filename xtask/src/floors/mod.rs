//! `cargo xtask floors`: dependencies point down only, and the invariants of ARCHITECTURE.md hold.
//!
//! `layout` is the table of floors; `direction` and `names` judge a graph made from `cargo metadata`; `scan` reads
//! the sources for what no dependency list can show. A new crate or a new rule is a new row in one of the tables.

mod direction;
mod graph;
mod layout;
mod names;
mod scan;

use crate::finding::{self, Verdict};
use crate::workspace::Workspace;

/// Checks the workspace and prints what is wrong.
pub(crate) fn run(workspace: &Workspace) -> anyhow::Result<Verdict> {
    let graph = graph::Graph::of(workspace)?;
    let mut findings = direction::check(&graph);
    findings.extend(names::check(&graph));
    findings.extend(scan::check(workspace)?);
    Ok(finding::report("floors", &format!("{} crates", graph.crates.len()), findings))
}
