//! Writes a random history, step by step, small enough that ids, locks and leases get in each other's way.

use std::time::Duration;

use aftercommit_core::{
    Backend, Clock, Enqueue, GroupName, GroupRules, Operation, Outcome, QueueName, Selection, State, TaskId,
    Timestamp,
};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::conformance::task::{RECOVERED, RETURNED, SECOND, TaskExt, group, id, queue, task};
use crate::{Ability, ManualClock};

/// One step. Leases and batches are named by the order in which they were given; stale ones are as good as any.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Enqueue(Vec<Enqueue>),
    Publish(Vec<Enqueue>),
    Forget(QueueName, TaskId),
    Dequeue(Vec<(QueueName, usize)>, Duration),
    Extend(Vec<usize>, Duration),
    Settle(Vec<(usize, Outcome)>),
    Forward(QueueName, usize),
    Recover(QueueName),
    DeleteExpired,
    TrimArchive(Duration),
    Gather(QueueName, GroupRules),
    Aggregate(usize, Enqueue),
    Release(usize),
    Reclaim,
    Operate(QueueName, TaskId, Operation),
    OperateAll(QueueName, Selection, Operation, usize),
    UpdatePayload(QueueName, TaskId, String),
    RemoveQueue(QueueName),
    Pause(QueueName),
    Resume(QueueName),
    Pass(Duration),
}

const IDS: u32 = 12;
const PAYLOADS: u32 = 4;
const GROUPS: u32 = 3;

/// Writes the history of one seed, in queues that no other seed uses.
pub(super) struct Writer {
    queues: [QueueName; 2],
    /// What the back-end in question can do.
    groups: bool,
    publisher: bool,
    /// Makes every due time another one, because the order of equal ones is nobody's business. Time
    /// passes in whole seconds, and this is the milliseconds beside them.
    due_millis: u64,
}

impl Writer {
    pub(super) fn new(seed: u64, backend: &dyn Backend) -> Self {
        Self {
            queues: [queue(&format!("model-{seed}-a")), queue(&format!("model-{seed}-b"))],
            groups: Ability::Groups.is_of(backend),
            publisher: Ability::Publisher.is_of(backend),
            due_millis: 0,
        }
    }

    pub(super) const fn queues(&self) -> &[QueueName; 2] {
        &self.queues
    }

    /// The next step, when so many leases and so many batches have been given.
    pub(super) fn next(&mut self, rng: &mut StdRng, clock: &ManualClock, given: (usize, usize)) -> Step {
        let now = clock.now();
        let (leases, batches) = given;
        match rng.random_range(0..124_u32) {
            0..26 => Step::Enqueue(self.new_tasks(rng, now)),
            26..30 if self.publisher => Step::Publish(self.new_tasks(rng, now)),
            30..32 if self.publisher => Step::Forget(self.queue(rng), some_id(rng)),
            32..46 => self.dequeue(rng),
            46..66 if leases > 0 => {
                let some = 0..rng.random_range(1..4);
                Step::Settle(some.map(|_| (recent(rng, leases), self.outcome(rng, now))).collect())
            }
            66..70 if leases > 0 => {
                let some = (0..rng.random_range(1..4)).map(|_| recent(rng, leases));
                Step::Extend(some.collect(), tens(rng, 1..40))
            }
            70..77 => Step::Forward(self.queue(rng), rng.random_range(0..4)),
            77..81 => Step::Recover(self.queue(rng)),
            81..83 => Step::DeleteExpired,
            83..85 => Step::TrimArchive(tens(rng, 1..20)),
            85..91 if self.groups => Step::Gather(self.queue(rng), rules(rng)),
            91..95 if batches > 0 => {
                let batch = recent(rng, batches);
                Step::Aggregate(batch, self.new_task(rng, now))
            }
            95..97 if batches > 0 => Step::Release(recent(rng, batches)),
            97..99 if self.groups => Step::Reclaim,
            99..107 => Step::Operate(self.queue(rng), some_id(rng), operation(rng)),
            107..110 => self.operate_all(rng),
            110..112 => Step::UpdatePayload(self.queue(rng), some_id(rng), some_payload(rng)),
            112..113 => Step::RemoveQueue(self.queue(rng)),
            113..115 => Step::Pause(self.queue(rng)),
            115..118 => Step::Resume(self.queue(rng)),
            _ => Step::Pass(tens(rng, 1..15)),
        }
    }

    fn queue(&self, rng: &mut StdRng) -> QueueName {
        self.queues[rng.random_range(0..self.queues.len())].clone()
    }

