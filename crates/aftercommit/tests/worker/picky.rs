//! A store that refuses some tasks for good, and with them the whole batch.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{
    Action, Client, DayCount, Page, QueueInfo, QueueName, Router, TaskId, TaskInfo, TaskState,
};
use aftercommit::{Backend, Broker, Error, Inspect, Result, Timestamp, Upkeep};
use aftercommit_core::{
    Enqueue, Forwarded, Lease, LeaseGrant, LeaseLost, Leased, Message, Orphan, Quota, Refusal, Settlement,
    Wake, Wakes,
};
use aftercommit_testing::{MemoryBackend, TokioClock};
use async_trait::async_trait;

use crate::harness::{Bench, Note, note, start};

/// Does not store tasks of which the payload says "no entry", nor write the outcomes of those with "no exit".
#[derive(Debug)]
struct Picky(Arc<MemoryBackend>);

fn refuse<'a>(messages: impl IntoIterator<Item = &'a Message>, text: &str) -> Result<()> {
    let has = |message: &Message| String::from_utf8_lossy(&message.payload).contains(text);
    match messages.into_iter().any(has) {
        true => Err(Error::store("write a batch", "one of it cannot be written")),
        false => Ok(()),
    }
}

#[async_trait]
impl Broker for Picky {
    async fn enqueue(&self, batch: &[Enqueue]) -> Result<Vec<Result<(), Refusal>>> {
        // As if it took a while, so that calls come together.
        tokio::time::sleep(Duration::from_millis(1)).await;
        refuse(batch.iter().map(|item| &item.message), "no entry")?;
        self.0.enqueue(batch).await
    }

    async fn dequeue(&self, quotas: &[Quota], grant: &LeaseGrant) -> Result<Vec<Leased>> {
        self.0.dequeue(quotas, grant).await
    }

    async fn extend(&self, leases: &[Lease], time: Duration) -> Result<Vec<Result<Timestamp, LeaseLost>>> {
        self.0.extend(leases, time).await
    }

    async fn settle(&self, batch: &[Settlement]) -> Result<Vec<Result<(), LeaseLost>>> {
        refuse(batch.iter().map(|item| &item.leased.message), "no exit")?;
        self.0.settle(batch).await
    }

    fn wakes(&self, wake: Wake, queues: &[QueueName]) -> Wakes {
        self.0.wakes(wake, queues)
    }
}

#[async_trait]
impl Upkeep for Picky {
    async fn forward(&self, queues: &[QueueName], limit: usize) -> Result<Forwarded> {
        self.0.forward(queues, limit).await
    }

    async fn orphans(&self, queues: &[QueueName], limit: usize) -> Result<Vec<Orphan>> {
        self.0.orphans(queues, limit).await
    }

    async fn delete_expired(&self, queues: &[QueueName], limit: usize) -> Result<usize> {
        self.0.delete_expired(queues, limit).await
    }
}

#[async_trait]
impl Inspect for Picky {
    async fn queues(&self) -> Result<Vec<QueueName>> {
        self.0.queues().await
    }

    async fn queue(&self, queue: &QueueName) -> Result<Option<QueueInfo>> {
        self.0.queue(queue).await
    }

    async fn history(&self, queue: &QueueName, days: usize) -> Result<Vec<DayCount>> {
        self.0.history(queue, days).await
    }

    async fn list(&self, queue: &QueueName, state: TaskState, page: Page) -> Result<Vec<TaskInfo>> {
        self.0.list(queue, state, page).await
    }

    async fn get(&self, queue: &QueueName, id: &TaskId) -> Result<Option<TaskInfo>> {
        self.0.get(queue, id).await
    }

    async fn run(&self, queue: &QueueName, id: &TaskId) -> Result<Action> {
        self.0.run(queue, id).await
    }

    async fn delete(&self, queue: &QueueName, id: &TaskId) -> Result<Action> {
        self.0.delete(queue, id).await
    }

    async fn pause(&self, queue: &QueueName) -> Result<()> {
        self.0.pause(queue).await
    }

    async fn resume(&self, queue: &QueueName) -> Result<()> {
        self.0.resume(queue).await
    }
}

impl Backend for Picky {}

fn bench() -> (Bench, Arc<Picky>) {
    let clock = Arc::new(TokioClock::new());
    let memory = Arc::new(MemoryBackend::new(Arc::clone(&clock) as _));
    (Bench::over(Arc::clone(&memory) as _, clock), Arc::new(Picky(memory)))
}

#[tokio::test(start_paused = true)]
async fn a_task_that_the_store_cannot_take_does_not_fail_those_that_travel_with_it() {
    let (bench, picky) = bench();
    let client = Client::from_dyn(picky).with_clock(Arc::clone(&bench.clock) as _);
    let calls = (0..50).map(|i| {
        let client = client.clone();
        let text = if i % 10 == 3 { "no entry" } else { "fine" };
        tokio::spawn(async move { client.enqueue(&note(text)).await })
    });
    let mut stored = 0;
    for (i, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        let result = call.await.unwrap();
        assert_eq!(result.is_ok(), i % 10 != 3, "call {i}: {result:?}");
        stored += u64::from(result.is_ok());
    }
    let queue = bench.backend.queue(&QueueName::default()).await.unwrap().unwrap();
    assert_eq!(queue.counts.get(TaskState::Pending), stored);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_the_store_cannot_take_does_not_keep_the_others_from_being_written() {
    let (bench, picky) = bench();
    let mut fine = Vec::new();
    for i in 0..20 {
        let text = if i % 10 == 3 { "no exit" } else { "fine" };
        let task = bench.client.enqueue(&note(text)).await.unwrap();
        if text == "fine" {
            fine.push(task);
        }
    }
    let router = Router::new().route(async |_: Note| {});
    let worker = start(bench.worker_over(picky, router).concurrency(20));
    for task in &fine {
        bench.is_done_within(task, Duration::from_secs(1)).await;
    }
    worker.shut_down().await;
}
