//! Plays each step on both back-ends and compares what they answer and what they show.

use std::fmt::Debug;
use std::time::Duration;

use aftercommit_core::{
    Backend, Clock, InspectExt, Lease, LeaseGrant, LeaseToken, Leased, Message, Page, QueueInfo, QueueName,
    Quota, State, TaskInfo, Timestamp, WorkerId,
};

use super::history::Step;
use crate::conformance::Fixture;
use crate::conformance::stage::{FOR_EVER, STATES, worker_info};
use crate::conformance::task::{RECOVERED, settlement};

/// The two back-ends, and what has happened on them.
pub(super) struct Twin<'a> {
    /// The back-end in question, then the model.
    both: [&'a dyn Backend; 2],
    fixture: &'a Fixture,
    seed: u64,
    queues: [QueueName; 2],
    worker: WorkerId,
    /// Every lease that was given, as each of the two gave it.
    held: Vec<[Leased; 2]>,
    played: Vec<Step>,
}

impl<'a> Twin<'a> {
    pub(super) fn new(
        fixture: &'a Fixture,
        model: &'a dyn Backend,
        seed: u64,
        queues: [QueueName; 2],
    ) -> Self {
        Self {
            both: [&*fixture.backend, model],
            fixture,
            seed,
            queues,
            worker: WorkerId::from_stored("suite:1:worker"),
            held: Vec::new(),
            played: Vec::new(),
        }
    }

    /// Makes the worker known to both, or its tasks would be those of a dead one.
    pub(super) async fn introduce_workers(&self) {
        for backend in self.both {
            if let Some(presence) = backend.presence() {
                let info = worker_info(&self.worker, self.fixture.clock.now());
                presence.beat(&info, FOR_EVER).await.expect("beat");
            }
        }
    }

    /// How many leases have been given so far.
    pub(super) const fn leases(&self) -> usize {
        self.held.len()
    }

    /// Plays a step and compares.
    pub(super) async fn play(&mut self, step: Step) {
        self.played.push(step.clone());
        match step {
            Step::Dequeue(quotas, duration) => self.dequeue(&quotas, duration).await,
            Step::Recover(name) => self.recover(name).await,
            Step::Pass(duration) => self.fixture.pass(duration).await,
            step => {
                let [ours, models] = [self.answer(0, &step).await, self.answer(1, &step).await];
                self.same("answers", ours, models);
            }
        }
        self.compare_queues().await;
    }

    /// Plays a step that needs no bookkeeping on one of the two; its answer as text.
    async fn answer(&self, which: usize, step: &Step) -> String {
        let backend = self.both[which];
        let held = |index: &usize| &self.held[*index][which];
        match step {
            Step::Enqueue(batch) => format!("{:?}", backend.enqueue(batch).await.expect("enqueue")),
            Step::Extend(leases, duration) => {
                let leases: Vec<Lease> = leases.iter().map(|index| held(index).lease.clone()).collect();
                format!("{:?}", backend.extend(&leases, *duration).await.expect("extend"))
            }
            Step::Settle(batch) => {
                let batch: Vec<_> = batch.iter().map(|(i, o)| settlement(held(i), o.clone())).collect();
                format!("{:?}", backend.settle(&batch).await.expect("settle"))
            }
            Step::Forward(name, limit) => {
                let names = std::slice::from_ref(name);
                format!("{:?}", backend.forward(names, *limit).await.expect("forward"))
            }
            Step::DeleteExpired => {
                format!("{:?}", backend.delete_expired(&self.queues, 100).await.expect("delete expired"))
            }
            Step::Run(name, id) => format!("{:?}", backend.run(name, id).await.expect("run")),
            Step::Delete(name, id) => format!("{:?}", backend.delete(name, id).await.expect("delete")),
            Step::Pause(name) => format!("{:?}", backend.pause(name).await.expect("pause")),
            Step::Resume(name) => format!("{:?}", backend.resume(name).await.expect("resume")),
            Step::Dequeue(..) | Step::Recover(_) | Step::Pass(_) => unreachable!("played by `play`"),
        }
    }

