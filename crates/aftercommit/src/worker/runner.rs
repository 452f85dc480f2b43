//! Runs fetched tasks in slots: finds the handler, arms deadline and cancellation, catches panics, and
//! has the outcome decided.

use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Failure, FailureKind, Message, Outcome, RequeueCause, Verdict, decide};
use bytes::Bytes;
use futures_util::FutureExt;
use tokio::sync::mpsc;
use tokio::time::{Instant, Sleep};
use tokio_util::task::TaskTracker;
use tracing::Instrument;

use super::Shared;
use super::attempt::{Attempt, StopReason};
use super::config::Config;
use super::inflight::Held;
use super::settler::Finished;
use super::slots::Slot;
use crate::frame::{Phase, Phases};
use crate::text::panic_text;
use crate::{HandlerError, TaskContext, telemetry};

/// How long stopped handlers get to be dropped; one that blocks its thread takes longer and is left behind.
pub(super) const STOP_GRACE: Duration = Duration::from_secs(1);
/// How long a fetched task waits for a slot. The fetcher takes what will start within some 20 ms; if none
/// does for this long, long tasks hold the slots, and another worker may be idle.
const PATIENCE: Duration = Duration::from_millis(250);
/// How many fetched tasks are received in one go when they are to be returned.
const RETURNED_AT_ONCE: usize = 500;

pub(super) struct Runner {
    pub(super) shared: Arc<Shared>,
    pub(super) fetched: mpsc::Receiver<Held>,
    pub(super) finished: mpsc::Sender<Finished>,
    pub(super) returned: mpsc::Sender<Vec<Finished>>,
    pub(super) phases: Phases,
}

/// Ends a wait that takes too long. A timer per wait would cost more than a short task, so one is kept and
/// set again only when it fires.
struct Patience {
    timer: Pin<Box<Sleep>>,
    since: Instant,
}

impl Patience {
    fn new() -> Self {
        Self { timer: Box::pin(tokio::time::sleep(PATIENCE)), since: Instant::now() }
    }

    /// A new wait begins.
    fn begin(&mut self) {
        self.since = Instant::now();
    }

    /// Waits until the present wait has taken too long.
    async fn lost(&mut self) {
        let end = self.since + PATIENCE;
        while Instant::now() < end {
            if self.timer.is_elapsed() {
                self.timer.as_mut().reset(end);
            }
            self.timer.as_mut().await;
        }
    }
}

impl Runner {
    /// Runs until the worker drains and every attempt has ended, or the time for that is over.
    pub(super) async fn run(mut self) {
        let attempts = TaskTracker::new();
        let mut patience = Patience::new();
        let mut unstarted = Vec::new();
        while let Some(held) = self.next().await {
            match self.slot(&mut patience).await {
                Some(slot) => {
                    self.shared.slots.taken();
                    attempts.spawn(run_attempt(Arc::clone(&self.shared), self.finished.clone(), held, slot));
                }
                None => {
                    unstarted.push(held);
                    while let Ok(next) = self.fetched.try_recv() {
                        unstarted.push(next);
                    }
                    if self.phases.now() < Phase::Draining {
                        self.give_back(&mut unstarted).await;
                    }
                }
            }
        }
        attempts.close();
        // A fetch may be under way, and what it brings goes back; but handlers have their own time.
        let shared = Arc::clone(&self.shared);
        let limit = shared.config.shutdown_timeout;
        let rest = tokio::time::timeout(limit, self.give_back_rest(unstarted));
        let _ = tokio::join!(drain(&shared, &attempts), rest);
    }

    /// The next fetched task; `None` when the worker drains.
    async fn next(&mut self) -> Option<Held> {
        tokio::select! {
            biased;
            () = self.phases.reached(Phase::Draining) => return None,
            held = self.fetched.recv() => if held.is_some() { return held },
        }
        // The fetcher ends when the worker is quiet; attempts go on until it drains.
        self.phases.reached(Phase::Draining).await;
        None
    }

    /// A slot for the next task; `None` if it had better go back.
    async fn slot(&mut self, patience: &mut Patience) -> Option<Slot> {
        patience.begin();
        tokio::select! {
            biased;
            () = self.phases.reached(Phase::Draining) => None,
            slot = self.shared.slots.occupy() => Some(slot),
            () = patience.lost() => None,
        }
    }

    /// Returns what was fetched and never started, until the fetcher has ended.
    async fn give_back_rest(&mut self, mut unstarted: Vec<Held>) {
        // What a fetch under way brings is newer and goes back behind these, if it does not take too long.
        let fetched = &mut self.fetched;
        let rest = async { while fetched.recv_many(&mut unstarted, RETURNED_AT_ONCE).await > 0 {} };
        let _ = tokio::time::timeout(PATIENCE, rest).await;
        self.give_back(&mut unstarted).await;
        while self.fetched.recv_many(&mut unstarted, RETURNED_AT_ONCE).await > 0 {
            self.give_back(&mut unstarted).await;
        }
    }

