//! Writes outcomes down, in batches without added delay: what finishes while one call is under way goes
//! with the next. An outcome that could not be written is kept and tried again until its lease ends.

use std::sync::Arc;

use aftercommit_core::{Error, LeaseLost, Outcome, Settlement};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::apart::{Alone, settle_apart};
use super::inflight::Held;
use crate::frame::Pauses;
use crate::telemetry;

/// The most outcomes written in one call.
const BATCH: usize = 500;
/// How many outcomes may wait for the settler; after that attempts keep their slots.
pub(super) const BACKLOG: usize = 1_000;
/// How many groups of returned tasks may wait for it.
pub(super) const RETURNS: usize = 4;

/// Completes the sentence "while it ...".
const DOING: &str = "wrote down outcomes";

/// An attempt that has ended.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) held: Held,
    pub(super) outcome: Outcome,
}

pub(super) struct Settler {
    pub(super) shared: Arc<Shared>,
    pub(super) finished: mpsc::Receiver<Finished>,
    /// Tasks that go back unstarted. Those of one group are settled with one call, in their order: only so
    /// does the store put them back in it.
    pub(super) returned: mpsc::Receiver<Vec<Finished>>,
    /// Fires when a stopping worker has waited long enough for its store.
    pub(super) give_up: CancellationToken,
}

impl Settler {
    /// Runs until the runner is gone and everything is written, given up or lost.
    pub(super) async fn run(mut self) {
        let mut batch: Vec<Finished> = Vec::with_capacity(BATCH);
        let mut pauses = Pauses::new();
        loop {
            if batch.is_empty() {
                tokio::select! {
                    biased;
                    Some(group) = self.returned.recv() => batch.extend(group),
                    received = self.finished.recv_many(&mut batch, BATCH) => if received == 0 {
                        // Whoever returns tasks has gone as well, and may have returned some just before.
                        while let Ok(group) = self.returned.try_recv() {
                            batch.extend(group);
                        }
                        if batch.is_empty() {
                            return;
                        }
                    },
                    () = self.give_up.cancelled() => return,
                }
            } else {
                // Some could not be written: new ones join them.
                while batch.len() < BATCH
                    && let Ok(finished) = self.finished.try_recv()
                {
                    batch.push(finished);
                }
            }
            match self.settle(&mut batch).await {
                Ok(()) => pauses.reset(),
                Err(()) => {
                    self.abandon_expired(&mut batch);
                    if batch.is_empty() {
                        self.shared.health.clear(DOING);
                    }
                    tokio::select! {
                        () = pauses.pause() => {}
                        () = self.give_up.cancelled() => return self.abandon(batch),
                    }
                }
            }
        }
    }

    /// One call for the whole batch. Empties it unless the store could not be reached.
    async fn settle(&self, batch: &mut Vec<Finished>) -> Result<(), ()> {
        let settlements: Vec<Settlement> = batch
            .iter()
            .map(|finished| Settlement {
                leased: Arc::clone(finished.held.attempt.leased()),
                outcome: finished.outcome.clone(),
            })
            .collect();
        let result = self.shared.backend.settle(&settlements).await;
        self.shared.health.note(DOING, &result);
        match result {
            Ok(results) => self.close(batch.drain(..).zip(results)),
            Err(error) if error.is_transient() => {
                batch.iter().for_each(|finished| finished.held.attempt.note_perhaps_settled());
                return Err(());
            }
            Err(_) if batch.len() > 1 => self.settle_apart(batch, &settlements).await?,
            Err(error) => self.refuse(batch.drain(..), &error),
        }
        Ok(())
    }

    async fn settle_apart(&self, batch: &mut Vec<Finished>, settlements: &[Settlement]) -> Result<(), ()> {
        let backend = self.shared.backend.as_ref();
        let settled = settle_apart(backend, settlements, |alone| match alone {
            Alone::Answered(result) => self.close(batch.drain(..1).zip([result])),
            Alone::Refused(error) => self.refuse(batch.drain(..1), &error),
        });
        settled.await.map_err(drop)
    }

    fn close(&self, results: impl Iterator<Item = (Finished, Result<(), LeaseLost>)>) {
        let mut perhaps_settled = 0;
        self.shared.inflight.release(results.map(|(finished, result)| {
            let attempt = &finished.held.attempt;
            if result.is_err() && attempt.is_perhaps_settled() {
                perhaps_settled += 1;
            } else if result.is_err() {
                telemetry::lease_lost(attempt.leased(), "settling");
            }
            finished.held.ticket
        }));
        if perhaps_settled > 0 {
            telemetry::perhaps_settled(perhaps_settled);
        }
    }

    fn refuse(&self, batch: impl Iterator<Item = Finished>, error: &Error) {
        self.shared.inflight.release(batch.map(|finished| {
            telemetry::settle_refused(finished.held.attempt.leased(), error);
            finished.held.ticket
        }));
    }

    /// After the end of its lease a task is somebody else's.
    fn abandon_expired(&self, batch: &mut Vec<Finished>) {
        let now = self.shared.config.clock.now();
        self.abandon(batch.extract_if(.., |finished| finished.held.attempt.lease_expires_at() <= now));
    }

    fn abandon(&self, batch: impl IntoIterator<Item = Finished>) {
        self.shared.inflight.release(batch.into_iter().map(|finished| {
            telemetry::settle_abandoned(finished.held.attempt.leased());
            finished.held.ticket
        }));
    }
}