    fn due(&mut self, rng: &mut StdRng, now: Timestamp) -> Timestamp {
        self.due_millis += 1;
        now.plus(tens(rng, 0..20) + Duration::from_millis(self.due_millis))
    }

    fn new_tasks(&mut self, rng: &mut StdRng, now: Timestamp) -> Vec<Enqueue> {
        (0..rng.random_range(1..5)).map(|_| self.new_task(rng, now)).collect()
    }

    fn new_task(&mut self, rng: &mut StdRng, now: Timestamp) -> Enqueue {
        let payload = some_payload(rng);
        let name = self.queue(rng);
        let mut new =
            task(name.as_str(), some_id(rng).as_str()).with(|message| message.payload = payload.into());
        if rng.random_bool(0.3) {
            new = new.at(self.due(rng, now));
        }
        if rng.random_bool(0.3) {
            new = new.unique_for(tens(rng, 5..30));
        }
        if self.groups && rng.random_bool(0.3) {
            new = new.of(some_group(rng).as_str());
        }
        new
    }

    fn dequeue(&self, rng: &mut StdRng) -> Step {
        let mut quotas: Vec<_> =
            self.queues.iter().map(|name| (name.clone(), rng.random_range(0..3))).collect();
        if rng.random_bool(0.5) {
            quotas.reverse();
        }
        Step::Dequeue(quotas, tens(rng, 5..40))
    }

    fn outcome(&mut self, rng: &mut StdRng, now: Timestamp) -> Outcome {
        let error = format!("error {}", rng.random_range(0..100_u32));
        match rng.random_range(0..8_u32) {
            0 | 1 => Outcome::Done,
            2 => Outcome::Complete { retention: tens(rng, 1..20), result: Some("value".into()) },
            3 => Outcome::Retry { at: self.due(rng, now), error },
            4 => Outcome::Snooze { at: self.due(rng, now), error },
            5 => Outcome::Archive { error },
            6 => RETURNED,
            _ => RECOVERED,
        }
    }

    /// What stands in one second may stand in any order: so all of it is taken, and what came to its place without a
    /// due time is not run in turn.
    fn operate_all(&self, rng: &mut StdRng) -> Step {
        let any = State::ALL[rng.random_range(0..State::ALL.len())];
        // Only there a limit leaves something behind.
        let state = if rng.random_bool(0.4) { State::Pending } else { any };
        let selection = match state {
            State::Aggregating if rng.random_bool(0.7) => Selection::Group(some_group(rng)),
            state => Selection::State(state),
        };
        let (operation, limit) = match state {
            State::Archived | State::Completed => (Operation::Delete, 1_000),
            State::Aggregating if rng.random_bool(0.5) => (Operation::Archive, 1_000),
            State::Aggregating => (Operation::Delete, 1_000),
            State::Scheduled | State::Retry => (operation(rng), 1_000),
            State::Pending | State::Active => (operation(rng), rng.random_range(0..4)),
        };
        Step::OperateAll(self.queue(rng), selection, operation, limit)
    }
}

/// A lease or a batch: mostly one of the last, which are likely to be current.
fn recent(rng: &mut StdRng, given: usize) -> usize {
    let from = if rng.random_bool(0.8) { given.saturating_sub(6) } else { 0 };
    rng.random_range(from..given)
}

fn rules(rng: &mut StdRng) -> GroupRules {
    GroupRules {
        grace_period: tens(rng, 0..6),
        max_delay: rng.random_bool(0.5).then(|| tens(rng, 1..12)),
        // What was added within one second may stand in any order, and so may fall into any batch.
        max_size: None,
        hold: tens(rng, 1..12),
    }
}

fn operation(rng: &mut StdRng) -> Operation {
    [Operation::Run, Operation::Archive, Operation::Delete][rng.random_range(0..3)]
}

fn some_id(rng: &mut StdRng) -> TaskId {
    id(&format!("task-{}", rng.random_range(0..IDS)))
}

fn some_payload(rng: &mut StdRng) -> String {
    format!("payload {}", rng.random_range(0..PAYLOADS))
}

fn some_group(rng: &mut StdRng) -> GroupName {
    group(&format!("group-{}", rng.random_range(0..GROUPS)))
}

/// Some tens of seconds: far enough apart for a store that ends lives by a clock of its own.
fn tens(rng: &mut StdRng, range: std::ops::Range<u32>) -> Duration {
    SECOND * 10 * rng.random_range(range)
}
