//! Batches of rows on their way: claimed, published, marked, and their markers dropped.

use std::sync::Arc;

use aftercommit_core::{Enqueue, Error, Published, Refusal, Result};
use tokio::time::Instant;

use super::Shared;
use super::builder::publisher;
use super::delivered::Delivered;
use super::ledger::Ledger;
use super::load::Load;
use super::pace::Pace;
use super::suspects::{Evidence, Sentence};
use crate::frame::{DueIn, Next, Pauses, Phase, Phases, StoreHealth, Tick};
use crate::telemetry;

/// After so many refusals, one by one and without a success, the back-end is not asked for the rest.
const MAX_REFUSALS: usize = 8;
/// A batch goes well if its way takes no more than this part of what a claim holds.
const QUICK: u32 = 4;
/// Completes the sentence "while it ...".
const PUBLISHING: &str = "published tasks";

pub(super) struct Carrier {
    shared: Arc<Shared>,
    backend: Arc<StoreHealth>,
    ledger: Ledger,
    phases: Phases,
    pace: Pace,
    pauses: Pauses,
    due: DueIn,
    evidence: Evidence,
    /// The last batch was published without a fault, in a fraction of the time that a claim holds.
    goes_well: bool,
}

impl Tick for Carrier {
    const DOING: &'static str = "claimed rows";

    async fn tick(&mut self) -> Result<Next> {
        let mut batch = self.shared.claim().await?;
        // While there is more than a batch and all goes well, the next one is claimed during the way of this one. One that
        // met with trouble would keep it waiting until its claim has ended.
        while batch.is_full(&self.shared) && self.goes_well && self.phases.now() < Phase::Quiet {
            let shared = Arc::clone(&self.shared);
            let (_, next) = tokio::join!(self.carry(batch.into_load(&shared)), shared.claim());
            batch = next?;
        }
        let (got, next_at) = (batch.rows.len(), batch.next_at);
        if got > 0 {
            let is_full = batch.is_full(&self.shared);
            let load = batch.into_load(&self.shared);
            if self.carry(load).await < got || is_full {
                return Ok(Next::Again);
            }
        }
        let now = self.shared.clock.now();
        Ok(match next_at {
            None => Next::Interval,
            Some(due) if got > 0 => Next::Within(self.due.after_some(due, now)),
            Some(due) => Next::Within(self.due.after_nothing(due, now)),
        })
    }
}

impl Carrier {
    pub(super) fn new(
        shared: Arc<Shared>,
        outbox: Arc<StoreHealth>,
        backend: Arc<StoreHealth>,
        phases: Phases,
    ) -> Self {
        Self {
            backend,
            ledger: Ledger { shared: Arc::clone(&shared), health: outbox, phases: phases.clone() },
            pace: Pace::new(shared.batch),
            pauses: Pauses::new(),
            due: DueIn::new(),
            evidence: Evidence::default(),
            goes_well: false,
            phases,
            shared,
        }
    }

    /// Publishes a batch, in one call if all goes well, and says how many rows have left the outbox. What could
    /// not be published before the claim ends is left to the next one.
    async fn carry(&mut self, mut load: Load) -> usize {
        self.evidence.new_round();
        let (began, mut gone) = (Instant::now(), 0);
        loop {
            let size = self.pace.size(load.waiting());
            if size == 0 || self.is_hopeless(&load) {
                break;
            }
            match self.publish(load.next(size), load.ends).await {
                Ok(answers) => {
                    self.pace.went();
                    self.pauses.reset();
                    self.evidence.accepted();
                    let (retain, now) = (self.shared.retain.as_ref(), self.shared.clock.now());
                    let delivered = Delivered::new(load.answered(size), answers, retain, now);
                    gone += self.write_down(delivered, load.ends).await;
                }
                Err(error) if error.is_transient() => {
                    self.pace.failed(size);
                    load.faulted(size, error);
                    if self.phases.now() >= Phase::Quiet {
                        break;
                    }
                    self.pause().await;
                }
                // One of them cannot be taken: it is looked for among fewer.
                Err(_) if size > 1 => self.pace.failed(size),
                Err(error) => load.suspect(error),
            }
        }
        let is_quick = began.elapsed() < self.shared.hold / QUICK;
        self.goes_well = is_quick && self.evidence.in_round() && !load.has_faulted();
        gone + self.conclude(load).await
    }

