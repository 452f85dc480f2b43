//! The faults of what not every back-end can do.

use std::time::Duration;

use aftercommit_core::{
    AggregateRefusal, Backend, BatchKey, Cancellations, Enqueue, EnqueueEvent, Error, Gathered, GroupInfo,
    GroupRules, Groups, Page, Presence, Published, Publisher, QueueName, Refusal, Result, ScheduleEntry,
    SchedulerId, Schedules, State, TaskId, WorkerId, WorkerInfo,
};
use async_trait::async_trait;

use super::{Call, Faulty};

impl<B: Backend + ?Sized> Backend for Faulty<B> {
    fn presence(&self) -> Option<&dyn Presence> {
        self.inner.presence().is_some().then_some(self)
    }

    fn groups(&self) -> Option<&dyn Groups> {
        self.inner.groups().is_some().then_some(self)
    }

    fn publisher(&self) -> Option<&dyn Publisher> {
        self.inner.publisher().is_some().then_some(self)
    }

    fn schedules(&self) -> Option<&dyn Schedules> {
        self.inner.schedules().is_some().then_some(self)
    }
}

/// The ability of the inner back-end: the decorator has none that the other lacks.
fn able<T: ?Sized>(ability: Option<&T>, call: Call) -> Result<&T> {
    ability.ok_or_else(|| Error::store(call.doing(), "the back-end cannot do this"))
}

#[async_trait]
impl<B: Backend + ?Sized> Presence for Faulty<B> {
    async fn beat(&self, worker: &WorkerInfo, ttl: Duration) -> Result<()> {
        let presence = able(self.inner.presence(), Call::Presence)?;
        self.call(Call::Presence, || presence.beat(worker, ttl)).await
    }

    async fn leave(&self, worker: &WorkerId) -> Result<()> {
        let presence = able(self.inner.presence(), Call::Presence)?;
        self.call(Call::Presence, || presence.leave(worker)).await
    }

    async fn workers(&self) -> Result<Vec<WorkerInfo>> {
        let presence = able(self.inner.presence(), Call::Presence)?;
        self.call(Call::Presence, || presence.workers()).await
    }

    async fn cancel(&self, queue: &QueueName, id: &TaskId) -> Result<()> {
        let presence = able(self.inner.presence(), Call::Presence)?;
        self.call(Call::Presence, || presence.cancel(queue, id)).await
    }

    fn cancellations(&self) -> Cancellations {
        match self.inner.presence() {
            Some(presence) => presence.cancellations(),
            None => Box::pin(futures_util::stream::pending()),
        }
    }
}

#[async_trait]
impl<B: Backend + ?Sized> Groups for Faulty<B> {
    async fn groups(&self, queue: &QueueName) -> Result<Vec<GroupInfo>> {
        let groups = able(self.inner.groups(), Call::Groups)?;
        self.call(Call::Groups, || groups.groups(queue)).await
    }

    async fn gather(&self, queues: &[QueueName], rules: &GroupRules, limit: usize) -> Result<Gathered> {
        let groups = able(self.inner.groups(), Call::Gather)?;
        self.call(Call::Gather, || groups.gather(queues, rules, limit)).await
    }

    async fn aggregate(&self, batch: &BatchKey, task: &Enqueue) -> Result<Result<(), AggregateRefusal>> {
        let groups = able(self.inner.groups(), Call::Aggregate)?;
        self.call(Call::Aggregate, || groups.aggregate(batch, task)).await
    }

    async fn release(&self, batch: &BatchKey) -> Result<()> {
        let groups = able(self.inner.groups(), Call::Release)?;
        self.call(Call::Release, || groups.release(batch)).await
    }

    async fn reclaim(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        let groups = able(self.inner.groups(), Call::Reclaim)?;
        self.call(Call::Reclaim, || groups.reclaim(queues, limit)).await
    }
}

#[async_trait]
impl<B: Backend + ?Sized> Publisher for Faulty<B> {
    async fn publish(&self, batch: &[Enqueue]) -> Result<Vec<Result<Published, Refusal>>> {
        let publisher = able(self.inner.publisher(), Call::Publish)?;
        self.call(Call::Publish, || publisher.publish(batch)).await
    }

    async fn forget(&self, tasks: &[(QueueName, TaskId)]) -> Result<()> {
        let publisher = able(self.inner.publisher(), Call::Forget)?;
        self.call(Call::Forget, || publisher.forget(tasks)).await
    }

    async fn look(&self, tasks: &[(QueueName, TaskId)]) -> Result<Vec<Option<State>>> {
        let publisher = able(self.inner.publisher(), Call::Look)?;
        self.call(Call::Look, || publisher.look(tasks)).await
    }
}

#[async_trait]
impl<B: Backend + ?Sized> Schedules for Faulty<B> {
    async fn announce(
        &self,
        scheduler: &SchedulerId,
        entries: &[ScheduleEntry],
        ttl: Duration,
    ) -> Result<()> {
        let schedules = able(self.inner.schedules(), Call::Schedules)?;
        self.call(Call::Schedules, || schedules.announce(scheduler, entries, ttl)).await
    }

    async fn withdraw(&self, scheduler: &SchedulerId) -> Result<()> {
        let schedules = able(self.inner.schedules(), Call::Schedules)?;
        self.call(Call::Schedules, || schedules.withdraw(scheduler)).await
    }

    async fn entries(&self) -> Result<Vec<ScheduleEntry>> {
        let schedules = able(self.inner.schedules(), Call::Schedules)?;
        self.call(Call::Schedules, || schedules.entries()).await
    }

    async fn record(&self, entry: &str, event: &EnqueueEvent) -> Result<()> {
        let schedules = able(self.inner.schedules(), Call::Schedules)?;
        self.call(Call::Schedules, || schedules.record(entry, event)).await
    }

    async fn events(&self, entry: &str, page: Page) -> Result<Vec<EnqueueEvent>> {
        let schedules = able(self.inner.schedules(), Call::Schedules)?;
        self.call(Call::Schedules, || schedules.events(entry, page)).await
    }
}
