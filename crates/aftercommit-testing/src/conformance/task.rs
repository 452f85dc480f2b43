//! Short ways to write a task down in a case.

use std::collections::BTreeMap;
use std::time::Duration;

use aftercommit_core::{
    Enqueue, GroupName, Leased, Message, Outcome, Placement, QueueName, RequeueCause, Settlement, TaskId,
    TaskType, Timestamp,
};

/// How long a lease lasts in the cases, and other lengths of time.
pub(super) const LEASE: Duration = Duration::from_secs(30);
pub(super) const SECOND: Duration = Duration::from_secs(1);
pub(super) const MILLI: Duration = Duration::from_millis(1);

pub(super) fn queue(name: &str) -> QueueName {
    QueueName::new(name).expect("the suite's queue names are valid")
}

pub(super) fn group(name: &str) -> GroupName {
    GroupName::new(name).expect("the suite's group names are valid")
}

pub(super) fn id(id: &str) -> TaskId {
    TaskId::new(id).expect("the suite's task ids are valid")
}

pub(super) fn task_type(name: &str) -> TaskType {
    TaskType::new(name).expect("the suite's task types are valid")
}

/// A plain task to run now.
pub(super) fn task(queue_name: &str, task_id: &str) -> Enqueue {
    let message = Message {
        id: id(task_id),
        queue: queue(queue_name),
        task_type: task_type("suite:plain"),
        payload: "{}".into(),
        group: None,
        headers: BTreeMap::new(),
        max_retry: 3,
        timeout: Some(Duration::from_secs(60)),
        deadline: None,
        retention: Duration::ZERO,
        retried: 0,
        recovered: 0,
        last_error: None,
        last_failed_at: None,
    };
    Enqueue { message, placement: Placement::Now, unique_for: None }
}

/// The variations of a task.
pub(super) trait TaskExt: Sized {
    fn at(self, due: Timestamp) -> Self;
    fn unique_for(self, duration: Duration) -> Self;
    fn with(self, change: impl FnOnce(&mut Message)) -> Self;
    fn of(self, group_name: &str) -> Self;
}

impl TaskExt for Enqueue {
    fn at(self, due: Timestamp) -> Self {
        Self { placement: Placement::At(due), ..self }
    }

    fn unique_for(self, duration: Duration) -> Self {
        Self { unique_for: Some(duration), ..self }
    }

    fn with(mut self, change: impl FnOnce(&mut Message)) -> Self {
        change(&mut self.message);
        self
    }

    fn of(self, group_name: &str) -> Self {
        self.with(|message| message.group = Some(group(group_name)))
    }
}

pub(super) fn settlement(leased: &Leased, outcome: Outcome) -> Settlement {
    Settlement { leased: std::sync::Arc::new(leased.clone()), outcome }
}

pub(super) const RETURNED: Outcome = Outcome::Requeue(RequeueCause::Returned);
pub(super) const RECOVERED: Outcome = Outcome::Requeue(RequeueCause::Recovered);

pub(super) fn retry(at: Timestamp) -> Outcome {
    Outcome::Retry { at, error: "it failed".into() }
}

pub(super) fn snooze(at: Timestamp) -> Outcome {
    Outcome::Snooze { at, error: "not now".into() }
}

pub(super) fn archive() -> Outcome {
    Outcome::Archive { error: "given up".into() }
}

pub(super) fn complete(retention: Duration) -> Outcome {
    Outcome::Complete { retention, result: Some("value".into()) }
}

/// One outcome of each kind.
pub(super) fn every_outcome(now: Timestamp) -> [Outcome; 7] {
    let later = now.plus(Duration::from_secs(60));
    [
        Outcome::Done,
        complete(Duration::from_secs(60)),
        retry(later),
        snooze(later),
        archive(),
        RETURNED,
        RECOVERED,
    ]
}

/// The ids, as text, in order.
pub(super) fn ids(leased: &[Leased]) -> Vec<String> {
    leased.iter().map(|leased| leased.lease.id.to_string()).collect()
}