    /// One call. Whatever it says after the claim has ended is not waited for.
    async fn publish(&self, tasks: &[Enqueue], ends: Instant) -> Result<Vec<Result<Published, Refusal>>> {
        let call = publisher(self.shared.backend.as_ref())?.publish(tasks);
        let result = tokio::time::timeout_at(ends, call).await.unwrap_or_else(|_| {
            Err(Error::unavailable("publish tasks", "no answer came before the claim on their rows ended"))
        });
        // A refusal is some row's fault, until all are refused.
        if result.as_ref().err().is_none_or(Error::is_transient) {
            self.backend.note(PUBLISHING, &result);
        }
        result
    }

    /// Tells the outbox, and then the publisher that its markers have done their duty.
    async fn write_down(&mut self, delivered: Delivered, ends: Instant) -> usize {
        delivered.count(&self.shared.monitor);
        let mut gone = 0;
        if self.ledger.mark(&delivered.rows, &delivered.kept, ends).await {
            gone += delivered.rows.len() + delivered.kept.len();
            // After that somebody else may have claimed the rows, and have them on their way.
            if Instant::now() < ends {
                self.forget(&delivered).await;
            }
        }
        gone + self.ledger.bury(delivered.taken).await
    }

    /// A marker that cannot be dropped passes away by itself.
    async fn forget(&self, delivered: &Delivered) {
        if let Ok(publisher) = publisher(self.shared.backend.as_ref())
            && !delivered.marked.is_empty()
        {
            self.backend.note("dropped markers", &publisher.forget(&delivered.marked).await);
        }
    }

    /// The back-end refuses one task after the other and has taken none.
    fn is_hopeless(&self, load: &Load) -> bool {
        let refused = load.suspects.iter().filter(|suspect| !suspect.error.is_transient());
        !self.evidence.in_round() && refused.count() >= MAX_REFUSALS
    }

    /// Decides about the rows that failed alone, and says how many have left the outbox.
    async fn conclude(&mut self, mut load: Load) -> usize {
        let hopeless = self.is_hopeless(&load);
        let now = self.shared.clock.now();
        let (mut later, mut never) = (Vec::new(), Vec::new());
        for suspect in &load.suspects {
            let message = &suspect.task.message;
            match self.evidence.judge(suspect, self.shared.max_attempts, now) {
                Sentence::Lapse => {}
                Sentence::Postpone(postponed) => {
                    if !hopeless {
                        telemetry::row_postponed(message, &suspect.error, suspect.row.attempts + 1);
                    }
                    later.push(postponed);
                }
                Sentence::Bury(key, reason) => {
                    telemetry::row_buried(message, &reason);
                    never.push((key, reason));
                }
            }
        }
        self.ledger.postpone(later).await;
        let buried = self.ledger.bury(never).await;
        if hopeless && let Some(suspect) = load.suspects.pop() {
            self.backend.note::<()>(PUBLISHING, &Err(suspect.error));
            self.pause().await;
        } else if !self.evidence.in_round() && load.has_faulted() {
            // Others would fare no better: the same rows are tried again, in their order.
            self.wait_until(load.ends).await;
        }
        buried
    }

    async fn pause(&mut self) {
        tokio::select! {
            () = self.pauses.pause() => {}
            () = self.phases.reached(Phase::Quiet) => {}
        }
    }

    async fn wait_until(&mut self, moment: Instant) {
        tokio::select! {
            () = tokio::time::sleep_until(moment) => {}
            () = self.phases.reached(Phase::Quiet) => {}
        }
    }
}
