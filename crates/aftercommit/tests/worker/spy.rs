//! A back-end that refuses some tasks for good, and with them the whole batch; and that writes down what it is
//! asked.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aftercommit::{
    Action, ArchiveLimits, Backend, Broker, Bytes, DayCount, Error, Groups, Inspect, Message, Operation,
    Page, Presence, Publisher, QueueInfo, QueueName, Removal, Result, Selection, TaskId, TaskInfo, Timestamp,
    Upkeep,
};
use aftercommit_core::{
    Enqueue, Forwarded, Lease, LeaseGrant, LeaseLost, Leased, Orphan, Published, Quota, Refusal, Settlement,
    Wake, Wakes,
};
use aftercommit_testing::{MemoryBackend, TokioClock};
use async_trait::async_trait;

use crate::harness::Bench;

/// Does not store tasks of which the payload says "no entry", nor write the outcomes of those with "no exit". A
/// publish with "cut" in it breaks the connection.
#[derive(Debug)]
pub(crate) struct Spy {
    inner: Arc<MemoryBackend>,
    abilities: Abilities,
    seen: Mutex<Seen>,
}

/// What a spy can do beyond the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Abilities {
    All,
    None,
}

/// What a spy was asked.
#[derive(Debug, Clone, Default)]
pub(crate) struct Seen {
    /// How many tasks each publish brought.
    pub(crate) published: Vec<usize>,
    pub(crate) forwards: usize,
    pub(crate) gathers: usize,
}

impl Spy {
    pub(crate) fn new(inner: Arc<MemoryBackend>, abilities: Abilities) -> Self {
        Self { inner, abilities, seen: Mutex::default() }
    }

    /// A bench on a memory broker, and a spy on the way to it.
    pub(crate) fn bench(abilities: Abilities) -> (Bench, Arc<Self>) {
        let clock = Arc::new(TokioClock::new());
        let memory = Arc::new(MemoryBackend::new(Arc::clone(&clock) as _));
        (Bench::over(Arc::clone(&memory) as _, clock), Arc::new(Self::new(memory, abilities)))
    }

    pub(crate) fn seen(&self) -> Seen {
        self.seen.lock().unwrap().clone()
    }

    fn see(&self, note: impl FnOnce(&mut Seen)) {
        note(&mut self.seen.lock().unwrap());
    }
}

fn has<'a>(messages: impl IntoIterator<Item = &'a Message>, text: &str) -> bool {
    messages.into_iter().any(|message| String::from_utf8_lossy(&message.payload).contains(text))
}

fn refuse<'a>(messages: impl IntoIterator<Item = &'a Message>, text: &str) -> Result<()> {
    match has(messages, text) {
        true => Err(Error::store("write a batch", "one of it cannot be written")),
        false => Ok(()),
    }
}

#[async_trait]
impl Broker for Spy {
    async fn enqueue(&self, batch: &[Enqueue]) -> Result<Vec<Result<(), Refusal>>> {
        // As if it took a while, so that calls come together.
        tokio::time::sleep(Duration::from_millis(1)).await;
        refuse(batch.iter().map(|item| &item.message), "no entry")?;
        self.inner.enqueue(batch).await
    }

    async fn dequeue(&self, quotas: &[Quota], grant: &LeaseGrant) -> Result<Vec<Leased>> {
        let leased = self.inner.dequeue(quotas, grant).await;
        // The answer takes a while.
        tokio::time::sleep(Duration::from_millis(10)).await;
        leased
    }

    async fn extend(&self, leases: &[Lease], time: Duration) -> Result<Vec<Result<Timestamp, LeaseLost>>> {
        self.inner.extend(leases, time).await
    }

    async fn settle(&self, batch: &[Settlement]) -> Result<Vec<Result<(), LeaseLost>>> {
        refuse(batch.iter().map(|item| &item.leased.message), "no exit")?;
        self.inner.settle(batch).await
    }

    fn wakes(&self, wake: Wake, queues: &[QueueName]) -> Wakes {
        self.inner.wakes(wake, queues)
    }
}

#[async_trait]
impl Upkeep for Spy {
    async fn forward(&self, queues: &[QueueName], limit: usize) -> Result<Forwarded> {
        self.see(|seen| seen.forwards += 1);
        self.inner.forward(queues, limit).await
    }

