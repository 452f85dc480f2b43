//! Every event and span of the library, said once. A message is readable alone; what one searches for
//! is in the fields. Payloads never appear.

use std::time::Duration;

use crate::frame::Reach;
use crate::text::chain;
use aftercommit_core::{
    Batch, Error, Failure, GroupName, Leased, Message, Orphan, Outcome, QueueName, TaskId, TaskType,
};
use tracing::{Span, debug, error, info, info_span, warn};

/// The span around one attempt of one task.
pub(crate) fn attempt_span(message: &Message) -> Span {
    info_span!("task", id = %message.id, r#type = %message.task_type, queue = %message.queue, retried = message.retried)
}

pub(crate) fn starting() {
    info!("Starting processing");
}

pub(crate) fn shutting_down(running: usize) {
    info!(running, "Starting graceful shutdown");
}

pub(crate) fn stopped() {
    info!("Worker stopped");
}

pub(crate) fn handlers_cut_off(count: usize) {
    warn!(
        count,
        "handlers did not end within the shutdown timeout and were stopped; their tasks go back to the queue"
    );
}

pub(crate) fn loops_cut_off() {
    error!("calls to the store did not end in time for the shutdown and were abandoned");
}

pub(crate) fn handlers_stuck(count: usize) {
    error!(
        count,
        "handlers block their thread and cannot be stopped; their tasks run again when the lease ends"
    );
}

/// Said by the worker itself only where no failure hook says it better.
pub(crate) fn task_failed(message: &Message, failure: &Failure) {
    warn!(error = failure.error, id = %message.id, r#type = %message.task_type, queue = %message.queue,
        retried = message.retried, max_retry = message.max_retry, "task failed");
}

pub(crate) fn put_off(message: &Message, failure: &Failure, delay: Duration) {
    info!(reason = failure.error, id = %message.id, r#type = %message.task_type, queue = %message.queue, ?delay,
        "task put off");
}

pub(crate) fn revoked(message: &Message, failure: &Failure) {
    info!(reason = failure.error, id = %message.id, r#type = %message.task_type, queue = %message.queue,
        "task revoked");
}

pub(crate) fn policy_panicked(message: &Message) {
    error!(id = %message.id, r#type = %message.task_type, "the retry policy panicked; the default one was used");
}

pub(crate) fn retry_exhausted(message: &Message) {
    warn!("Retry exhausted for task id={}", message.id);
}

pub(crate) fn unfit_store(error: &Error) {
    error!(error = chain(error), "this worker cannot work with its store");
}

pub(crate) fn no_handler(queue: &QueueName, task_type: &TaskType) {
    warn!(queue = %queue, r#type = %task_type, "tasks of this type are waiting, but this worker has no handler for it");
}

pub(crate) fn lease_lost(leased: &Leased, when: &'static str) {
    warn!(id = %leased.lease.id, queue = %leased.lease.queue, when,
        "lease lost: the task is somebody else's now and nothing was written for this attempt");
}

/// Said once for all of them: after an outage they may be many, and most were written down. Whoever recovered one that was
/// not has said so.
pub(crate) fn perhaps_settled(count: usize) {
    info!(
        count,
        "the outcomes of tasks were written down by a call whose answer was lost, or the tasks are somebody else's now"
    );
}

pub(crate) fn recovered(orphan: &Orphan, outcome: &Outcome) {
    let message = &orphan.leased.message;
    let next = match outcome {
        Outcome::Requeue(_) => "runs again at once",
        Outcome::Retry { .. } => "counts as failed and will be retried",
        _ => "counts as failed and was archived",
    };
    warn!(id = %message.id, queue = %message.queue, cause = orphan.cause.as_str(), recovered = message.recovered,
        "recovered a task from a lost worker: it {next}");
}

pub(crate) fn recovery_refused(orphan: &Orphan, error: &Error) {
    let lease = &orphan.leased.lease;
    error!(error = chain(error), id = %lease.id, queue = %lease.queue, cause = orphan.cause.as_str(),
        "the store refuses to take a task back from a lost worker; it is tried again");
}

pub(crate) fn batches_reclaimed(count: usize) {
    warn!(count, "put the tasks of lost aggregators back into their groups");
}

pub(crate) fn settle_abandoned(leased: &Leased) {
    error!(id = %leased.lease.id, queue = %leased.lease.queue,
        "could not write down a task's outcome before its lease ended; the task will run again");
}

pub(crate) fn settle_refused(leased: &Leased, error: &Error) {
    error!(error = chain(error), id = %leased.lease.id, queue = %leased.lease.queue,
        "the store refuses a task's outcome; the task will run again when its lease ends");
}

pub(crate) fn store_lost(reach: Reach, doing: &'static str, error: &Error) {
    warn!(error = chain(error), "{} lost {} while it {doing}; it keeps trying", reach.who, reach.what);
}

pub(crate) fn store_back(reach: Reach, after: Duration) {
    let after_ms = u64::try_from(after.as_millis()).unwrap_or(u64::MAX);
    info!(after_ms, "{} reached {} again", reach.who, reach.what);
}

pub(crate) fn store_refuses(reach: Reach, doing: &'static str, error: &Error) {
    error!(error = chain(error), "{} was refused by {} while it {doing}", reach.who, reach.what);
}

pub(crate) fn aggregated(batch: &Batch, made: &Message) {
    debug!(queue = %batch.key.queue, group = %batch.key.group, tasks = batch.tasks.len(), id = %made.id,
        r#type = %made.task_type, "aggregated a group");
}

pub(crate) fn aggregation_failed(batch: &Batch, failure: &Failure, failures: u32) {
    warn!(error = failure.error, queue = %batch.key.queue, group = %batch.key.group,
        tasks = batch.tasks.len(), failures, "could not aggregate a group; its tasks go back and are tried again");
}

pub(crate) fn aggregation_put_off(batch: &Batch, failure: &Failure, delay: Duration) {
    info!(reason = failure.error, queue = %batch.key.queue, group = %batch.key.group, ?delay,
        "aggregation of a group put off");
}

pub(crate) fn batch_lost(batch: &Batch) {
    warn!(queue = %batch.key.queue, group = %batch.key.group, tasks = batch.tasks.len(),
        "a batch is not ours any more: it was aggregated by a call whose answer was lost, or its time was over");
}

pub(crate) fn no_aggregator(queue: &QueueName, group: &GroupName) {
    warn!(queue = %queue, group = %group, "tasks wait in a group, but this worker has no aggregator");
}

pub(crate) fn relay_started() {
    info!("Starting relay");
}

pub(crate) fn relay_stopped() {
    info!("Relay stopped");
}

pub(crate) fn relay_cut_off() {
    error!(
        "calls of the relay did not end in time for its stop and were abandoned; what it held is published later"
    );
}

pub(crate) fn published(count: usize) {
    debug!(count, "published tasks");
}

pub(crate) fn republished(count: usize) {
    warn!(
        count,
        "tasks had been published before, by a relay that died or by a call whose answer was lost; they were not \
         stored again"
    );
}

pub(crate) fn not_published(message: &Message) {
    info!(id = %message.id, r#type = %message.task_type, queue = %message.queue,
        "task not published: another one holds its unique lock");
}

pub(crate) fn row_postponed(message: &Message, error: &Error, attempts: u32) {
    warn!(error = chain(error), id = %message.id, r#type = %message.task_type, queue = %message.queue, attempts,
        "the back-end refuses a task; the relay tries it again later");
}

pub(crate) fn row_buried(message: &Message, reason: &str) {
    warn!(reason, id = %message.id, r#type = %message.task_type, queue = %message.queue,
        "a task cannot be published and was set aside in the outbox");
}

/// One line for each task, so that a second run can be explained.
pub(crate) fn task_lost(queue: &QueueName, id: &TaskId) {
    info!(id = %id, queue = %queue, "published task is gone and is published again");
}

/// The same for one that may have ended.
pub(crate) fn task_lost_unseen(queue: &QueueName, id: &TaskId) {
    info!(id = %id, queue = %queue,
        "published task is gone and is published again; it may have ended unseen, and then runs twice");
}

pub(crate) fn tasks_lost(count: usize, may_have_ended: usize) {
    warn!(
        count,
        may_have_ended,
        "the back-end has lost published tasks; they are published again. Those that may have ended, while nobody looked \
         for longer than their ends can be seen, may run twice"
    );
}

pub(crate) fn task_vanishes(queue: &QueueName, id: &TaskId, times: u32) {
    warn!(id = %id, queue = %queue, times,
        "a published task vanishes again and again, and was set aside in the outbox");
}

pub(crate) fn tasks_overdue(count: usize, queue: &QueueName, id: &TaskId, since: Duration) {
    warn!(count, id = %id, queue = %queue, since_hours = since.as_secs() / 3_600,
        "published tasks have not ended for long; the oldest of them is named");
}

pub(crate) fn cancelled(message: &Message) {
    debug!(id = %message.id, queue = %message.queue, "task cancelled");
}
