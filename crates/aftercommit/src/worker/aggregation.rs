//! One batch on its way to become one task.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    AggregateRefusal, Batch, Enqueue, Failure, FailureKind, Groups, NewTask, Options, Result,
};
use futures_util::FutureExt;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Shared;
use super::aggregator::GroupKey;
use crate::aggregate::{Erased, GroupTasks};
use crate::frame::Pauses;
use crate::telemetry;
use crate::text::{chain, panic_text};

/// How long a group waits after its first failure; twice as long after each further one.
const FIRST_DELAY: Duration = Duration::from_secs(1);
/// The longest such wait. It ends before the batch's time does.
const LONGEST_DELAY: Duration = Duration::from_secs(60);
/// How long a stopping worker tries to put a batch back; after that the recoverers do.
const RELEASE_GRACE: Duration = Duration::from_secs(2);

pub(super) struct Aggregation {
    pub(super) shared: Arc<Shared>,
    pub(super) aggregator: Erased,
    pub(super) batch: Arc<Batch>,
    /// When the aggregator is to have ended, and a pause after its failure too.
    pub(super) until: Instant,
    /// When the batch is not ours any more.
    pub(super) ends: Instant,
    /// How often the group has failed in a row.
    pub(super) failures: u32,
    /// Fires when the batch is to go back at once.
    pub(super) stop: CancellationToken,
    /// How many failed batches may wait.
    pub(super) waiting: Arc<Semaphore>,
}

/// How it ended.
pub(super) enum Ended {
    /// The batch has become a task, is somebody else's, or was given back untouched.
    Well(GroupKey),
    /// It has failed and is back in its group.
    Badly(GroupKey),
}

/// What is left to do about the batch.
enum Fate {
    /// Nothing.
    Gone,
    /// It goes back: the worker stops.
    Back,
    /// It goes back after a pause.
    Failed(Failure),
}

impl Aggregation {
    pub(super) async fn run(self, in_flight: Option<OwnedSemaphorePermit>) -> Ended {
        let group = (self.batch.key.queue.clone(), self.batch.key.group.clone());
        let Some(groups) = self.shared.backend.groups() else { return Ended::Well(group) };
        let fate = match self.call().await {
            Ok(Some(task)) => self.put_in_place(groups, task).await,
            Ok(None) => Fate::Back,
            Err(failure) => Fate::Failed(failure),
        };
        drop(in_flight);
        match fate {
            Fate::Gone => Ended::Well(group),
            Fate::Back => {
                self.release(groups).await;
                Ended::Well(group)
            }
            Fate::Failed(failure) => {
                self.wait(&failure).await;
                self.release(groups).await;
                match failure.kind {
                    FailureKind::RetryAfter(_) => Ended::Well(group),
                    _ => Ended::Badly(group),
                }
            }
        }
    }

    /// Calls the aggregator. `None` if the worker stops first.
    async fn call(&self) -> Result<Option<NewTask>, Failure> {
        let stopped = self.stop.child_token();
        // An aggregator that panics before its first await is the user's code too.
        let call =
            async { self.aggregator.call(GroupTasks::new(Arc::clone(&self.batch), stopped.clone())).await };
        let mut call = Box::pin(AssertUnwindSafe(call).catch_unwind());
        let ended = tokio::select! {
            biased;
            () = self.stop.cancelled() => Ok(None),
            ended = &mut call => match ended {
                Ok(made) => return made.map(Some),
                Err(panic) => return Err(Failure::new(FailureKind::Panic, panic_text(panic.as_ref()))),
            },
            () = tokio::time::sleep_until(self.until) => Err(Failure::new(FailureKind::TimedOut, "timed out")),
        };
        stopped.cancel();
        let _ = std::panic::catch_unwind(AssertUnwindSafe(|| drop(call)));
        ended
    }

    /// Puts the new task in the place of the batch.
    async fn put_in_place(&self, groups: &dyn Groups, task: NewTask) -> Fate {
        let task = match self.resolve(task) {
            Ok(task) => task,
            Err(failure) => return Fate::Failed(failure),
        };
        let mut pauses = Pauses::new();
        loop {
            let result = groups.aggregate(&self.batch.key, &task).await;
            self.shared.health.note("aggregated a group", &result);
            match result {
                Ok(Ok(())) => {
                    telemetry::aggregated(&self.batch, &task.message);
                    return Fate::Gone;
                }
                Ok(Err(AggregateRefusal::BatchLost)) => {
                    telemetry::batch_lost(&self.batch);
                    return Fate::Gone;
                }
                Ok(Err(AggregateRefusal::Task(refusal))) => {
                    let error = refusal.into_error(&task.message);
                    return Fate::Failed(Failure::new(FailureKind::Error, chain(&error)));
                }
                Err(error) if !error.is_transient() => {
                    return Fate::Failed(Failure::new(FailureKind::Error, chain(&error)));
                }
                Err(_) if Instant::now() >= self.ends => return Fate::Gone,
                Err(_) => tokio::select! {
                    () = pauses.pause() => {}
                    () = self.stop.cancelled() => return Fate::Back,
                },
            }
        }
    }

    fn resolve(&self, task: NewTask) -> Result<Enqueue, Failure> {
        let queue = &self.batch.key.queue;
        let defaults = Options::new().queue(queue.as_str());
        let failed = |text: String| Failure::new(FailureKind::Error, text);
        let task =
            task.resolve(&defaults, self.shared.config.clock.now()).map_err(|error| failed(chain(&error)))?;
        if task.message.queue != *queue {
            let other = &task.message.queue;
            return Err(failed(format!(
                "the task made of the group names queue {other}, but goes to the queue of the group, {queue}"
            )));
        }
        Ok(task)
    }

    /// The pause before a failed batch goes back: in its group it would be ripe at once.
    async fn wait(&self, failure: &Failure) {
        let delay = match failure.kind {
            FailureKind::RetryAfter(delay) => {
                telemetry::aggregation_put_off(&self.batch, failure, delay);
                delay
            }
            _ => {
                telemetry::aggregation_failed(&self.batch, failure, self.failures + 1);
                delay(self.failures).mul_f64(rand::random_range(0.5..=1.0))
            }
        };
        let room = self.waiting.try_acquire();
        let delay = if room.is_ok() { delay } else { FIRST_DELAY.min(delay) };
        tokio::select! {
            () = tokio::time::sleep_until(self.until.min(Instant::now() + delay)) => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Puts the tasks back. If the store is away for longer, the recoverers do.
    async fn release(&self, groups: &dyn Groups) {
        let mut pauses = Pauses::new();
        let tried = async {
            loop {
                let released = groups.release(&self.batch.key).await;
                self.shared.health.note("put a group's tasks back", &released);
                match released {
                    Err(error) if error.is_transient() => pauses.pause().await,
                    _ => return,
                }
            }
        };
        tokio::select! {
            () = tried => {}
            () = tokio::time::sleep_until(self.ends) => {}
            () = self.stopped_for(RELEASE_GRACE) => {}
        }
        self.shared.health.clear("put a group's tasks back");
    }

    async fn stopped_for(&self, grace: Duration) {
        self.stop.cancelled().await;
        tokio::time::sleep(grace).await;
    }
}

fn delay(failures: u32) -> Duration {
    FIRST_DELAY.saturating_mul(2u32.saturating_pow(failures)).min(LONGEST_DELAY)
}