    /// Returns tasks that were never started, all at once, so that they come out again in the order in which
    /// they were fetched.
    async fn give_back(&self, unstarted: &mut Vec<Held>) {
        let group: Vec<Finished> = unstarted
            .drain(..)
            .map(|held| {
                self.shared.slots.given_back();
                Finished { held, outcome: Outcome::Requeue(RequeueCause::Returned) }
            })
            .collect();
        if !group.is_empty() {
            // If the settler is gone, the leases run out and the tasks are recovered.
            let _ = self.returned.send(group).await;
        }
    }
}

/// Waits for the attempts, and stops those that take too long.
async fn drain(shared: &Shared, attempts: &TaskTracker) {
    if tokio::time::timeout(shared.config.shutdown_timeout, attempts.wait()).await.is_ok() {
        return;
    }
    telemetry::handlers_cut_off(attempts.len());
    shared.inflight.stop_all(StopReason::Shutdown);
    if tokio::time::timeout(STOP_GRACE, attempts.wait()).await.is_err() {
        telemetry::handlers_stuck(attempts.len());
    }
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
    // Cancelled, or its lease lost, while it waited for a slot.
    if let Some(reason) = attempt.stop_reason() {
        return stopped(attempt, reason);
    }
    let now = shared.config.clock.now();
    attempt.start(now);
    let deadline = attempt.deadline();
    if deadline <= now {
        return Some(failed(FailureKind::TimedOut, "deadline passed before the attempt started"));
    }
    // An error is turned into text in here as well: that is the host's code too.
    let call = async {
        let context = TaskContext::new(Arc::clone(attempt));
        shared.routes.run(context).await.map_err(HandlerError::into_failure)
    };
    let mut handler = Box::pin(AssertUnwindSafe(call).catch_unwind());
    let reason = tokio::select! {
        biased;
        // Before the handler: one that hears of its own end must not get to say that it has succeeded.
        () = attempt.stopped().cancelled() => attempt.stop_reason().unwrap_or(StopReason::Shutdown),
        ended = &mut handler => match (verdict(ended), attempt.stop_reason()) {
            // Whoever gives up because it was told to stop has not failed.
            (Verdict::Failed(Failure { kind: FailureKind::Error, .. }), Some(reason)) => reason,
            (verdict, _) => return Some(verdict),
        },
        () = tokio::time::sleep(deadline.since(now)) => StopReason::TimedOut,
    };
    // Tells what the handler has spawned. Then the future itself ends, here and now; a panic in one of
    // its destructors must not take the settlement with it.
    attempt.stop(reason);
    let _ = std::panic::catch_unwind(AssertUnwindSafe(|| drop(handler)));
    stopped(attempt, reason)
}

/// What the early end of an attempt means.
fn stopped(attempt: &Attempt, reason: StopReason) -> Option<Verdict> {
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
fn verdict(ended: std::thread::Result<Result<Option<Bytes>, Failure>>) -> Verdict {
    match ended {
        Ok(Ok(result)) => Verdict::Succeeded(result),
        Ok(Err(failure)) => Verdict::Failed(failure),
        Err(panic) => failed(FailureKind::Panic, &panic_text(panic.as_ref())),
    }
}

fn failed(kind: FailureKind, error: &str) -> Verdict {
    Verdict::Failed(Failure::new(kind, error))
}

/// Decides the outcome and says what an operator should know.
fn conclude(shared: &Shared, attempt: &Attempt, verdict: &Verdict) -> Outcome {
    let (config, message) = (&shared.config, &attempt.leased().message);
    if let Verdict::Failed(failure) = verdict {
        report(config, message, failure);
    }
    let outcome =
        decide(message, verdict, config.retry_policy.as_ref(), config.clock.now(), shared.entropy.next());
    if matches!(outcome, Outcome::Archive { .. }) {
        telemetry::retry_exhausted(message);
    }
    outcome
}

/// Tells whoever wants to know of failures; being put off or revoked is none.
fn report(config: &Config, message: &Message, failure: &Failure) {
    match (failure.kind, &config.failure_hook) {
        (FailureKind::RetryAfter(delay), _) => telemetry::put_off(message, failure, delay),
        (FailureKind::Revoke, _) => telemetry::revoked(message, failure),
        // A hook is the host's code: its panic must not cost the task.
        (_, Some(hook)) => drop(std::panic::catch_unwind(AssertUnwindSafe(|| hook(message, failure)))),
        (_, None) => telemetry::task_failed(message, failure),
    }
}
