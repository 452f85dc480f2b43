//! The answers of the two inspectors about the same things, field by field.

use std::collections::BTreeMap;

use aftercommit::{QueueInfo, QueueOrder, TaskInfo, TaskState, Timestamp, WorkerInfo, WorkerStatus};
use aftercommit_interop as go;

/// How far apart two moments of looking may be.
const LOOKS_APART_NS: i64 = 5_000_000_000;

/// Fails unless both say the same of a task. Where ours knows milliseconds, Go knows the second; a due time is rounded up.
pub(crate) fn task(ours: &TaskInfo, go: &go::TaskInfo) {
    let message = &ours.message;
    let id = message.id.as_str();
    assert_eq!((id, message.queue.as_str()), (&*go.id, &*go.queue));
    assert_eq!((message.task_type.as_str(), ours.state.as_str()), (&*go.task_type, &*go.state), "{id}");
    assert_eq!(&*message.payload, go.payload.as_deref().unwrap_or_default(), "{id}");
    if let Some(headers) = &go.headers {
        assert_eq!(message.headers, *headers, "{id}");
    }
    assert_eq!(
        (i64::from(message.max_retry), i64::from(message.retried)),
        (go.max_retry, go.retried),
        "{id}"
    );
    assert_eq!(message.last_error.as_deref().unwrap_or_default(), go.last_err, "{id}");
    assert_eq!(message.last_failed_at.map(floor_ns), go.last_failed_at, "{id}");
    let seconds = |length: std::time::Duration| i64::try_from(length.as_secs()).unwrap() * 1_000_000_000;
    assert_eq!(message.timeout.map_or(0, seconds), go.timeout_ns, "{id}");
    assert_eq!(message.deadline.map(ceil_ns), go.deadline, "{id}");
    assert_eq!(message.group.as_ref().map_or("", |group| group.as_str()), go.group, "{id}");
    assert_eq!(seconds(message.retention), go.retention_ns, "{id}");
    if ours.state == TaskState::Pending {
        assert!(go.next_process_at.is_some(), "{id}: asynq says now");
    } else {
        assert_eq!(ours.next_process_at.map(ceil_ns), go.next_process_at, "{id}");
    }
    if ours.state == TaskState::Completed {
        assert_eq!(ours.ended_at.map(floor_ns), go.completed_at, "{id}");
    }
    assert_eq!(ours.result.as_deref(), go.result.as_deref(), "{id}");
    assert!(!go.is_orphaned, "{id}");
}

/// The same of a queue.
pub(crate) fn queue(ours: &QueueInfo, go: &go::QueueInfo) {
    let count = |state| i64::try_from(ours.counts.get(state)).unwrap();
    let counts = TaskState::ALL.map(count);
    let theirs = [go.pending, go.active, go.scheduled, go.retry, go.archived, go.completed, go.aggregating];
    assert_eq!(counts, theirs);
    assert_eq!(i64::try_from(ours.counts.total()).unwrap(), go.size);
    let number = |number: u64| i64::try_from(number).unwrap();
    assert_eq!(number(ours.groups), go.groups);
    assert_eq!((number(ours.processed), number(ours.failed)), (go.processed_total, go.failed_total));
    assert_eq!(ours.paused_since.is_some(), go.paused);
    assert_eq!(ours.approximate_bytes.is_some_and(|bytes| bytes > 0), go.memory_usage > 0);
    let since = ours.oldest_pending_since.map(|since| since.as_millis() * 1_000_000);
    let theirs = go.timestamp.unwrap() - go.latency_ns;
    if let Some(since) = since {
        assert!((since - theirs).abs() < LOOKS_APART_NS, "waiting since {since}, {theirs}");
    } else {
        assert_eq!(go.latency_ns, 0);
    }
}

/// The same of a worker. Ours does not repeat the payloads of what it runs.
pub(crate) fn worker(ours: &WorkerInfo, go: &go::ServerInfo) {
    assert!(ours.id.as_str().ends_with(&go.id), "{} {}", ours.id, go.id);
    assert_eq!((&*ours.host, i64::from(ours.pid)), (&*go.host, go.pid));
    assert_eq!(i64::try_from(ours.concurrency).unwrap(), go.concurrency);
    let queues: BTreeMap<String, i64> =
        ours.queues.iter().map(|(queue, weight)| (queue.to_string(), i64::from(*weight))).collect();
    assert_eq!(Some(queues), go.queues);
    assert_eq!(ours.order == QueueOrder::Strict, go.strict_priority);
    assert_eq!(ours.status == WorkerStatus::Active, go.status == "active");
    assert_eq!(ours.started_at.as_millis(), go.started.unwrap() / 1_000_000);
    assert_eq!(ours.running.len(), go.active_workers.len());
    for running in &ours.running {
        let theirs = go.active_workers.iter().find(|worker| worker.task_id == running.id.as_str()).unwrap();
        assert_eq!(
            (running.task_type.as_str(), running.queue.as_str()),
            (&*theirs.task_type, &*theirs.queue)
        );
        assert_eq!(running.started_at.as_millis(), theirs.started.unwrap() / 1_000_000);
        assert_eq!(running.deadline.as_millis(), theirs.deadline.unwrap() / 1_000_000);
    }
}

fn floor_ns(at: Timestamp) -> i64 {
    at.as_millis().div_euclid(1_000) * 1_000_000_000
}

fn ceil_ns(at: Timestamp) -> i64 {
    -(-at.as_millis()).div_euclid(1_000) * 1_000_000_000
}
