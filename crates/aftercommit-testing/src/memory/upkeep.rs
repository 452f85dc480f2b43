//! Forwarding what is due, finding what is nobody's, deleting what is over.

use aftercommit_core::{
    ArchiveLimits, Forwarded, Leased, Orphan, OrphanCause, QueueName, Result, State, TaskId, Timestamp,
    Upkeep, Wake,
};
use async_trait::async_trait;
use bytes::Bytes;

use super::MemoryBackend;
use super::queue::End;
use super::store::{Now, Store};
use super::task::{Place, Stored};

#[async_trait]
impl Upkeep for MemoryBackend {
    async fn forward(&self, queues: &[QueueName], limit: usize) -> Result<Forwarded> {
        let (now, mut store) = (self.now(), self.store());
        let mut woken = Vec::new();
        let next_due = loop {
            match earliest(&store, queues) {
                Some((due, name, id)) if due <= now && woken.len() < limit => {
                    let Some(queue) = store.queues.get_mut(&name) else { break Some(due) };
                    let Some(task) = queue.get(&id) else { break Some(due) };
                    let place = Place::ready(&task.message, now);
                    let wake = if place.state() == State::Pending { Wake::Pending } else { Wake::Groups };
                    queue.move_to(&id, place, End::Back);
                    woken.push((wake, name));
                }
                next => break next.map(|(due, ..)| due),
            }
        };
        drop(store);
        for (wake, name) in &woken {
            self.wakes.wake(*wake, name);
        }
        Ok(Forwarded { moved: woken.len(), next_due })
    }

    async fn orphans(&self, queues: &[QueueName], limit: usize) -> Result<Vec<Orphan>> {
        let (now, store) = (self.both_now(), self.store());
        let active = queues
            .iter()
            .filter_map(|name| store.queues.get(name))
            .flat_map(|queue| queue.in_state(State::Active));
        Ok(active.filter_map(|stored| orphan(&store, stored, now)).take(limit).collect())
    }

    async fn delete_expired(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        let (now, mut store) = (self.now(), self.store());
        let mut deleted = 0;
        for name in queues {
            let Some(queue) = store.queues.get_mut(name) else { continue };
            let over: Vec<TaskId> = queue
                .in_state(State::Completed)
                .filter(
                    |stored| matches!(stored.place, Place::Completed { expires_at, .. } if expires_at <= now),
                )
                .map(|stored| stored.message.id.clone())
                .take(limit - deleted)
                .collect();
            deleted += over.iter().filter(|id| queue.remove(id).is_some()).count();
        }
        Ok(deleted)
    }

    async fn trim_archive(
        &self,
        queues: &[QueueName],
        limits: &ArchiveLimits,
        limit: usize,
    ) -> Result<usize> {
        let (now, mut store) = (self.now(), self.store());
        let mut trimmed = 0;
        for name in queues {
            let Some(queue) = store.queues.get(name) else { continue };
            let archived: Vec<_> = queue.in_state(State::Archived).collect();
            let surplus = archived.len().saturating_sub(limits.max_tasks);
            let too_old = |task: &Stored| task.place.moment().plus(limits.max_age) <= now;
            let beyond = archived.iter().enumerate().filter(|(i, task)| *i < surplus || too_old(task));
            let ids = beyond.map(|(_, task)| task.message.id.clone());
            let ids: Vec<TaskId> = ids.take(limit - trimmed).collect();
            trimmed += ids.len();
            for id in ids {
                store.delete(name, &id);
            }
        }
        Ok(trimmed)
    }
}

/// The task of these queues that is due first.
fn earliest(store: &Store, queues: &[QueueName]) -> Option<(Timestamp, QueueName, TaskId)> {
    queues
        .iter()
        .filter_map(|name| {
            let (due, id) = store.queues.get(name)?.first_due()?;
            Some((due, name.clone(), id.clone()))
        })
        .min_by_key(|(due, ..)| *due)
}

/// An active task is nobody's when its lease is over or its worker is gone.
fn orphan(store: &Store, stored: &Stored, now: Now) -> Option<Orphan> {
    let (worker, lease) = stored.lease()?;
    let cause = if lease.expires_at <= now.given {
        OrphanCause::LeaseExpired
    } else if store.is_dead(worker, now) {
        OrphanCause::WorkerDead
    } else {
        return None;
    };
    let leased = Leased { message: stored.message.clone(), lease, stored: Bytes::new() };
    Some(Orphan { leased, cause })
}