    async fn orphans(&self, queues: &[QueueName], limit: usize) -> Result<Vec<Orphan>> {
        self.inner.orphans(queues, limit).await
    }

    async fn delete_expired(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        self.inner.delete_expired(queues, limit).await
    }

    async fn trim_archive(
        &self,
        queues: &[QueueName],
        limits: &ArchiveLimits,
        limit: usize,
    ) -> Result<usize> {
        self.inner.trim_archive(queues, limits, limit).await
    }
}

#[async_trait]
impl Inspect for Spy {
    async fn queues(&self) -> Result<Vec<QueueName>> {
        self.inner.queues().await
    }

    async fn queue(&self, queue: &QueueName) -> Result<Option<QueueInfo>> {
        self.inner.queue(queue).await
    }

    async fn history(&self, queue: &QueueName, days: usize) -> Result<Vec<DayCount>> {
        self.inner.history(queue, days).await
    }

    async fn list(&self, queue: &QueueName, selection: &Selection, page: Page) -> Result<Vec<TaskInfo>> {
        self.inner.list(queue, selection, page).await
    }

    async fn get(&self, queue: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>> {
        self.inner.get(queue, id).await
    }

    async fn operate(&self, queue: &QueueName, id: &TaskId, operation: Operation) -> Result<Action> {
        self.inner.operate(queue, id, operation).await
    }

    async fn operate_all(
        &self,
        queue: &QueueName,
        selection: &Selection,
        operation: Operation,
        limit: usize,
    ) -> Result<usize> {
        self.inner.operate_all(queue, selection, operation, limit).await
    }

    async fn update_payload(&self, queue: &QueueName, id: &TaskId, payload: Bytes) -> Result<Action> {
        self.inner.update_payload(queue, id, payload).await
    }

    async fn remove_queue(&self, queue: &QueueName) -> Result<Removal> {
        self.inner.remove_queue(queue).await
    }

    async fn pause(&self, queue: &QueueName) -> Result<()> {
        self.inner.pause(queue).await
    }

    async fn resume(&self, queue: &QueueName) -> Result<()> {
        self.inner.resume(queue).await
    }
}

#[async_trait]
impl Publisher for Spy {
    async fn publish(&self, batch: &[Enqueue]) -> Result<Vec<Result<Published, Refusal>>> {
        self.see(|seen| seen.published.push(batch.len()));
        refuse(batch.iter().map(|item| &item.message), "no entry")?;
        if has(batch.iter().map(|item| &item.message), "cut") {
            return Err(Error::unavailable("publish tasks", "the connection was closed"));
        }
        self.inner.publish(batch).await
    }

    async fn forget(&self, tasks: &[(QueueName, TaskId)]) -> Result<()> {
        self.inner.forget(tasks).await
    }

    async fn look(&self, tasks: &[(QueueName, TaskId)]) -> Result<Vec<Option<aftercommit::TaskState>>> {
        Publisher::look(self.inner.as_ref(), tasks).await
    }
}

#[async_trait]
impl Groups for Spy {
    async fn groups(&self, queue: &QueueName) -> Result<Vec<aftercommit::GroupInfo>> {
        Groups::groups(self.inner.as_ref(), queue).await
    }

    async fn gather(
        &self,
        queues: &[QueueName],
        rules: &aftercommit::GroupRules,
        limit: usize,
    ) -> Result<aftercommit_core::Gathered> {
        self.see(|seen| seen.gathers += 1);
        self.inner.gather(queues, rules, limit).await
    }

    async fn aggregate(
        &self,
        batch: &aftercommit_core::BatchKey,
        task: &Enqueue,
    ) -> Result<Result<(), aftercommit_core::AggregateRefusal>> {
        self.inner.aggregate(batch, task).await
    }

    async fn release(&self, batch: &aftercommit_core::BatchKey) -> Result<()> {
        self.inner.release(batch).await
    }

    async fn reclaim(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        self.inner.reclaim(queues, limit).await
    }
}

impl Backend for Spy {
    fn presence(&self) -> Option<&dyn Presence> {
        self.inner.presence().filter(|_| self.abilities == Abilities::All)
    }

    fn groups(&self) -> Option<&dyn Groups> {
        (self.abilities == Abilities::All).then_some(self)
    }

    fn publisher(&self) -> Option<&dyn Publisher> {
        (self.abilities == Abilities::All).then_some(self)
    }
}
