//! One measurement, and what it shows.

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

    /// Ours divided by the bare loop's.
    pub(crate) fn ratio(&self) -> Option<f64> {
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
    pub(crate) fn best_peer(&self) -> Option<&(&'static str, Samples)> {
        let is_rate = self.unit.ends_with("/s");
        self.peers.iter().max_by(|(_, a), (_, b)| {
            let order = a.median().total_cmp(&b.median());
            if is_rate { order } else { order.reverse() }
        })
    }

    /// Ours divided by the best peer's.
    pub(crate) fn peer_ratio(&self) -> Option<f64> {
        self.best_peer().map(|(_, peer)| self.ours.median() / peer.median())
    }

    /// One for each goal.
    pub(crate) fn verdicts(&self) -> Vec<Verdict> {
        let shown = Shown { ours: self.ours.median(), of_peer: self.peer_ratio(), of_bare: self.ratio() };
        self.goals.iter().map(|goal| goal.judge(&shown)).collect()
    }
}
