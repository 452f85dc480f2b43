//! The running loops of a worker: how they are started, watched, and brought to an end in their order.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Error, QueueName, Result, Wake};
use futures_util::FutureExt;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::aggregator::Aggregator;
use super::attempt::StopReason;
use super::fetcher::{self, Fetcher};
use super::forwarder::{self, Forwarder};
use super::heartbeater::Heartbeater;
use super::janitor::{self, Janitor};
use super::recoverer::{self, Recoverer};
use super::runner::{self, Runner};
use super::settler::{self, Settler};
use super::unaggregated::{self, Unaggregated};
use super::{Shared, subscriber};
use crate::frame::{DueIn, Periodic, Phase, StopHandle};
use crate::telemetry;

/// How long a stopping worker tries to write down its last outcomes if the store is away.
const SETTLE_GRACE: Duration = Duration::from_secs(5);
/// How long a stopping worker waits, beyond the shutdown timeout, for calls that its store does not answer.
const CALL_GRACE: Duration = Duration::from_secs(2);

/// A loop that has ended, and how.
struct Ended {
    name: &'static str,
    panicked: bool,
}

/// The running loops.
pub(super) struct Loops {
    /// Those that end by themselves when the worker drains.
    front: JoinSet<Ended>,
    /// Those that go on until everything is written down.
    back: JoinSet<Ended>,
    give_up: CancellationToken,
    /// Fires when the settler has ended, whoever else has.
    settled: CancellationToken,
    done: CancellationToken,
}

impl Loops {
    pub(super) fn start(shared: &Arc<Shared>, stop: &StopHandle) -> Self {
        let (give_up, done) = (CancellationToken::new(), CancellationToken::new());
        let (fetched_in, fetched) = mpsc::channel(shared.config.concurrency + fetcher::MAX_PREFETCH);
        let (finished_in, finished) = mpsc::channel(settler::BACKLOG);
        let (returned_in, returned) = mpsc::channel(settler::RETURNS);
        let (present_in, present) = watch::channel(false);
        let queues: Arc<[QueueName]> = shared.config.queues.names().cloned().collect();
        let phases = || stop.phases();
        let backend = || Arc::clone(&shared.backend);
        let shared_again = || Arc::clone(shared);
        let periodic = |interval, wakes| Periodic {
            interval,
            wakes,
            phases: stop.phases(),
            until: Phase::Draining,
            health: Arc::clone(&shared.health),
        };

        let mut front = JoinSet::new();
        let fetcher = Fetcher { shared: shared_again(), fetched: fetched_in, present, phases: phases() };
        let mut quiet_until_drained = phases();
        front.spawn(named("fetcher", async move {
            fetcher.run().await;
            quiet_until_drained.reached(Phase::Draining).await;
        }));
        let runner = Runner {
            shared: shared_again(),
            fetched,
            finished: finished_in,
            returned: returned_in,
            phases: phases(),
        };
        front.spawn(named("runner", runner.run()));
        let forwarder = Forwarder {
            backend: backend(),
            queues: Arc::clone(&queues),
            clock: Arc::clone(&shared.config.clock),
            due: DueIn::new(),
        };
        let wakes = shared.backend.wakes(Wake::Due, &queues);
        front.spawn(named("forwarder", periodic(forwarder::INTERVAL, Some(wakes)).run(forwarder)));
        let recoverer = Recoverer::new(shared_again(), Arc::clone(&queues));
        front.spawn(named("recoverer", periodic(recoverer::INTERVAL, None).run(recoverer)));
        match shared.config.aggregating.clone() {
            Some(settings) => {
                let queues = Arc::clone(&queues);
                let aggregator = Aggregator { shared: shared_again(), queues, settings, phases: phases() };
                front.spawn(named("aggregator", aggregator.run()));
            }
            None if shared.backend.groups().is_some() => {
                let wakes = shared.backend.wakes(Wake::Groups, &queues);
                let queues = Arc::clone(&queues);
                let body = Unaggregated { shared: shared_again(), queues, said: HashSet::new() };
                front.spawn(named("group watch", periodic(unaggregated::INTERVAL, Some(wakes)).run(body)));
            }
            None => {}
        }
        let janitor = Janitor { backend: backend(), queues, archive: shared.config.archive };
        front.spawn(named("janitor", periodic(janitor::INTERVAL, None).run(janitor)));
        front.spawn(named("subscriber", subscriber::run(shared_again(), phases())));

        let mut back = JoinSet::new();
        let settler = Settler { shared: shared_again(), finished, returned, give_up: give_up.clone() };
        let settled = CancellationToken::new();
        let ended = settled.clone().drop_guard();
        back.spawn(named("settler", async move {
            let _ended = ended;
            settler.run().await;
        }));
        let heartbeater =
            Heartbeater { shared: shared_again(), present: present_in, phases: phases(), done: done.clone() };
        back.spawn(named("heartbeater", heartbeater.run()));
        Self { front, back, give_up, settled, done }
    }

    /// Waits until a stop is asked for, or a loop dies; then all the others are asked to stop.
    pub(super) async fn watch(&mut self, stop: &StopHandle) -> Result<()> {
        let mut phases = stop.phases();
        let ended = tokio::select! {
            () = phases.reached(Phase::Draining) => return Ok(()),
            Some(Ok(ended)) = self.front.join_next() => ended,
            Some(Ok(ended)) = self.back.join_next() => ended,
        };
        if phases.now() >= Phase::Draining {
            return ended.asked_for();
        }
        stop.shutdown();
        Err(Error::LoopDied(ended.name))
    }

    /// Waits for the attempts, then for their outcomes, and lets the heartbeater sign off.
    pub(super) async fn finish(mut self, shared: &Shared) -> Result<()> {
        let limit = shared.config.shutdown_timeout.saturating_add(runner::STOP_GRACE + CALL_GRACE);
        let finished = match tokio::time::timeout(limit, all_ended(&mut self.front)).await {
            Ok(finished) => finished,
            Err(_) => {
                telemetry::loops_cut_off();
                self.front.abort_all();
                Ok(())
            }
        };
        let give_up = self.give_up.clone();
        let grace = tokio::spawn(async move {
            tokio::time::sleep(SETTLE_GRACE).await;
            give_up.cancel();
        });
        // A stuck handler still holds a sender, so the channel may never close: the grace ends the wait.
        tokio::select! {
            () = self.settled.cancelled() => {}
            () = self.give_up.cancelled() => {}
        }
        grace.abort();
        shared.inflight.stop_all(StopReason::Shutdown);
        self.done.cancel();
        let signed_off = tokio::time::timeout(SETTLE_GRACE, all_ended(&mut self.back)).await;
        finished.and(signed_off.unwrap_or(Ok(())))
    }
}

impl Ended {
    /// The end of a loop that had been asked to end.
    fn asked_for(self) -> Result<()> {
        if self.panicked { Err(Error::LoopDied(self.name)) } else { Ok(()) }
    }
}

/// Waits for all loops of a set; the first that panicked is the error.
async fn all_ended(loops: &mut JoinSet<Ended>) -> Result<()> {
    let mut ended = Ok(());
    while let Some(one) = loops.join_next().await {
        ended = ended.and(one.map_or(Ok(()), Ended::asked_for));
    }
    ended
}

async fn named(name: &'static str, body: impl Future<Output = ()>) -> Ended {
    let panicked = AssertUnwindSafe(body).catch_unwind().await.is_err();
    Ended { name, panicked }
}
