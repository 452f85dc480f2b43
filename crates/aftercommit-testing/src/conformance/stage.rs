//! The stage a case plays on: one back-end, its clock, and short ways to act and to look.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Backend, Clock, Enqueue, Groups, Lease, LeaseGrant, LeaseLost, Leased, Outcome, Page, Presence,
    Publisher, QueueInfo, QueueOrder, Quota, Refusal, Schedules, Settlement, State, TaskInfo, Timestamp,
    WorkerId, WorkerInfo, WorkerStatus,
};

use super::fixture::Fixture;
use super::task::TaskExt;
use super::task::{LEASE, SECOND, archive, complete, id, queue, retry, settlement, task};

/// The states a task can be in without groups.
pub(super) const STATES: [State; 6] =
    [State::Pending, State::Active, State::Scheduled, State::Retry, State::Archived, State::Completed];

/// How long the suite's own worker is believed alive: longer than any case turns the clock.
pub(super) const FOR_EVER: Duration = Duration::from_secs(10 * 365 * 86_400);

/// A back-end on which one case is played. A call that fails ends the case.
#[derive(Debug)]
pub struct Stage {
    pub(super) fixture: Fixture,
    worker: WorkerId,
}

impl Stage {
    pub(super) fn new(fixture: Fixture) -> Self {
        Self { fixture, worker: WorkerId::from_stored("suite:1:worker") }
    }

    pub(super) fn backend(&self) -> &dyn Backend {
        &*self.fixture.backend
    }

    /// The back-end for those who act at the same time.
    pub(super) fn shared(&self) -> Arc<dyn Backend> {
        Arc::clone(&self.fixture.backend)
    }

    pub(super) fn now(&self) -> Timestamp {
        self.fixture.clock.now()
    }

    pub(super) fn after(&self, delay: Duration) -> Timestamp {
        self.now().plus(delay)
    }

    /// Lets time pass, for the suite and for the store. Nothing else turns the clock.
    pub(super) async fn pass(&self, duration: Duration) {
        self.fixture.pass(duration).await;
    }

    /// How shortly before the end of a life that the store may keep by its own clock (unique locks, presence,
    /// markers, the records of schedulers) a case may look.
    pub(super) fn margin(&self) -> Duration {
        self.fixture.margin()
    }

    pub(super) fn presence(&self) -> &dyn Presence {
        self.backend().presence().expect("the back-end knows workers")
    }

    pub(super) fn groups(&self) -> &dyn Groups {
        self.backend().groups().expect("the back-end collects groups")
    }

    pub(super) fn publisher(&self) -> &dyn Publisher {
        self.backend().publisher().expect("the back-end stores what a relay brings")
    }

    pub(super) fn schedules(&self) -> &dyn Schedules {
        self.backend().schedules().expect("the back-end shows schedulers")
    }

    // --- acting

    pub(super) async fn enqueue_all(&self, batch: &[Enqueue]) -> Vec<Result<(), Refusal>> {
        let answers = self.backend().enqueue(batch).await.expect("enqueue");
        assert_eq!(answers.len(), batch.len(), "enqueue answers for each item");
        answers
    }

    pub(super) async fn enqueue(&self, task: Enqueue) -> Result<(), Refusal> {
        self.enqueue_all(&[task]).await[0]
    }

    /// Enqueues plain tasks, to run now, in one batch.
    pub(super) async fn put<T: AsRef<str>>(&self, queue_name: &str, task_ids: impl IntoIterator<Item = T>) {
        let batch: Vec<_> = task_ids.into_iter().map(|id| task(queue_name, id.as_ref())).collect();
        for (item, answer) in batch.iter().zip(self.enqueue_all(&batch).await) {
            assert_eq!(answer, Ok(()), "task {} is stored", item.message.id);
        }
    }

    /// Takes from several queues as the suite's own worker, which is alive.
    pub(super) async fn take_from(&self, quotas: &[(&str, usize)]) -> Vec<Leased> {
        if let Some(presence) = self.backend().presence() {
            presence.beat(&worker_info(&self.worker, self.now()), FOR_EVER).await.expect("beat");
        }
        self.take_as(&self.worker, quotas, LEASE).await
    }

    pub(super) async fn take(&self, queue_name: &str, count: usize) -> Vec<Leased> {
        self.take_from(&[(queue_name, count)]).await
    }

    /// Takes the next task of a queue that has one.
    pub(super) async fn take_one(&self, queue_name: &str) -> Leased {
        let mut leased = self.take(queue_name, 1).await;
        assert_eq!(leased.len(), 1, "queue {queue_name} gives a task");
        leased.remove(0)
    }

