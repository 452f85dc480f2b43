//! What operators see and do.

use aftercommit_core::{
    Action, DayCount, Inspect, Operation, Page, QueueInfo, QueueName, Removal, Result, Selection, State,
    TaskId, TaskInfo, Timestamp, Wake,
};
use async_trait::async_trait;
use bytes::Bytes;

use super::MemoryBackend;
use super::queue::End;
use super::store::Store;
use super::task::{Place, Stored};

#[async_trait]
impl Inspect for MemoryBackend {
    async fn queues(&self) -> Result<Vec<QueueName>> {
        Ok(self.store().queues.keys().cloned().collect())
    }

    async fn queue(&self, name: &QueueName) -> Result<Option<QueueInfo>> {
        let store = self.store();
        Ok(store.queues.get(name).map(|queue| QueueInfo {
            queue: name.clone(),
            counts: queue.counts(),
            groups: queue.groups.len() as u64,
            approximate_bytes: None,
            oldest_pending_since: queue.in_state(State::Pending).next().and_then(|stored| {
                if let Place::Pending { since } = stored.place { Some(since) } else { None }
            }),
            paused_since: store.paused_since.get(name).copied(),
            processed: queue.processed,
            failed: queue.failed,
        }))
    }

    async fn history(&self, name: &QueueName, days: usize) -> Result<Vec<DayCount>> {
        let (today, store) = (self.now().day(), self.store());
        let queue = store.queues.get(name);
        let count = |day| queue.map_or(DayCount { day, processed: 0, failed: 0 }, |queue| queue.day(day));
        Ok((0_i64..).take(days).map(|back| count(today - back)).collect())
    }

    async fn list(&self, name: &QueueName, selection: &Selection, page: Page) -> Result<Vec<TaskInfo>> {
        let store = self.store();
        let tasks = store.queues.get(name).map(|queue| queue.selected(selection)).unwrap_or_default();
        Ok(tasks.into_iter().skip(page.offset).take(page.limit).map(Stored::info).collect())
    }

    async fn get(&self, name: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>> {
        let store = self.store();
        Ok(store.queues.get(name).and_then(|queue| queue.get(id)).map(Stored::info))
    }

    async fn operate(&self, name: &QueueName, id: &TaskId, operation: Operation) -> Result<Action> {
        let (now, mut store) = (self.now(), self.store());
        match store.queues.get(name).and_then(|queue| queue.get(id)) {
            None => return Ok(Action::NotFound),
            Some(task) if !applies(operation, task) => return Ok(Action::Refused(task.place.state())),
            Some(_) => operate_one(&mut store, name, id, operation, now),
        }
        drop(store);
        self.wake_after(operation, name);
        Ok(Action::Applied)
    }

    async fn operate_all(
        &self,
        name: &QueueName,
        selection: &Selection,
        operation: Operation,
        limit: usize,
    ) -> Result<usize> {
        let (now, mut store) = (self.now(), self.store());
        let selected = store.queues.get(name).map(|queue| queue.selected(selection)).unwrap_or_default();
        let can = selected.into_iter().filter(|task| applies(operation, task));
        let ids: Vec<TaskId> = can.map(|task| task.message.id.clone()).take(limit).collect();
        for id in &ids {
            operate_one(&mut store, name, id, operation, now);
        }
        drop(store);
        if !ids.is_empty() {
            self.wake_after(operation, name);
        }
        Ok(ids.len())
    }

    async fn update_payload(&self, name: &QueueName, id: &TaskId, payload: Bytes) -> Result<Action> {
        let mut store = self.store();
        let Some(queue) = store.queues.get_mut(name) else { return Ok(Action::NotFound) };
        let Some(task) = queue.get(id) else { return Ok(Action::NotFound) };
        let state = task.place.state();
        if state != State::Scheduled {
            return Ok(Action::Refused(state));
        }
        if let Some(message) = queue.message_mut(id) {
            message.payload = payload;
        }
        Ok(Action::Applied)
    }

    async fn remove_queue(&self, name: &QueueName) -> Result<Removal> {
        let mut store = self.store();
        match store.queues.get(name) {
            None => return Ok(Removal::NotFound),
            Some(queue) if !queue.is_empty() => return Ok(Removal::NotEmpty),
            Some(_) => store.queues.remove(name),
        };
        store.paused_since.remove(name);
        Ok(Removal::Removed)
    }

    async fn pause(&self, name: &QueueName) -> Result<()> {
        let (now, mut store) = (self.now(), self.store());
        store.paused_since.entry(name.clone()).or_insert(now);
        Ok(())
    }

    async fn resume(&self, name: &QueueName) -> Result<()> {
        self.store().paused_since.remove(name);
        self.wakes.wake(Wake::Pending, name);
        Ok(())
    }
}

impl MemoryBackend {
    fn wake_after(&self, operation: Operation, name: &QueueName) {
        if operation == Operation::Run {
            self.wakes.wake(Wake::Pending, name);
        }
    }
}

/// A task in a batch is its aggregator's, as an active one is its worker's.
fn applies(operation: Operation, task: &Stored) -> bool {
    operation.applies_to(task.place.state()) && !task.place.is_gathered()
}

fn operate_one(store: &mut Store, name: &QueueName, id: &TaskId, operation: Operation, now: Timestamp) {
    let place = match operation {
        Operation::Run => Place::Pending { since: now },
        Operation::Archive => Place::Archived { at: now },
        Operation::Delete => return store.delete(name, id),
    };
    if let Some(queue) = store.queues.get_mut(name) {
        queue.move_to(id, place, End::Back);
    }
}
