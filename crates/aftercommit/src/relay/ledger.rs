//! What the relay says to its outbox: which rows are published, put off, or set aside.

use std::sync::Arc;

use aftercommit_core::{Kept, Postponed, Result, RowKey};
use tokio::time::Instant;

use super::Shared;
use super::monitor::Count;
use crate::frame::{Pauses, Phase, Phases, StoreHealth};

pub(super) struct Ledger {
    pub(super) shared: Arc<Shared>,
    pub(super) health: Arc<StoreHealth>,
    pub(super) phases: Phases,
}

impl Ledger {
    /// Deletes rows whose tasks are published, keeps others, and says whether it could. Tries until their claim ends: after
    /// that they are claimed again, and the publisher recognises their tasks.
    pub(super) async fn mark(&mut self, rows: &[RowKey], kept: &[Kept], ends: Instant) -> bool {
        let mut pauses = Pauses::new();
        loop {
            let marked = self.try_to_mark(rows, kept).await;
            self.health.note("marked rows", &marked);
            if marked.is_ok() {
                self.shared.monitor.add(Count::Kept, kept.len());
                return true;
            }
            if Instant::now() >= ends || self.phases.now() >= Phase::Quiet {
                return false;
            }
            tokio::select! {
                () = pauses.pause() => {}
                () = self.phases.reached(Phase::Quiet) => {}
            }
        }
    }

    async fn try_to_mark(&self, rows: &[RowKey], kept: &[Kept]) -> Result<()> {
        if !kept.is_empty() {
            self.shared.outbox.keep(kept).await?;
        }
        if !rows.is_empty() {
            self.shared.outbox.mark(rows).await?;
        }
        Ok(())
    }

    /// Puts rows off. Those that could not be are claimed again when their claim has ended.
    pub(super) async fn postpone(&self, rows: Vec<Postponed>) {
        if !rows.is_empty() {
            let postponed = self.shared.outbox.postpone(&rows).await;
            self.noted("put rows off", &postponed, Count::Postponed, rows.len());
        }
    }

    /// Sets rows aside, and says how many. Those that could not be are claimed again, and come to the same end.
    pub(super) async fn bury(&self, rows: Vec<(RowKey, String)>) -> usize {
        if rows.is_empty() {
            return 0;
        }
        let buried = self.shared.outbox.bury(&rows).await;
        self.noted("set rows aside", &buried, Count::Buried, rows.len());
        if buried.is_ok() { rows.len() } else { 0 }
    }

    fn noted(&self, doing: &'static str, result: &Result<()>, count: Count, rows: usize) {
        self.health.note(doing, result);
        if result.is_ok() {
            self.shared.monitor.add(count, rows);
        }
    }
}