    pub(super) async fn take_as(
        &self,
        worker: &WorkerId,
        quotas: &[(&str, usize)],
        duration: Duration,
    ) -> Vec<Leased> {
        let quotas: Vec<_> =
            quotas.iter().map(|(name, count)| Quota { queue: queue(name), count: *count }).collect();
        let grant = LeaseGrant { worker: worker.clone(), duration };
        self.backend().dequeue(&quotas, &grant).await.expect("dequeue")
    }

    pub(super) async fn extend(&self, leases: &[Lease], by: Duration) -> Vec<Result<Timestamp, LeaseLost>> {
        let answers = self.backend().extend(leases, by).await.expect("extend");
        assert_eq!(answers.len(), leases.len(), "extend answers for each item");
        answers
    }

    pub(super) async fn settle_all(&self, batch: &[Settlement]) -> Vec<Result<(), LeaseLost>> {
        let answers = self.backend().settle(batch).await.expect("settle");
        assert_eq!(answers.len(), batch.len(), "settle answers for each item");
        answers
    }

    pub(super) async fn settle(&self, leased: &Leased, outcome: Outcome) -> Result<(), LeaseLost> {
        self.settle_all(&[settlement(leased, outcome)]).await[0]
    }

    /// Enqueues a plain task and brings it into a state in the ordinary way.
    pub(super) async fn bring(&self, queue_name: &str, task_id: &str, state: State) {
        self.bring_task(task(queue_name, task_id), state).await;
    }

    /// Enqueues a task that is to run now and brings it into a state; its queue must have nothing pending.
    pub(super) async fn bring_task(&self, task: Enqueue, state: State) {
        let name = task.message.queue.to_string();
        let later = self.after(SECOND * 60);
        if state == State::Scheduled {
            assert_eq!(self.enqueue(task.at(later)).await, Ok(()));
            return;
        }
        assert_eq!(self.enqueue(task).await, Ok(()));
        if state == State::Pending {
            return;
        }
        let leased = self.take_one(&name).await;
        let outcome = match state {
            State::Retry => retry(later),
            State::Archived => archive(),
            State::Completed => complete(SECOND * 60),
            _ => return,
        };
        assert_eq!(self.settle(&leased, outcome).await, Ok(()));
    }

    pub(super) async fn forward(&self, queue_name: &str) -> usize {
        self.backend().forward(&[queue(queue_name)], 1_000).await.expect("forward").moved
    }

    // --- looking

    pub(super) async fn find(&self, queue_name: &str, task_id: &str) -> Option<TaskInfo> {
        self.backend().get(&queue(queue_name), &id(task_id)).await.expect("get")
    }

    pub(super) async fn info(&self, queue_name: &str, task_id: &str) -> TaskInfo {
        self.find(queue_name, task_id).await.unwrap_or_else(|| panic!("task {task_id} exists"))
    }

    pub(super) async fn state(&self, queue_name: &str, task_id: &str) -> Option<State> {
        self.find(queue_name, task_id).await.map(|info| info.state)
    }

    pub(super) async fn list(&self, queue_name: &str, state: State) -> Vec<TaskInfo> {
        self.backend().list(&queue(queue_name), &state.into(), Page::first(1_000)).await.expect("list")
    }

    /// The ids of the tasks in a state, in the order of the list.
    pub(super) async fn listed(&self, queue_name: &str, state: State) -> Vec<String> {
        self.list(queue_name, state).await.iter().map(|info| info.message.id.to_string()).collect()
    }

    pub(super) async fn queue_info(&self, queue_name: &str) -> QueueInfo {
        let info = self.backend().queue(&queue(queue_name)).await.expect("queue");
        info.unwrap_or_else(|| panic!("queue {queue_name} exists"))
    }

    /// How many tasks are in each of [`STATES`].
    pub(super) async fn counts(&self, queue_name: &str) -> [u64; 6] {
        let counts = self.queue_info(queue_name).await.counts;
        STATES.map(|state| counts.get(state))
    }

    /// Attempts that ended, and how many of them failed.
    pub(super) async fn processed_and_failed(&self, queue_name: &str) -> (u64, u64) {
        let info = self.queue_info(queue_name).await;
        (info.processed, info.failed)
    }
}

/// What a worker of the suite says about itself.
pub(super) fn worker_info(worker: &WorkerId, started_at: Timestamp) -> WorkerInfo {
    WorkerInfo {
        id: worker.clone(),
        host: "suite".into(),
        pid: 1,
        started_at,
        concurrency: 10,
        queues: vec![(queue("default"), 1)],
        order: QueueOrder::Weighted,
        status: WorkerStatus::Active,
        running: Vec::new(),
    }
}
