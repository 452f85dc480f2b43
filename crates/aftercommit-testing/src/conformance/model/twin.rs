//! Plays each step on both back-ends and compares what they answer and what they show.

use std::fmt::Debug;
use std::time::Duration;

use aftercommit_core::{
    ArchiveLimits, Backend, BatchKey, Clock, Error, GroupRules, Groups, Lease, LeaseGrant, Leased, QueueName,
    Quota, State, WorkerId,
};

use super::history::Step;
use super::look;
use crate::conformance::Fixture;
use crate::conformance::stage::{FOR_EVER, worker_info};
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
    /// Every batch that was given, as each of the two named it.
    batches: Vec<[BatchKey; 2]>,
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
            batches: Vec::new(),
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

    /// How many leases and how many batches have been given so far.
    pub(super) const fn given(&self) -> (usize, usize) {
        (self.held.len(), self.batches.len())
    }

    /// Plays a step and compares.
    pub(super) async fn play(&mut self, step: Step) {
        self.played.push(step.clone());
        match step {
            Step::Dequeue(quotas, duration) => self.dequeue(&quotas, duration).await,
            Step::Gather(name, rules) => self.gather(&name, &rules).await,
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
            Step::Enqueue(batch) => text(backend.enqueue(batch).await),
            Step::Extend(leases, duration) => {
                let leases: Vec<Lease> = leases.iter().map(|index| held(index).lease.clone()).collect();
                text(backend.extend(&leases, *duration).await)
            }
            Step::Settle(batch) => {
                let batch: Vec<_> = batch.iter().map(|(i, o)| settlement(held(i), o.clone())).collect();
                text(backend.settle(&batch).await)
            }
            Step::Forward(name, limit) => text(backend.forward(std::slice::from_ref(name), *limit).await),
            Step::DeleteExpired => text(backend.delete_expired(&self.queues, 1_000).await),
            Step::TrimArchive(max_age) => {
                // By age alone: of tasks that were archived in the same moment any may go first.
                let limits = ArchiveLimits { max_tasks: usize::MAX, max_age: *max_age };
                text(backend.trim_archive(&self.queues, &limits, 1_000).await)
            }
            Step::Operate(name, id, operation) => text(backend.operate(name, id, *operation).await),
            Step::OperateAll(name, selection, operation, limit) => {
                text(backend.operate_all(name, selection, *operation, *limit).await)
            }
            Step::UpdatePayload(name, id, payload) => {
                text(backend.update_payload(name, id, payload.clone().into()).await)
            }
            Step::RemoveQueue(name) => text(backend.remove_queue(name).await),
            Step::Pause(name) => text(backend.pause(name).await),
            Step::Resume(name) => text(backend.resume(name).await),
            step => self.answer_of_abilities(which, step).await,
        }
    }

    /// The same for steps that only back-ends with the ability are asked for.
    async fn answer_of_abilities(&self, which: usize, step: &Step) -> String {
        let publisher = || self.both[which].publisher().expect("both store what a relay brings");
        let key = |index: &usize| &self.batches[*index][which];
        match step {
            Step::Publish(batch) => text(publisher().publish(batch).await),
            Step::Forget(name, id) => text(publisher().forget(&[(name.clone(), id.clone())]).await),
            Step::Aggregate(batch, task) => {
                // A task for another queue is an error, in whatever words.
                let answer = self.groups(which).aggregate(key(batch), task).await;
                format!("{:?}", answer.map_err(|error| matches!(error, Error::Invalid { what: "queue", .. })))
            }
            Step::Release(batch) => text(self.groups(which).release(key(batch)).await),
            Step::Reclaim => text(self.groups(which).reclaim(&self.queues, 1_000).await),
            step => unreachable!("{step:?} is played by `play`"),
        }
    }

    fn groups(&self, which: usize) -> &dyn Groups {
        self.both[which].groups().expect("both collect groups")
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
        let [ours, models] = [look::leased(&taken[0]), look::leased(&taken[1])];
        self.same("tasks given", ours, models);
        let models = taken.pop().unwrap_or_default();
        let ours = taken.pop().unwrap_or_default();
        self.held.extend(ours.into_iter().zip(models).map(|(ours, models)| [ours, models]));
    }

    async fn gather(&mut self, name: &QueueName, rules: &GroupRules) {
        let (mut taken, mut next) = (Vec::new(), Vec::new());
        for which in [0, 1] {
            let gathered = self.groups(which).gather(std::slice::from_ref(name), rules, 1_000).await;
            let mut gathered = gathered.expect("gather");
            // Stable: the order among the batches of a group is compared, that of the groups is not.
            gathered.batches.sort_by(|a, b| a.key.group.cmp(&b.key.group));
            taken.push(gathered.batches);
            next.push(gathered.next_at);
        }
        let [ours, models] = [look::batches(&taken[0]), look::batches(&taken[1])];
        self.same("batches", ours, models);
        self.same("the next ripe moment", next[0], next[1]);
        let keys =
            taken[0].iter().zip(&taken[1]).map(|(ours, models)| [ours.key.clone(), models.key.clone()]);
        self.batches.extend(keys);
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
            found.push(format!("{:?} {causes:?} {answers:?}", look::leased(&leased)));
        }
        let models = found.pop();
        self.same("orphans", found.pop(), models);
    }

    async fn compare_queues(&self) {
        let [us, model] = self.both;
        for name in &self.queues {
            let [ours, models] = [look::queue(us, name).await, look::queue(model, name).await];
            self.same("queue", &ours, &models);
            let Some(info) = models else { continue };
            for state in State::ALL {
                if info.counts.get(state) > 0 {
                    let [ours, models] =
                        [look::list(us, name, state).await, look::list(model, name, state).await];
                    self.same(state.as_str(), ours, models);
                }
            }
            if info.groups > 0 {
                self.same("groups", look::groups(us, name).await, look::groups(model, name).await);
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

/// What a call that does not fail has answered.
fn text<T: Debug>(answer: aftercommit_core::Result<T>) -> String {
    format!("{:?}", answer.expect("a step that does not fail"))
}
