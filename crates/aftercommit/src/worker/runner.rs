//! Runs fetched tasks in slots: finds the handler, arms deadline and cancellation, catches panics, and
//! has the outcome decided.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Failure, FailureKind, Outcome, Verdict, decide};
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::Shared;
use super::attempt::{Attempt, StopReason};
use super::inflight::Held;
use super::lifecycle::{Phase, Phases};
use super::settler::Finished;
use super::slots::Slot;
use crate::{HandlerError, TaskContext, telemetry};

/// How long stopped handlers get to be dropped; one that blocks its thread takes longer and is left behind.
const STOP_GRACE: Duration = Duration::from_secs(1);

pub(super) struct Runner {
    pub(super) shared: Arc<Shared>,
    pub(super) fetched: mpsc::Receiver<Held>,
    pub(super) finished: mpsc::Sender<Finished>,
    pub(super) phases: Phases,
}

impl Runner {
    /// Runs until the worker drains and every attempt has ended.
    pub(super) async fn run(mut self) {
        let attempts = TaskTracker::new();
        while let Some(held) = self.next().await {
            let slot = tokio::select! {
                biased;
                () = self.phases.reached(Phase::Draining) => None,
                slot = self.shared.slots.occupy() => Some(slot),
            };
            self.shared.slots.taken();
            match slot {
                Some(slot) => {
                    attempts.spawn(run_attempt(Arc::clone(&self.shared), self.finished.clone(), held, slot));
                }
                None => give_back(&self.finished, held).await,
            }
        }
        attempts.close();
        self.drain(&attempts).await;
    }

    /// The next fetched task; `None` when the worker drains and none is left.
    async fn next(&mut self) -> Option<Held> {
        match self.fetched.recv().await {
            Some(held) => Some(held),
            None => {
                // The fetcher ends when the worker is quiet; attempts go on until it drains.
                self.phases.reached(Phase::Draining).await;
                None
            }
        }
    }

    async fn drain(&self, attempts: &TaskTracker) {
        if tokio::time::timeout(self.shared.config.shutdown_timeout, attempts.wait()).await.is_ok() {
            return;
        }
        telemetry::handlers_cut_off(attempts.len());
        self.shared.inflight.stop_all(StopReason::Shutdown);
        if tokio::time::timeout(STOP_GRACE, attempts.wait()).await.is_err() {
            telemetry::handlers_stuck(attempts.len());
        }
    }
}

/// Returns a task that was never started.
async fn give_back(finished: &mpsc::Sender<Finished>, held: Held) {
    let outcome = Outcome::Requeue(aftercommit_core::RequeueCause::Returned);
    // If the settler is gone, the lease runs out and the task is recovered.
    let _ = finished.send(Finished { held, outcome }).await;
}

async fn run_attempt(shared: Arc<Shared>, finished: mpsc::Sender<Finished>, held: Held, slot: Slot) {
    let attempt = &held.attempt;
    let span = telemetry::attempt_span(&attempt.leased().message);
    let verdict = execute(&shared, attempt).instrument(span.clone()).await;
    let Some(verdict) = verdict else {
        telemetry::lease_lost(attempt.leased(), "running");
        shared.inflight.release([held.ticket]);
        return;
    };
    let outcome = span.in_scope(|| conclude(&shared, attempt, &verdict));
    // The slot is held until the settler has room: a store that does not take outcomes gets no new tasks.
    let _ = finished.send(Finished { held, outcome }).await;
    drop(slot);
}

/// Runs the handler to its end, or to the end of its time. `None` if the lease is lost: then there is
/// nothing to say about the task any more.
async fn execute(shared: &Shared, attempt: &Arc<Attempt>) -> Option<Verdict> {
    let now = shared.config.clock.now();
    attempt.start(now);
    let deadline = attempt.deadline();
    if deadline <= now {
        return Some(failed(FailureKind::TimedOut, "deadline passed before the attempt started"));
    }
    let mut handler =
        Box::pin(AssertUnwindSafe(shared.routes.run(TaskContext::new(Arc::clone(attempt)))).catch_unwind());
    let reason = tokio::select! {
        biased;
        ended = &mut handler => return Some(verdict(ended)),
        () = attempt.stopped().cancelled() => attempt.stop_reason().unwrap_or(StopReason::Shutdown),
        () = tokio::time::sleep(deadline.since(now)) => StopReason::TimedOut,
    };
    // Tells what the handler has spawned. Then the future itself ends, here and now; a panic in one of
    // its destructors must not take the settlement with it.
    attempt.stop(reason);
    let _ = std::panic::catch_unwind(AssertUnwindSafe(|| drop(handler)));
    match reason {
        StopReason::LeaseLost => None,
        StopReason::Shutdown => Some(Verdict::Interrupted),
        StopReason::Cancelled => {
            telemetry::cancelled(&attempt.leased().message);
            Some(failed(FailureKind::Cancelled, "cancelled"))
        }
        StopReason::TimedOut => Some(failed(FailureKind::TimedOut, "timed out")),
    }
}

/// What the handler's end means.
fn verdict(ended: std::thread::Result<Result<Option<Bytes>, HandlerError>>) -> Verdict {
    match ended {
        Ok(Ok(result)) => Verdict::Succeeded(result),
        Ok(Err(error)) => Verdict::Failed(error.into_failure()),
        Err(panic) => {
            let text = panic
                .downcast_ref::<&str>()
                .map(|text| (*text).to_owned())
                .or_else(|| panic.downcast_ref::<String>().cloned())
                .unwrap_or_else(|| "of unknown kind".to_owned());
            failed(FailureKind::Panic, &format!("panic: {text}"))
        }
    }
}

fn failed(kind: FailureKind, error: &str) -> Verdict {
    Verdict::Failed(Failure::new(kind, error))
}

/// Decides the outcome and says what an operator should know.
fn conclude(shared: &Shared, attempt: &Attempt, verdict: &Verdict) -> Outcome {
    let (config, message) = (&shared.config, &attempt.leased().message);
    if let Verdict::Failed(failure) = verdict {
        match &config.failure_hook {
            // A hook is the host's code: its panic must not cost the task.
            Some(hook) => drop(std::panic::catch_unwind(AssertUnwindSafe(|| hook(message, failure)))),
            None => telemetry::task_failed(message, failure),
        }
    }
    let outcome =
        decide(message, verdict, config.retry_policy.as_ref(), config.clock.now(), shared.entropy.next());
    if matches!(outcome, Outcome::Archive { .. }) {
        telemetry::retry_exhausted(message);
    }
    outcome
}
