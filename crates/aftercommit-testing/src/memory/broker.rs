//! The hot path: enqueue, dequeue, extend, settle.

use std::time::Duration;

use aftercommit_core::{
    Broker, Enqueue, Lease, LeaseGrant, LeaseLost, Leased, Outcome, QueueName, Quota, Refusal, RequeueCause,
    Result, Settlement, State, Timestamp, Wake, Wakes,
};
use async_trait::async_trait;
use bytes::Bytes;

use super::queue::{End, Ending};
use super::store::Store;
use super::task::Place;
use super::{MemoryBackend, is_current};

#[async_trait]
impl Broker for MemoryBackend {
    async fn enqueue(&self, batch: &[Enqueue]) -> Result<Vec<Result<(), Refusal>>> {
        self.check_groups(batch)?;
        let (now, mut store) = (self.both_now(), self.store());
        let answers: Vec<_> = batch.iter().map(|item| store.enqueue(item, now)).collect();
        drop(store);
        for (item, answer) in batch.iter().zip(&answers) {
            if answer.is_ok() {
                self.wake_for(item);
            }
        }
        Ok(answers)
    }

    async fn dequeue(&self, quotas: &[Quota], grant: &LeaseGrant) -> Result<Vec<Leased>> {
        let (now, mut store) = (self.now(), self.store());
        let mut leased = Vec::new();
        for quota in quotas {
            take(&mut store, &quota.queue, quota.count, grant, now, &mut leased);
        }
        let wanted: usize = quotas.iter().map(|quota| quota.count).sum();
        for quota in quotas {
            let left = wanted - leased.len();
            take(&mut store, &quota.queue, left, grant, now, &mut leased);
        }
        Ok(leased)
    }

    async fn extend(
        &self,
        leases: &[Lease],
        duration: Duration,
    ) -> Result<Vec<Result<Timestamp, LeaseLost>>> {
        let (now, mut store) = (self.now(), self.store());
        let until = now.plus(duration);
        let extend_one = |lease: &Lease| {
            if !is_current(&store, lease) {
                return Err(LeaseLost);
            }
            if let Some(queue) = store.queues.get_mut(&lease.queue) {
                queue.change(&lease.id, |place| {
                    if let Place::Active { expires_at, .. } = place {
                        *expires_at = until;
                    }
                });
            }
            Ok(until)
        };
        Ok(leases.iter().map(extend_one).collect())
    }

    async fn settle(&self, batch: &[Settlement]) -> Result<Vec<Result<(), LeaseLost>>> {
        let (now, mut store) = (self.now(), self.store());
        let answers: Vec<_> =
            batch.iter().map(|item| settle_one(&mut store, &item.leased.lease, &item.outcome, now)).collect();
        let returned = batch
            .iter()
            .zip(&answers)
            .filter(|(item, answer)| answer.is_ok() && matches!(item.outcome, Outcome::Requeue(_)));
        // The last goes to the front first, so that the batch stands there in its own order.
        for (item, _) in returned.rev() {
            let lease = &item.leased.lease;
            if let Some(queue) = store.queues.get_mut(&lease.queue) {
                queue.move_to(&lease.id, Place::Pending { since: now }, End::Front);
            }
        }
        drop(store);
        for (item, answer) in batch.iter().zip(&answers) {
            if let (Ok(()), Some(wake)) = (answer, wake_after(&item.outcome)) {
                self.wakes.wake(wake, &item.leased.lease.queue);
            }
        }
        Ok(answers)
    }

    fn wakes(&self, wake: Wake, queues: &[QueueName]) -> Wakes {
        self.wakes.subscribe(wake, queues)
    }
}

/// Leases the oldest `count` pending tasks of a queue, or as many as there are.
fn take(
    store: &mut Store,
    name: &QueueName,
    count: usize,
    grant: &LeaseGrant,
    now: Timestamp,
    leased: &mut Vec<Leased>,
) {
    if store.paused_since.contains_key(name) {
        return;
    }
    let Some(queue) = store.queues.get(name) else { return };
    let oldest: Vec<_> =
        queue.in_state(State::Pending).take(count).map(|stored| stored.message.id.clone()).collect();
    for id in oldest {
        let token = store.next_token();
        let expires_at = now.plus(grant.duration);
        let place = Place::Active { worker: grant.worker.clone(), token, expires_at };
        let Some(queue) = store.queues.get_mut(name) else { return };
        if let Some(message) = queue.move_to(&id, place, End::Back) {
            let lease = Lease { queue: name.clone(), id, token, expires_at };
            leased.push(Leased { message: message.clone(), lease, stored: Bytes::new() });
        }
    }
}

/// Writes one outcome down if the lease is the current one.
fn settle_one(store: &mut Store, lease: &Lease, outcome: &Outcome, now: Timestamp) -> Result<(), LeaseLost> {
    if !is_current(store, lease) {
        return Err(LeaseLost);
    }
    let queue = store.queues.get_mut(&lease.queue).ok_or(LeaseLost)?;
    let id = &lease.id;
    match outcome {
        Outcome::Done => {
            queue.count(Ending::Succeeded, now);
            store.delete(&lease.queue, id);
        }
        Outcome::Complete { retention, result } => {
            queue.count(Ending::Succeeded, now);
            let expires_at = now.plus(*retention);
            let place = Place::Completed { at: now, expires_at, result: result.clone() };
            queue.move_to(id, place, End::Back);
            store.free_lock(&lease.queue, id);
        }
        Outcome::Retry { at, error } => {
            queue.count(Ending::Failed, now);
            if let Some(message) = queue.move_to(id, Place::Retry { due: *at }, End::Back) {
                message.retried += 1;
                note_error(message, error, now);
            }
        }
        Outcome::Snooze { at, error } => {
            if let Some(message) = queue.move_to(id, Place::Retry { due: *at }, End::Back) {
                note_error(message, error, now);
            }
        }
        Outcome::Archive { error } => {
            queue.count(Ending::Failed, now);
            if let Some(message) = queue.move_to(id, Place::Archived { at: now }, End::Back) {
                note_error(message, error, now);
            }
        }
        Outcome::Requeue(cause) => {
            if let Some(message) = queue.move_to(id, Place::Pending { since: now }, End::Front) {
                message.recovered += u32::from(*cause == RequeueCause::Recovered);
            }
        }
    }
    Ok(())
}

fn note_error(message: &mut aftercommit_core::Message, error: &str, now: Timestamp) {
    message.last_error = Some(error.to_owned());
    message.last_failed_at = Some(now);
}

const fn wake_after(outcome: &Outcome) -> Option<Wake> {
    match outcome {
        Outcome::Retry { .. } | Outcome::Snooze { .. } => Some(Wake::Due),
        Outcome::Requeue(_) => Some(Wake::Pending),
        Outcome::Done | Outcome::Complete { .. } | Outcome::Archive { .. } => None,
    }
}
