//! Keeps the worker's leases and its presence alive. Leases are extended when half of their time is
//! over, so that a beat writes only what needs writing.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Lease, Result, RunningTask, WorkerInfo, WorkerStatus};
use tokio::sync::watch;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::attempt::StopReason;
use super::inflight::Held;
use crate::frame::{Phase, Phases};

/// A presence is believed for this many beats.
const PRESENCE_BEATS: u32 = 3;
/// How soon to beat again after a beat that failed. A worker takes no task before its first beat, and others may believe
/// it dead after three that are missing.
const AFTER_FAILURE: Duration = Duration::from_millis(500);

pub(super) struct Heartbeater {
    pub(super) shared: Arc<Shared>,
    pub(super) present: watch::Sender<bool>,
    pub(super) phases: Phases,
    /// Fires when nothing is held any more.
    pub(super) done: CancellationToken,
}

impl Heartbeater {
    /// Runs until the worker holds nothing any more, and then signs off.
    pub(super) async fn run(self) {
        let mut beats = tokio::time::interval(self.shared.config.beat());
        beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = beats.tick() => {}
                () = self.done.cancelled() => break,
            }
            tokio::select! {
                beaten = self.beat() => {
                    self.stop_expired();
                    if beaten.is_err() {
                        beats.reset_after(self.shared.config.beat().min(AFTER_FAILURE));
                    }
                }
                () = self.stop_expired_meanwhile() => {}
            }
        }
        if let Some(presence) = self.shared.backend.presence() {
            let left = presence.leave(&self.shared.id).await;
            self.shared.health.note("signed off", &left);
        }
    }

    async fn beat(&self) -> Result<()> {
        let held = self.shared.inflight.all();
        let beaten = self.say_present(&held).await;
        self.shared.health.note("said that it is alive", &beaten);
        if beaten.is_ok() {
            self.present.send_replace(true);
        }
        let extended = self.extend(&held).await;
        self.shared.health.note("extended its leases", &extended);
        beaten.and(extended)
    }

    async fn say_present(&self, held: &[Held]) -> Result<()> {
        let Some(presence) = self.shared.backend.presence() else { return Ok(()) };
        let config = &self.shared.config;
        let status =
            if self.phases.now() == Phase::Running { WorkerStatus::Active } else { WorkerStatus::Quiet };
        let info = WorkerInfo {
            id: self.shared.id.clone(),
            host: self.shared.host.clone(),
            pid: std::process::id(),
            started_at: self.shared.started_at,
            concurrency: config.concurrency,
            queues: config.queues.weights().to_vec(),
            order: config.queues.order(),
            status,
            running: held.iter().filter_map(running).collect(),
        };
        presence.beat(&info, config.beat() * PRESENCE_BEATS).await
    }

    async fn extend(&self, held: &[Held]) -> Result<()> {
        let config = &self.shared.config;
        let half_time = config.clock.now().plus(config.lease / 2);
        let due: Vec<&Held> =
            held.iter().filter(|held| held.attempt.lease_expires_at() < half_time).collect();
        if due.is_empty() {
            return Ok(());
        }
        let leases: Vec<Lease> = due.iter().map(|held| held.attempt.lease().clone()).collect();
        let results = self.shared.backend.extend(&leases, config.lease).await?;
        for (held, result) in due.iter().zip(results) {
            match result {
                Ok(expires_at) => held.attempt.extended_until(expires_at),
                // Also the answer for a task that was settled a moment ago; stopping it then is harmless.
                Err(_) => held.attempt.stop(StopReason::LeaseLost),
            }
        }
        Ok(())
    }

    /// While the store is away leases cannot be extended; when one ends, its task is nobody's to write.
    fn stop_expired(&self) {
        let now = self.shared.config.clock.now();
        let held = self.shared.inflight.all();
        for held in held.iter().filter(|held| held.attempt.lease_expires_at() <= now) {
            held.attempt.stop(StopReason::LeaseLost);
        }
    }

    /// The same while a beat waits for a store that does not answer. Runs until dropped.
    async fn stop_expired_meanwhile(&self) {
        loop {
            tokio::time::sleep(self.shared.config.beat()).await;
            self.stop_expired();
        }
    }
}

fn running(held: &Held) -> Option<RunningTask> {
    let message = &held.attempt.leased().message;
    Some(RunningTask {
        queue: message.queue.clone(),
        id: message.id.clone(),
        task_type: message.task_type.clone(),
        started_at: held.attempt.started_at()?,
        deadline: held.attempt.deadline(),
    })
}
