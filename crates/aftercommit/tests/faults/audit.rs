//! What was acknowledged, what was done, and what the auditor says of it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::lines::Lines;

/// What a line about a task says that explains why it ran again.
const EXPLANATIONS: &[&str] = &[
    "lease lost: the task is somebody else's now",
    "recovered a task from a lost worker",
    "could not write down a task's outcome before its lease ended",
];

/// Everything that happened to the tasks of one test, in memory and append-only.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    entries: Arc<Mutex<Vec<Entry>>>,
    grown: Arc<watch::Sender<()>>,
}

#[derive(Debug, Clone)]
struct Entry {
    id: String,
    what: What,
    at: Instant,
}

/// What happened to a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// A client was told that it is stored.
    Acknowledged,
    /// A handler began.
    Started,
    /// A handler came to its end: the effect.
    Finished,
}

/// The auditor's words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Verdict {
    /// How many were acknowledged.
    pub(crate) tasks: usize,
    /// Acknowledged, and never done.
    pub(crate) lost: Vec<String>,
    /// Attempts beyond the first of their task that a line in the log explains.
    pub(crate) explained: usize,
    /// Those that nothing explains.
    pub(crate) unexplained: Vec<String>,
}

impl Ledger {
    pub(crate) fn note(&self, id: &str, what: What) {
        self.entries.lock().unwrap().push(Entry { id: id.to_owned(), what, at: Instant::now() });
        self.grown.send_replace(());
    }

    /// Waits until it is so.
    pub(crate) async fn when(&self, mut it_is_so: impl FnMut(&Self) -> bool) {
        let mut grown = self.grown.subscribe();
        while !it_is_so(self) {
            grown.changed().await.unwrap();
        }
    }

    /// How many tasks came so far.
    pub(crate) fn count(&self, what: What) -> usize {
        self.ids(what).len()
    }

    pub(crate) fn ids(&self, what: What) -> BTreeSet<String> {
        self.entries
            .lock()
            .unwrap()
            .iter()
            .filter(|entry| entry.what == what)
            .map(|it| it.id.clone())
            .collect()
    }

    /// The tasks that began and have not come to their end.
    pub(crate) fn running(&self) -> BTreeSet<String> {
        &self.ids(What::Started) - &self.ids(What::Finished)
    }

    /// The acknowledged tasks that were not done yet.
    pub(crate) fn open(&self) -> BTreeSet<String> {
        &self.ids(What::Acknowledged) - &self.ids(What::Finished)
    }

    /// When the last of these tasks began, those beginnings counted that lie after a moment.
    pub(crate) fn all_started_after(&self, moment: Instant, ids: &BTreeSet<String>) -> Option<Instant> {
        let entries = self.entries.lock().unwrap();
        let mut first: BTreeMap<&str, Instant> = BTreeMap::new();
        for entry in entries.iter().filter(|it| it.what == What::Started && it.at > moment) {
            first.entry(&entry.id).or_insert(entry.at);
        }
        ids.iter().map(|id| first.get(id.as_str()).copied()).collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// Judges. An end that the store was told of less than `forgets` before one of its `crashes` may have been forgotten by
    /// it: that is what it promises, and explains another attempt.
    pub(crate) fn audit(&self, lines: &Lines, crashes: &[Instant], forgets: Duration) -> Verdict {
        let lines = lines.all();
        let explanations = |id: &str| {
            let of_task = format!("id={id} ");
            let about = lines.iter().filter(|line| line.contains(&of_task));
            about.filter(|line| EXPLANATIONS.iter().any(|text| line.contains(text))).count()
        };
        let entries = self.entries.lock().unwrap().clone();
        let forgotten = |id: &str| {
            let ends = entries.iter().filter(|it| it.id == id && it.what == What::Finished);
            let at_risk = |end: &Entry| {
                crashes.iter().filter(|crash| end.at <= **crash && **crash - end.at < forgets).count()
            };
            ends.map(at_risk).sum::<usize>()
        };
        let mut starts: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in entries.iter().filter(|it| it.what == What::Started) {
            *starts.entry(&entry.id).or_default() += 1;
        }
        let mut verdict = Verdict {
            tasks: self.count(What::Acknowledged),
            lost: self.open().into_iter().collect(),
            explained: 0,
            unexplained: Vec::new(),
        };
        for (id, count) in starts.into_iter().filter(|(_, count)| *count > 1) {
            let again = count - 1;
            let explained = again.min(explanations(id) + forgotten(id));
            verdict.explained += explained;
            verdict.unexplained.extend(vec![id.to_owned(); again - explained]);
        }
        verdict
    }
}
