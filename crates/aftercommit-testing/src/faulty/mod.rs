//! A back-end whose connection is bad: it wraps any other and injects faults into the calls.

mod abilities;
mod faults;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aftercommit_core::{
    Action, ArchiveLimits, Backend, Broker, DayCount, Enqueue, Error, Forwarded, Inspect, Lease, LeaseGrant,
    LeaseLost, Leased, Operation, Orphan, Page, QueueInfo, QueueName, Quota, Refusal, Removal, Result,
    Selection, Settlement, TaskId, TaskInfo, Timestamp, Upkeep, Wake, Wakes,
};
use async_trait::async_trait;
use bytes::Bytes;

pub use faults::{Call, Fault, Faults, Odds};

/// Wraps a back-end and makes its calls fail as [`Faults`] say. Streams pass unharmed. Injected errors
/// are transient, as those of a lost connection are.
///
/// ```
/// use std::sync::Arc;
/// use aftercommit_core::Inspect;
/// use aftercommit_testing::{Call, Fault, Faults, Faulty, ManualClock, MemoryBackend};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let memory = Arc::new(MemoryBackend::new(Arc::new(ManualClock::new())));
/// let backend = Faulty::new(memory, Faults::none().then(Call::Inspect, Fault::Refuse));
/// assert!(backend.queues().await.unwrap_err().is_transient());
/// assert!(backend.queues().await.is_ok());
/// # }
/// ```
pub struct Faulty<B: ?Sized> {
    inner: Arc<B>,
    faults: Mutex<Faults>,
    injected: Mutex<BTreeMap<Call, usize>>,
}

impl<B: Backend + ?Sized> Faulty<B> {
    /// Puts faults between the caller and `inner`.
    pub fn new(inner: Arc<B>, faults: Faults) -> Self {
        Self { inner, faults: Mutex::new(faults), injected: Mutex::default() }
    }

    /// Writes down the fault of the next call of this kind that has none written down yet.
    pub fn inject(&self, call: Call, fault: Fault) {
        whole(&self.faults).write(call, Some(fault));
    }

    /// From now on nothing goes wrong any more.
    pub fn heal(&self) {
        *whole(&self.faults) = Faults::none();
    }

    /// How many calls of this kind have gone wrong.
    pub fn injected(&self, call: Call) -> usize {
        whole(&self.injected).get(&call).copied().unwrap_or(0)
    }

    /// Makes a call with the fault that is due.
    async fn call<T, F>(&self, call: Call, act: impl Fn() -> F) -> Result<T>
    where
        F: Future<Output = Result<T>>,
    {
        let fault = whole(&self.faults).next(call);
        if fault.is_some() {
            *whole(&self.injected).entry(call).or_default() += 1;
        }
        match fault {
            None => act().await,
            Some(Fault::Refuse) => Err(Error::unavailable(call.doing(), "injected before the call")),
            Some(Fault::LoseAnswer) => {
                act().await?;
                Err(Error::unavailable(call.doing(), "injected after the call took effect"))
            }
            Some(Fault::Delay(delay)) => {
                tokio::time::sleep(delay).await;
                act().await
            }
            Some(Fault::Twice) => {
                let heard = act().await;
                act().await?;
                heard
            }
        }
    }
}

/// What these locks guard is whole whatever happened to the thread that held them.
fn whole<T>(guarded: &Mutex<T>) -> MutexGuard<'_, T> {
    guarded.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<B: ?Sized> fmt::Debug for Faulty<B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Faulty").field("faults", &self.faults).finish_non_exhaustive()
    }
}

#[async_trait]
impl<B: Backend + ?Sized> Broker for Faulty<B> {
    async fn enqueue(&self, batch: &[Enqueue]) -> Result<Vec<Result<(), Refusal>>> {
        self.call(Call::Enqueue, || self.inner.enqueue(batch)).await
    }

    async fn dequeue(&self, quotas: &[Quota], grant: &LeaseGrant) -> Result<Vec<Leased>> {
        self.call(Call::Dequeue, || self.inner.dequeue(quotas, grant)).await
    }

    async fn extend(
        &self,
        leases: &[Lease],
        duration: Duration,
    ) -> Result<Vec<Result<Timestamp, LeaseLost>>> {
        self.call(Call::Extend, || self.inner.extend(leases, duration)).await
    }

    async fn settle(&self, batch: &[Settlement]) -> Result<Vec<Result<(), LeaseLost>>> {
        self.call(Call::Settle, || self.inner.settle(batch)).await
    }

    fn wakes(&self, wake: Wake, queues: &[QueueName]) -> Wakes {
        self.inner.wakes(wake, queues)
    }
}

#[async_trait]
impl<B: Backend + ?Sized> Upkeep for Faulty<B> {
    async fn check(&self) -> Result<()> {
        self.call(Call::Inspect, || self.inner.check()).await
    }

    async fn forward(&self, queues: &[QueueName], limit: usize) -> Result<Forwarded> {
        self.call(Call::Forward, || self.inner.forward(queues, limit)).await
    }

    async fn orphans(&self, queues: &[QueueName], limit: usize) -> Result<Vec<Orphan>> {
        self.call(Call::Orphans, || self.inner.orphans(queues, limit)).await
    }

    async fn delete_expired(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        self.call(Call::DeleteExpired, || self.inner.delete_expired(queues, limit)).await
    }

    async fn trim_archive(
        &self,
        queues: &[QueueName],
        limits: &ArchiveLimits,
        limit: usize,
    ) -> Result<usize> {
        self.call(Call::TrimArchive, || self.inner.trim_archive(queues, limits, limit)).await
    }
}

#[async_trait]
impl<B: Backend + ?Sized> Inspect for Faulty<B> {
    async fn queues(&self) -> Result<Vec<QueueName>> {
        self.call(Call::Inspect, || self.inner.queues()).await
    }

    async fn queue(&self, queue: &QueueName) -> Result<Option<QueueInfo>> {
        self.call(Call::Inspect, || self.inner.queue(queue)).await
    }

    async fn history(&self, queue: &QueueName, days: usize) -> Result<Vec<DayCount>> {
        self.call(Call::Inspect, || self.inner.history(queue, days)).await
    }

    async fn list(&self, queue: &QueueName, selection: &Selection, page: Page) -> Result<Vec<TaskInfo>> {
        self.call(Call::Inspect, || self.inner.list(queue, selection, page)).await
    }

    async fn get(&self, queue: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>> {
        self.call(Call::Inspect, || self.inner.get(queue, id)).await
    }

    async fn operate(&self, queue: &QueueName, id: &TaskId, operation: Operation) -> Result<Action> {
        self.call(Call::Inspect, || self.inner.operate(queue, id, operation)).await
    }

    async fn operate_all(
        &self,
        queue: &QueueName,
        selection: &Selection,
        operation: Operation,
        limit: usize,
    ) -> Result<usize> {
        self.call(Call::Inspect, || self.inner.operate_all(queue, selection, operation, limit)).await
    }

    async fn update_payload(&self, queue: &QueueName, id: &TaskId, payload: Bytes) -> Result<Action> {
        self.call(Call::Inspect, || self.inner.update_payload(queue, id, payload.clone())).await
    }

    async fn remove_queue(&self, queue: &QueueName) -> Result<Removal> {
        self.call(Call::Inspect, || self.inner.remove_queue(queue)).await
    }

    async fn pause(&self, queue: &QueueName) -> Result<()> {
        self.call(Call::Inspect, || self.inner.pause(queue)).await
    }

    async fn resume(&self, queue: &QueueName) -> Result<()> {
        self.call(Call::Inspect, || self.inner.resume(queue)).await
    }
}
