//! Writes a random history, step by step, small enough that ids, locks and leases get in each other's way.

use std::time::Duration;

use aftercommit_core::{Clock, Enqueue, Outcome, QueueName, TaskId, Timestamp};
use rand::RngExt;
use rand::rngs::StdRng;

use crate::ManualClock;
use crate::conformance::task::{RECOVERED, RETURNED, SECOND, TaskExt, id, queue, task};

/// One step. Leases are named by the order in which they were given; stale ones are as good as any.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Enqueue(Vec<Enqueue>),
    Dequeue(Vec<(QueueName, usize)>, Duration),
    Extend(Vec<usize>, Duration),
    Settle(Vec<(usize, Outcome)>),
    Forward(QueueName, usize),
    Recover(QueueName),
    DeleteExpired,
    Run(QueueName, TaskId),
    Delete(QueueName, TaskId),
    Pause(QueueName),
    Resume(QueueName),
    Pass(Duration),
}

const IDS: u32 = 12;
const PAYLOADS: u32 = 4;

/// Writes the history of one seed, in queues that no other seed uses.
pub(super) struct Writer {
    queues: [QueueName; 2],
    /// Makes every due time another one, because the order of equal ones is nobody's business. Time
    /// passes in whole seconds, and this is the milliseconds beside them.
    due_millis: u64,
}

impl Writer {
    pub(super) fn new(seed: u64) -> Self {
        Self { queues: [queue(&format!("model-{seed}-a")), queue(&format!("model-{seed}-b"))], due_millis: 0 }
    }

    pub(super) const fn queues(&self) -> &[QueueName; 2] {
        &self.queues
    }

    /// The next step, when so many leases have been given.
    pub(super) fn next(&mut self, rng: &mut StdRng, clock: &ManualClock, leases: usize) -> Step {
        let now = clock.now();
        match rng.random_range(0..100_u32) {
            0..30 => Step::Enqueue((0..rng.random_range(1..5)).map(|_| self.new_task(rng, now)).collect()),
            30..44 => self.dequeue(rng),
            44..64 if leases > 0 => {
                let some = 0..rng.random_range(1..4);
                Step::Settle(some.map(|_| (recent(rng, leases), self.outcome(rng, now))).collect())
            }
            64..68 if leases > 0 => {
                let some = (0..rng.random_range(1..4)).map(|_| recent(rng, leases));
                Step::Extend(some.collect(), tens(rng, 1..40))
            }
            68..75 => Step::Forward(self.queue(rng), rng.random_range(0..4)),
            75..79 => Step::Recover(self.queue(rng)),
            79..82 => Step::DeleteExpired,
            82..86 => Step::Run(self.queue(rng), some_id(rng)),
            86..90 => Step::Delete(self.queue(rng), some_id(rng)),
            90..92 => Step::Pause(self.queue(rng)),
            92..95 => Step::Resume(self.queue(rng)),
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

    fn new_task(&mut self, rng: &mut StdRng, now: Timestamp) -> Enqueue {
        let payload = format!("payload {}", rng.random_range(0..PAYLOADS));
        let name = self.queue(rng);
        let mut new =
            task(name.as_str(), some_id(rng).as_str()).with(|message| message.payload = payload.into());
        if rng.random_bool(0.3) {
            new = new.at(self.due(rng, now));
        }
        if rng.random_bool(0.3) {
            new = new.unique_for(tens(rng, 5..30));
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
}

/// A lease: mostly one of the last, which are likely to be current.
fn recent(rng: &mut StdRng, leases: usize) -> usize {
    let from = if rng.random_bool(0.8) { leases.saturating_sub(6) } else { 0 };
    rng.random_range(from..leases)
}

fn some_id(rng: &mut StdRng) -> TaskId {
    id(&format!("task-{}", rng.random_range(0..IDS)))
}

/// Some tens of seconds: far enough apart for a store that ends lives by a clock of its own.
fn tens(rng: &mut StdRng, range: std::ops::Range<u32>) -> Duration {
    SECOND * 10 * rng.random_range(range)
}
