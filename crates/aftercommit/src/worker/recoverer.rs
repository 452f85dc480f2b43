//! Takes tasks back from workers that are gone, and lets `decide_orphan` say what becomes of them. Puts back
//! the batches of aggregators that are gone.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Error, Lease, LeaseLost, LeaseToken, Orphan, QueueName, Result, Settlement, TaskId, decide_orphan,
};

use super::Shared;
use super::apart::{Alone, settle_apart};
use crate::frame::{Next, Tick};
use crate::telemetry;

/// How many tasks one tick recovers at most.
const BATCH: usize = 100;
/// How many batches of a group one tick puts back at most.
const BATCHES: usize = 10;
/// How often to look. With the presence TTL of nine seconds, a dead worker's tasks run again within fifteen.
pub(super) const INTERVAL: Duration = Duration::from_secs(2);

pub(super) struct Recoverer {
    shared: Arc<Shared>,
    queues: Arc<[QueueName]>,
    /// The orphans of the last tick that the store would not let go: they are said once, and tried apart from
    /// the others.
    stuck: HashSet<Holding>,
}

impl Tick for Recoverer {
    const DOING: &'static str = "looked for tasks of lost workers";

    async fn tick(&mut self) -> Result<Next> {
        let recovered = self.recover().await;
        // Whatever keeps the one from being done does not keep the other.
        let reclaimed = self.reclaim().await;
        let (recovered, reclaimed) = (recovered?, reclaimed?);
        Ok(if recovered >= BATCH || reclaimed >= BATCHES { Next::Again } else { Next::Interval })
    }
}

impl Recoverer {
    pub(super) fn new(shared: Arc<Shared>, queues: Arc<[QueueName]>) -> Self {
        Self { shared, queues, stuck: HashSet::new() }
    }

    /// Settles the orphans and says how many it could.
    async fn recover(&mut self) -> Result<usize> {
        let orphans = self.shared.backend.orphans(&self.queues, BATCH).await?;
        let was_stuck = std::mem::take(&mut self.stuck);
        let (known, fresh): (Vec<Orphan>, Vec<Orphan>) =
            orphans.into_iter().partition(|orphan| was_stuck.contains(&holding(&orphan.leased.lease)));
        let mut round = Round { was_stuck, stuck: HashSet::new(), recovered: 0 };
        let settled = self.settle(fresh, &mut round).await;
        let settled = match settled {
            Ok(()) => self.settle_apart(&known, &mut round).await,
            Err(error) => Err(error),
        };
        self.stuck = round.stuck;
        settled.map(|()| round.recovered)
    }

    /// One call for all of them, or one for each if the store refuses.
    async fn settle(&self, orphans: Vec<Orphan>, round: &mut Round) -> Result<()> {
        if orphans.is_empty() {
            return Ok(());
        }
        let settlements: Vec<Settlement> = orphans.iter().map(|orphan| self.settlement(orphan)).collect();
        match self.shared.backend.settle(&settlements).await {
            Ok(results) => {
                for ((orphan, settlement), result) in orphans.iter().zip(&settlements).zip(results) {
                    round.answered(orphan, settlement, result);
                }
                Ok(())
            }
            Err(error) if error.is_transient() => Err(error),
            Err(_) => self.settle_apart(&orphans, round).await,
        }
    }

    async fn settle_apart(&self, orphans: &[Orphan], round: &mut Round) -> Result<()> {
        let settlements: Vec<Settlement> = orphans.iter().map(|orphan| self.settlement(orphan)).collect();
        let mut pairs = orphans.iter().zip(&settlements);
        settle_apart(self.shared.backend.as_ref(), &settlements, |alone| {
            let Some((orphan, settlement)) = pairs.next() else { return };
            match alone {
                Alone::Answered(result) => round.answered(orphan, settlement, result),
                Alone::Refused(error) => round.refused(orphan, &error),
            }
        })
        .await
    }

    fn settlement(&self, orphan: &Orphan) -> Settlement {
        let config = &self.shared.config;
        let outcome = decide_orphan(
            &orphan.leased.message,
            orphan.cause,
            config.max_recoveries,
            config.retry_policy.as_ref(),
            config.clock.now(),
            self.shared.entropy.next(),
        );
        Settlement { leased: Arc::new(orphan.leased.clone()), outcome }
    }

    /// Puts back batches past their deadline, and says how many.
    async fn reclaim(&self) -> Result<usize> {
        let Some(groups) = self.shared.backend.groups() else { return Ok(0) };
        let reclaimed = groups.reclaim(&self.queues, BATCHES).await?;
        if reclaimed > 0 {
            telemetry::batches_reclaimed(reclaimed);
        }
        Ok(reclaimed)
    }
}

/// Tells one attempt of one task from all others.
type Holding = (QueueName, TaskId, LeaseToken);

fn holding(lease: &Lease) -> Holding {
    (lease.queue.clone(), lease.id.clone(), lease.token)
}

/// What has happened in one tick.
struct Round {
    was_stuck: HashSet<Holding>,
    stuck: HashSet<Holding>,
    recovered: usize,
}

impl Round {
    fn answered(&mut self, orphan: &Orphan, settlement: &Settlement, result: Result<(), LeaseLost>) {
        self.recovered += 1;
        // Refused means that another recoverer, or the late worker itself, was faster: nothing to do.
        if result.is_ok() {
            telemetry::recovered(orphan, &settlement.outcome);
        }
    }

    fn refused(&mut self, orphan: &Orphan, error: &Error) {
        let holding = holding(&orphan.leased.lease);
        if !self.was_stuck.contains(&holding) {
            telemetry::recovery_refused(orphan, error);
        }
        self.stuck.insert(holding);
    }
}