    async fn dequeue(&mut self, quotas: &[(QueueName, usize)], duration: Duration) {
        let quotas: Vec<_> =
            quotas.iter().map(|(queue, count)| Quota { queue: queue.clone(), count: *count }).collect();
        let grant = LeaseGrant { worker: self.worker.clone(), duration };
        let mut taken = Vec::new();
        for backend in self.both {
            let mut leased = backend.dequeue(&quotas, &grant).await.expect("dequeue");
            // Stable: the order among the tasks of a queue is compared, that of the queues is not.
            leased.sort_by(|a, b| a.lease.queue.cmp(&b.lease.queue));
            taken.push(leased);
        }
        let [ours, models] = [seen(&taken[0]), seen(&taken[1])];
        self.same("tasks given", ours, models);
        let models = taken.pop().unwrap_or_default();
        let ours = taken.pop().unwrap_or_default();
        self.held.extend(ours.into_iter().zip(models).map(|(ours, models)| [ours, models]));
    }

    /// Looks for orphans and puts them back, in the order of their ids.
    async fn recover(&self, name: QueueName) {
        let mut found = Vec::new();
        for backend in self.both {
            let mut orphans = backend.orphans(std::slice::from_ref(&name), 100).await.expect("orphans");
            orphans.sort_by(|a, b| a.leased.lease.id.as_str().cmp(b.leased.lease.id.as_str()));
            let batch: Vec<_> = orphans.iter().map(|orphan| settlement(&orphan.leased, RECOVERED)).collect();
            let answers = backend.settle(&batch).await.expect("settle");
            let causes: Vec<_> = orphans.iter().map(|orphan| orphan.cause).collect();
            let leased: Vec<_> = orphans.into_iter().map(|orphan| orphan.leased).collect();
            found.push(format!("{:?} {causes:?} {answers:?}", seen(&leased)));
        }
        let models = found.pop();
        self.same("orphans", found.pop(), models);
    }

    async fn compare_queues(&self) {
        for name in &self.queues {
            let [ours, models] = [info(self.both[0], name).await, info(self.both[1], name).await];
            self.same("queue", &ours, &models);
            let Some(info) = models else { continue };
            for state in STATES {
                if info.counts.get(state) > 0 {
                    let [ours, models] =
                        [list(self.both[0], name, state).await, list(self.both[1], name, state).await];
                    self.same(state.as_str(), ours, models);
                }
            }
        }
    }

    /// Compares the counts by day, which the steps only add to.
    pub(super) async fn compare_histories(&self) {
        for name in &self.queues {
            let ours = self.both[0].history(name, 3).await.expect("history");
            let models = self.both[1].history(name, 3).await.expect("history");
            self.same("history", ours, models);
        }
    }

    #[track_caller]
    fn same<T: PartialEq + Debug>(&self, what: &str, ours: T, models: T) {
        assert!(
            ours == models,
            "{what} differ after step {} of seed {}\n  back-end: {ours:#?}\n  model: {models:#?}\n  steps:\n{}",
            self.played.len(),
            self.seed,
            self.played.iter().map(|step| format!("    {step:?}\n")).collect::<String>(),
        );
    }
}

/// What must be the same about leased tasks: everything but the token.
fn seen(leased: &[Leased]) -> Vec<(Message, Timestamp)> {
    leased.iter().map(|leased| (leased.message.clone(), leased.lease.expires_at)).collect()
}

/// A queue, without what each store measures in its own way.
async fn info(backend: &dyn Backend, name: &QueueName) -> Option<QueueInfo> {
    let info = backend.queue(name).await.expect("queue");
    info.map(|info| QueueInfo { approximate_bytes: None, ..info })
}

/// The tasks in a state, without their tokens, and in the order of their ids where tasks of the same second
/// may stand in any order.
async fn list(backend: &dyn Backend, name: &QueueName, state: State) -> Vec<TaskInfo> {
    let mut tasks = backend.list(name, &state.into(), Page::first(1_000)).await.expect("list");
    for task in &mut tasks {
        if let Some(lease) = &mut task.lease {
            lease.token = LeaseToken::new(0);
        }
    }
    if state != State::Pending {
        tasks.sort_by(|a, b| {
            let order = |task: &TaskInfo| (task.next_process_at, task.message.id.to_string());
            order(a).cmp(&order(b))
        });
    }
    tasks
}
