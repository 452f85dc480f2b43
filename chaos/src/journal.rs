//! What happened in a run, in one place and on one clock: the lines that processes printed, and what was done to them.

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;
use tokio::time::Instant;

use crate::evidence::{Evidence, Sign};

/// How many faults of the project's own programs are kept in words; the rest is counted.
const WORDS_MAX: usize = 20;

/// How long a process may have stood still, and a little more.
const LATELY_MS: u64 = 12_000;

/// The clock of a run: milliseconds since it began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        Self(Instant::now())
    }

    pub(crate) fn now_ms(self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).expect("no run lasts that long")
    }
}

/// The journal of a run. Clones write into the same one.
#[derive(Debug, Clone)]
pub(crate) struct Journal {
    clock: Clock,
    pages: Arc<Mutex<Pages>>,
}

#[derive(Debug)]
struct Pages {
    file: BufWriter<File>,
    evidence: Vec<Evidence>,
    /// What a program of ours did that no fault explains: it ended by itself, panicked, or did not stop.
    misdeeds: Vec<String>,
    more_misdeeds: usize,
}

impl Journal {
    pub(crate) fn create(path: &Path, clock: Clock) -> anyhow::Result<Self> {
        let file = File::create_new(path).with_context(|| format!("cannot create {}", path.display()))?;
        let file = BufWriter::new(file);
        let pages = Pages { file, evidence: Vec::new(), misdeeds: Vec::new(), more_misdeeds: 0 };
        Ok(Self { clock, pages: Arc::new(Mutex::new(pages)) })
    }

    /// A process printed a line.
    pub(crate) fn line(&self, by: &str, line: &str) {
        let mut pages = self.write(by, line);
        let at_ms = self.clock.now_ms();
        pages.evidence.extend(Sign::of_line(line).map(|sign| Evidence { at_ms, by: by.to_owned(), sign }));
        if line.contains("panicked") {
            pages.misdeed(format!("{by}: {line}"));
        }
    }

    /// Something was done to a process or to a store.
    pub(crate) fn event(&self, to: &str, sign: Sign) {
        let mut pages = self.write(to, &format!("--- {sign:?}"));
        pages.evidence.push(Evidence { at_ms: self.clock.now_ms(), by: to.to_owned(), sign });
    }

    /// A remark for whoever reads the journal.
    pub(crate) fn remark(&self, about: &str, text: &str) {
        drop(self.write(about, &format!("--- {text}")));
    }

    /// A program of ours did what no fault explains.
    pub(crate) fn misdeed(&self, by: &str, what: &str) {
        self.write(by, &format!("!!! {what}")).misdeed(format!("{by}: {what}"));
    }

    /// Whether some process stands still, or did a moment ago.
    pub(crate) fn was_frozen_lately(&self) -> bool {
        let since = self.clock.now_ms().saturating_sub(LATELY_MS);
        let pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let lately = pages.evidence.iter().rev().take_while(|evidence| evidence.at_ms >= since);
        lately.into_iter().any(|evidence| evidence.sign == Sign::Frozen)
    }

    /// All evidence in order, and the misdeeds.
    pub(crate) fn close(&self) -> anyhow::Result<(Vec<Evidence>, Vec<String>)> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        pages.file.flush().context("cannot write the journal")?;
        let mut misdeeds = pages.misdeeds.clone();
        if pages.more_misdeeds > 0 {
            misdeeds.push(format!("and {} more", pages.more_misdeeds));
        }
        Ok((pages.evidence.clone(), misdeeds))
    }

    fn write(&self, by: &str, text: &str) -> MutexGuard<'_, Pages> {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        let at_ms = self.clock.now_ms();
        writeln!(pages.file, "{at_ms:>8} {by:<12} {text}").expect("the disk has room for the journal");
        pages
    }
}

impl Pages {
    fn misdeed(&mut self, what: String) {
        if self.misdeeds.len() < WORDS_MAX {
            self.misdeeds.push(what);
        } else {
            self.more_misdeeds += 1;
        }
    }
}
