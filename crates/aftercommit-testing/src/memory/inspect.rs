//! What operators see and do.

use aftercommit_core::{
    Action, DayCount, Inspect, Page, QueueInfo, QueueName, Result, State, TaskId, TaskInfo, Wake,
};
use async_trait::async_trait;

use super::MemoryBackend;
use super::state::{End, Place};

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

    async fn list(&self, name: &QueueName, state: State, page: Page) -> Result<Vec<TaskInfo>> {
        let store = self.store();
        let Some(queue) = store.queues.get(name) else { return Ok(Vec::new()) };
        Ok(queue.in_state(state).skip(page.offset).take(page.limit).map(|stored| stored.info()).collect())
    }

    async fn get(&self, name: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>> {
        let store = self.store();
        Ok(store.queues.get(name).and_then(|queue| queue.get(id)).map(|stored| stored.info()))
    }

    async fn run(&self, name: &QueueName, id: &TaskId) -> Result<Action> {
        let (now, mut store) = (self.now(), self.store());
        let Some(queue) = store.queues.get_mut(name) else { return Ok(Action::NotFound) };
        match queue.get(id).map(|stored| stored.place.state()) {
            None => return Ok(Action::NotFound),
            Some(state @ (State::Active | State::Pending | State::Aggregating)) => {
                return Ok(Action::Refused(state));
            }
            Some(State::Scheduled | State::Retry | State::Archived | State::Completed) => {
                queue.move_to(id, Place::Pending { since: now }, End::Back);
            }
        }
        drop(store);
        self.wakes.wake(Wake::Pending, name);
        Ok(Action::Applied)
    }

    async fn delete(&self, name: &QueueName, id: &TaskId) -> Result<Action> {
        let mut store = self.store();
        let Some(queue) = store.queues.get_mut(name) else { return Ok(Action::NotFound) };
        match queue.get(id).map(|stored| stored.place.state()) {
            None => Ok(Action::NotFound),
            Some(State::Active) => Ok(Action::Refused(State::Active)),
            Some(_) => {
                if let Some(message) = queue.remove(id) {
                    store.free_lock(&message);
                }
                Ok(Action::Applied)
            }
        }
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
