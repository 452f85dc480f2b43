//! The frame of every loop that does one small thing again and again: tick, jitter, wake-up, outage, shutdown.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Result, Wakes};
use futures_util::StreamExt;

use super::health::{Pauses, StoreHealth};
use super::lifecycle::{Phase, Phases};

/// When to tick again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Now: the batch was full, so there is probably more.
    Again,
    /// After this long, unless the interval ends or a wake-up comes first.
    Within(Duration),
    /// When the interval ends or a wake-up comes.
    Interval,
}

/// One idempotent step of a loop.
pub(crate) trait Tick: Send {
    /// Completes the sentence "while it ...".
    const DOING: &'static str;

    /// Does one bounded piece of work and says when to come back.
    fn tick(&mut self) -> impl Future<Output = Result<Next>> + Send;
}

/// How a loop runs.
pub(crate) struct Periodic {
    /// The longest time between two ticks.
    pub(crate) interval: Duration,
    /// Hints that there is something to do.
    pub(crate) wakes: Option<Wakes>,
    pub(crate) phases: Phases,
    /// The phase in which it ticks no more.
    pub(crate) until: Phase,
    pub(crate) health: Arc<StoreHealth>,
}

impl Periodic {
    /// Ticks until the phase that ends it. A tick under way is not cut off.
    pub(crate) async fn run<T: Tick>(mut self, mut loop_body: T) {
        let mut pauses = Pauses::new();
        while self.phases.now() < self.until {
            let next = loop_body.tick().await;
            self.health.note(T::DOING, &next);
            match next {
                Ok(next) => {
                    pauses.reset();
                    self.wait(next).await;
                }
                Err(_) => tokio::select! {
                    () = pauses.pause() => {}
                    () = self.phases.reached(self.until) => {}
                },
            }
        }
    }

    async fn wait(&mut self, next: Next) {
        // A tenth of jitter keeps many workers from ticking together. A due time is kept exactly.
        let interval = self.interval.mul_f64(rand::random_range(0.9..=1.0));
        let sleep = match next {
            Next::Again => {
                tokio::task::yield_now().await;
                return;
            }
            Next::Within(duration) => duration.min(interval),
            Next::Interval => interval,
        };
        tokio::select! {
            () = tokio::time::sleep(sleep) => {}
            () = hint(&mut self.wakes) => {}
            () = self.phases.reached(self.until) => {}
        }
    }
}

/// Waits for a hint. Without a stream, or after its end, there is none.
pub(crate) async fn hint(wakes: &mut Option<Wakes>) {
    if let Some(stream) = wakes {
        if stream.next().await.is_some() {
            return;
        }
        *wakes = None;
    }
    std::future::pending().await
}
