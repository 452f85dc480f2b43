//! Takes the batches of ripe groups, a few at a time, and has each made into one task.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Batch, GroupName, QueueName, Timestamp, Wake, Wakes};
use tokio::sync::Semaphore;
use tokio::task::{JoinError, JoinSet};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::aggregation::{Aggregation, Ended};
use super::config::Aggregating;
use crate::frame::{DueIn, Pauses, Phase, Phases, hint};

/// How many batches are aggregated at once.
const MAX_IN_FLIGHT: usize = 3;
/// How many failed batches wait for their next attempt; others go back at once.
const MAX_WAITING: usize = 100;
/// Of how many groups it is remembered that they fail.
const MAX_FAILING: usize = 1_000;
/// The last part of a batch's time, kept for writing down its end.
const MARGIN: u32 = 10;
/// The shortest time between two looks: every task that joins a group is a hint.
const SHORTEST_INTERVAL: Duration = Duration::from_millis(100);
/// A look even if no hint came.
const INTERVAL: Duration = Duration::from_secs(5);

/// Names a group.
pub(super) type GroupKey = (QueueName, GroupName);

pub(super) struct Aggregator {
    pub(super) shared: Arc<Shared>,
    pub(super) queues: Arc<[QueueName]>,
    pub(super) settings: Aggregating,
    pub(super) phases: Phases,
}

/// What the loop knows between two looks.
struct Batches {
    running: JoinSet<Ended>,
    in_flight: Arc<Semaphore>,
    waiting: Arc<Semaphore>,
    /// How often each group has failed in a row.
    failing: HashMap<GroupKey, u32>,
    stop: CancellationToken,
}

/// When to look again.
enum Look {
    /// As soon as a batch has ended: there are more.
    WhenFree,
    Within(Duration),
}

impl Aggregator {
    /// Gathers until the worker is quiet, and aggregates until it drains. Then what is not done goes back.
    pub(super) async fn run(mut self) {
        // Subscribe before looking, so that nothing falls between.
        let mut wakes = Some(self.shared.backend.wakes(Wake::Groups, &self.queues));
        let mut batches = Batches::new();
        let (mut due, mut pauses) = (DueIn::new(), Pauses::new());
        while self.phases.now() < Phase::Quiet {
            match self.gather(&mut batches, &mut due).await {
                Ok(look) => {
                    pauses.reset();
                    self.wait(look, &mut wakes, &mut batches).await;
                }
                Err(()) => tokio::select! {
                    () = pauses.pause() => {}
                    () = self.phases.reached(Phase::Quiet) => {}
                },
            }
            batches.note_ended();
        }
        tokio::select! {
            () = batches.all_ended() => {}
            () = self.phases.reached(Phase::Draining) => {}
        }
        batches.stop.cancel();
        batches.all_ended().await;
        self.phases.reached(Phase::Draining).await;
    }

    async fn gather(&self, batches: &mut Batches, due: &mut DueIn) -> Result<Look, ()> {
        let free = batches.in_flight.available_permits();
        let Some(groups) = self.shared.backend.groups().filter(|_| free > 0) else {
            return Ok(Look::WhenFree);
        };
        // From here, and by a clock that only goes forward, the batches are ours for as long as they are held.
        let ends = Instant::now() + self.settings.rules.hold;
        let result = groups.gather(&self.queues, &self.settings.rules, free).await;
        self.shared.health.note("gathered the tasks of groups", &result);
        let gathered = result.map_err(drop)?;
        let got = gathered.batches.len();
        for batch in gathered.batches {
            self.start(batch, ends, batches).await;
        }
        if got >= free {
            return Ok(Look::WhenFree);
        }
        Ok(Look::Within(self.sleep(gathered.next_at, got, due)))
    }

    fn sleep(&self, next_at: Option<Timestamp>, got: usize, due: &mut DueIn) -> Duration {
        let now = self.shared.config.clock.now();
        match next_at {
            None => INTERVAL,
            Some(at) if got > 0 => due.after_some(at, now),
            Some(at) => due.after_nothing(at, now),
        }
    }

    async fn start(&self, batch: Batch, ends: Instant, batches: &mut Batches) {
        let group = (batch.key.queue.clone(), batch.key.group.clone());
        // There are as many as were asked for; the semaphore is never closed.
        let in_flight = Arc::clone(&batches.in_flight).acquire_owned().await.ok();
        let aggregation = Aggregation {
            shared: Arc::clone(&self.shared),
            aggregator: self.settings.aggregator.clone(),
            failures: batches.failing.get(&group).copied().unwrap_or(0),
            batch: Arc::new(batch),
            until: ends - self.settings.rules.hold / MARGIN,
            ends,
            stop: batches.stop.clone(),
            waiting: Arc::clone(&batches.waiting),
        };
        batches.running.spawn(aggregation.run(in_flight));
    }

    async fn wait(&mut self, look: Look, wakes: &mut Option<Wakes>, batches: &mut Batches) {
        let Look::Within(sleep) = look else {
            return tokio::select! {
                () = batches.one_is_free() => {}
                () = self.phases.reached(Phase::Quiet) => {}
            };
        };
        let look_again = async {
            tokio::time::sleep(SHORTEST_INTERVAL).await;
            tokio::select! {
                () = tokio::time::sleep(sleep.min(INTERVAL).saturating_sub(SHORTEST_INTERVAL)) => {}
                () = hint(wakes) => {}
            }
        };
        tokio::select! {
            () = look_again => {}
            () = self.phases.reached(Phase::Quiet) => {}
        }
    }
}

impl Batches {
    fn new() -> Self {
        Self {
            running: JoinSet::new(),
            in_flight: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            waiting: Arc::new(Semaphore::new(MAX_WAITING)),
            failing: HashMap::new(),
            stop: CancellationToken::new(),
        }
    }

    async fn one_is_free(&self) {
        let _ = self.in_flight.acquire().await;
    }

    /// Takes note of batches that have ended meanwhile.
    fn note_ended(&mut self) {
        while let Some(ended) = self.running.try_join_next() {
            self.note(ended);
        }
    }

    async fn all_ended(&mut self) {
        while let Some(ended) = self.running.join_next().await {
            self.note(ended);
        }
    }

    fn note(&mut self, ended: Result<Ended, JoinError>) {
        match ended {
            Ok(Ended::Well(group)) => drop(self.failing.remove(&group)),
            Ok(Ended::Badly(group)) => {
                if self.failing.len() >= MAX_FAILING {
                    self.failing.clear();
                }
                *self.failing.entry(group).or_default() += 1;
            }
            // The user's code is caught where it is called; this is ours, and ends the loop.
            Err(error) => {
                if let Ok(panic) = error.try_into_panic() {
                    std::panic::resume_unwind(panic);
                }
            }
        }
    }
}
