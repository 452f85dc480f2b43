//! Takes tasks from the queues: as many as there are free slots, and a few more when tasks are so short
//! that the next round trip would leave slots idle.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{LeaseGrant, QueueName, Wake, Wakes};
use rand::SeedableRng;
use rand::rngs::StdRng;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::Shared;
use super::inflight::Held;
use super::slots::Slots;
use crate::frame::{Pauses, Phase, Phases, hint};

/// How far ahead of the handlers the fetcher may be.
const HORIZON: Duration = Duration::from_millis(20);
/// The most tasks held beyond the free slots: other workers may be idle.
pub(super) const MAX_PREFETCH: usize = 200;
/// The most tasks taken in one call.
const MAX_BATCH: usize = 500;
/// A look even if no hint came: hints are the rule, this is the net.
const INTERVAL: Duration = Duration::from_secs(5);

pub(super) struct Fetcher {
    pub(super) shared: Arc<Shared>,
    pub(super) fetched: mpsc::Sender<Held>,
    /// True once the worker's presence is known: before that its tasks would look orphaned.
    pub(super) present: watch::Receiver<bool>,
    pub(super) phases: Phases,
}

impl Fetcher {
    /// Runs until the worker is quiet.
    pub(super) async fn run(mut self) {
        let queues: Vec<QueueName> = self.shared.config.queues.names().cloned().collect();
        // Subscribe before looking, so that nothing falls between.
        let mut wakes: Option<Wakes> = Some(self.shared.backend.wakes(Wake::Pending, &queues));
        let mut phases = self.phases.clone();
        tokio::select! {
            _ = self.present.wait_for(|present| *present) => {}
            () = phases.reached(Phase::Quiet) => return,
        }
        let mut pace = Pace::new(&self.shared.slots);
        let mut rng = StdRng::seed_from_u64(self.shared.entropy.next());
        let mut pauses = Pauses::new();
        while self.phases.now() < Phase::Quiet {
            let wanted = pace.wanted(&self.shared.slots);
            if wanted == 0 {
                tokio::select! {
                    () = self.shared.slots.changed() => {}
                    () = self.phases.reached(Phase::Quiet) => {}
                }
                continue;
            }
            match self.fetch(wanted, &mut rng).await {
                Err(()) => tokio::select! {
                    () = pauses.pause() => {}
                    () = self.phases.reached(Phase::Quiet) => {}
                },
                Ok(got) => {
                    pauses.reset();
                    if got < wanted {
                        self.wait(&mut wakes).await;
                    }
                }
            }
        }
    }

    /// One dequeue, handed to the runner. A call under way is not cut off: its tasks are leased to us.
    async fn fetch(&self, wanted: usize, rng: &mut StdRng) -> Result<usize, ()> {
        let config = &self.shared.config;
        let quotas = config.queues.draw(wanted, rng);
        let grant = LeaseGrant { worker: self.shared.id.clone(), duration: config.lease };
        let result = self.shared.backend.dequeue(&quotas, &grant).await;
        self.shared.health.note("fetched tasks", &result);
        let batch = result.map_err(drop)?;
        let got = batch.len();
        self.shared.slots.fetched(got);
        for held in self.shared.inflight.hold(batch) {
            if self.fetched.send(held).await.is_err() {
                // The runner is gone; the leases run out and somebody else recovers the tasks.
                return Err(());
            }
        }
        Ok(got)
    }

    async fn wait(&mut self, wakes: &mut Option<Wakes>) {
        tokio::select! {
            () = hint(wakes) => {}
            () = tokio::time::sleep(INTERVAL) => {}
            () = self.phases.reached(Phase::Quiet) => {}
        }
    }
}

/// Learns how fast tasks are started, and from that how many to hold in advance.
struct Pace {
    at: Instant,
    started: u64,
    per_second: f64,
}

impl Pace {
    fn new(slots: &Slots) -> Self {
        Self { at: Instant::now(), started: slots.started(), per_second: 0.0 }
    }

    /// How many tasks to take now; zero means wait for a change.
    fn wanted(&mut self, slots: &Slots) -> usize {
        self.measure(slots);
        let unstarted = slots.unstarted();
        let prefetch = self.prefetch();
        let room = (slots.concurrency() + prefetch).saturating_sub(slots.running() + unstarted);
        // Half-full is full enough while there is something to start: larger batches, fewer calls.
        if unstarted > 0 && room * 2 < prefetch { 0 } else { room.min(MAX_BATCH) }
    }

    fn prefetch(&self) -> usize {
        // Truncated on purpose: slow handlers prefetch nothing.
        ((self.per_second * HORIZON.as_secs_f64()) as usize).min(MAX_PREFETCH)
    }

    /// A moving average over about the last horizon.
    fn measure(&mut self, slots: &Slots) {
        let elapsed = self.at.elapsed();
        if elapsed < HORIZON / 10 {
            return;
        }
        let started = slots.started();
        let rate = (started - self.started) as f64 / elapsed.as_secs_f64();
        let weight = (elapsed.as_secs_f64() / HORIZON.as_secs_f64()).min(1.0);
        self.per_second += (rate - self.per_second) * weight;
        self.at = Instant::now();
        self.started = started;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start(slots: &Slots, count: usize) {
        slots.fetched(count);
        for _ in 0..count {
            slots.taken();
        }
    }

    #[tokio::test(start_paused = true)]
    async fn slow_handlers_prefetch_nothing() {
        let slots = Arc::new(Slots::new(4));
        let mut pace = Pace::new(&slots);
        assert_eq!(pace.wanted(&slots), 4);
        let _running = (slots.occupy().await, slots.occupy().await);
        start(&slots, 2);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(pace.wanted(&slots), 2);
    }

    #[tokio::test(start_paused = true)]
    async fn short_tasks_are_held_in_advance_up_to_the_limit() {
        let slots = Arc::new(Slots::new(4));
        let mut pace = Pace::new(&slots);
        start(&slots, 1_000);
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(pace.wanted(&slots), 4 + 200);
        slots.fetched(150);
        assert_eq!(pace.wanted(&slots), 0, "more than half of the room is filled");
        start(&slots, 1_000_000);
        tokio::time::advance(Duration::from_millis(100)).await;
        assert_eq!(pace.prefetch(), MAX_PREFETCH);
    }
}
