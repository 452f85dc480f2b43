//! How background tasks are enqueued and run.

use super::delivery::TaskDelivery;
use super::duration;
use super::keys::Key;
use super::number::whole;
use super::reader::Reader;
use std::ops::RangeInclusive;
use std::time::Duration;

pub(super) const KEYS: &[Key] =
    &[QUEUE, MAX_RETRY, PROCESS_IN, QUEUES, CONCURRENCY, MISSING_USER, RETRY_DELAY, LEASE];
const QUEUE: Key = Key::new("TASK_QUEUE", "critical", "The queue for the verification e-mail.");
const MAX_RETRY: Key = Key::new(
    "TASK_MAX_RETRY",
    "10",
    "How often the verification e-mail is tried again before it is archived.",
);
const PROCESS_IN: Key = Key::without_value(
    "TASK_PROCESS_IN",
    "`0s`, or `10s` with a `TASK_DELIVERY` that is not `outbox`",
    "How long the verification e-mail waits before it is sent.",
);
const QUEUES: Key = Key::new(
    "TASK_QUEUES",
    "critical=10,default=5",
    "The queues this worker takes tasks from, with weights; a weight of 0 or less leaves a queue out.",
);
const CONCURRENCY: Key =
    Key::new("TASK_CONCURRENCY", "10", "How many tasks run at the same time in this process.");
const MISSING_USER: Key = Key::new(
    "TASK_MISSING_USER",
    "retry",
    "What becomes of a task whose user does not exist: `retry`, or `skip` to archive it at once.",
);
const RETRY_DELAY: Key = Key::new(
    "TASK_RETRY_DELAY",
    "asynq",
    "The time to the next try: `asynq` for its growing delays, or a fixed duration.",
);
const LEASE: Key = Key::new(
    "TASK_LEASE",
    "30s",
    "How long a task stays with a worker that gives no sign of life; others take it over sooner if they know it dead.",
);

const RETRIES: RangeInclusive<u32> = 0..=1000;
const SLOTS: RangeInclusive<usize> = 1..=1000;
const WEIGHTS: RangeInclusive<i32> = -1000..=1000;
const MAX_QUEUES: usize = 64;
/// The longest name of a queue, in bytes.
const MAX_QUEUE_NAME: usize = 100;
const MONTH: Duration = Duration::from_secs(30 * 24 * 3600);
const WAIT: RangeInclusive<Duration> = Duration::ZERO..=MONTH;
/// Never zero: a task that fails at once would keep the worker busy with nothing else.
const FIXED_DELAY: RangeInclusive<Duration> = Duration::from_millis(10)..=MONTH;
/// Shorter ones are lost to an ordinary pause.
const LEASES: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_secs(3600);

/// How background tasks are enqueued and run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tasks {
    /// The queue of the verification e-mail.
    pub queue: String,
    /// Retries after the first attempt.
    pub max_retry: u32,
    /// The delay from the enqueue to the first attempt; from the commit, if that is when the task is there.
    pub process_in: Duration,
    /// The queues to consume, with weights, in the order given. At least one weight is positive.
    pub queues: Vec<(String, i32)>,
    /// Tasks that run at the same time.
    pub concurrency: usize,
    /// What to do without a user.
    pub missing_user: MissingUser,
    /// The time to the next try.
    pub retry_delay: RetryDelay,
    /// How long a task stays with a worker that gives no sign of life.
    pub lease: Duration,
}

/// What becomes of a task whose user does not exist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MissingUser {
    /// It is tried again: the user may be about to appear.
    Retry,
    /// It is archived.
    Skip,
}

/// The time from a failure to the next try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RetryDelay {
    /// Asynq's formula: grows with the fourth power of the number of failures.
    Asynq,
    /// Always the same.
    Fixed(Duration),
}

impl Tasks {
    pub(super) fn read(reader: &mut Reader, delivery: Option<TaskDelivery>) -> Option<Self> {
        let queue = reader.read(&QUEUE, queue_name);
        let max_retry = reader.read(&MAX_RETRY, whole(RETRIES));
        let process_in = reader.read_optional(&PROCESS_IN, duration::within(WAIT));
        let queues = reader.read(&QUEUES, queue_list);
        let concurrency = reader.read(&CONCURRENCY, whole(SLOTS));
        let missing_user = reader.read(&MISSING_USER, |text| match text {
            "retry" => Ok(MissingUser::Retry),
            "skip" => Ok(MissingUser::Skip),
            _ => Err("retry or skip".to_owned()),
        });
        let retry_delay = reader.read(&RETRY_DELAY, |text| match text {
            "asynq" => Ok(RetryDelay::Asynq),
            _ => duration::within(FIXED_DELAY)(text)
                .map(RetryDelay::Fixed)
                .map_err(|duration| format!("asynq, or {duration}")),
        });
        let lease = reader.read(&LEASE, duration::within(LEASES));
        let tasks = Self {
            queue: queue?,
            max_retry: max_retry?,
            process_in: process_in?.unwrap_or(delivery?.usual_delay()),
            queues: queues?,
            concurrency: concurrency?,
            missing_user: missing_user?,
            retry_delay: retry_delay?,
            lease: lease?,
        };
        let taken = tasks.queues.iter().any(|(name, weight)| *name == tasks.queue && *weight > 0);
        if reader.role().works() && !taken {
            let queue = &tasks.queue;
            reader.notice(format!("TASK_QUEUE: this worker takes no tasks from {queue}, see TASK_QUEUES"));
        }
        Some(tasks)
    }
}

/// Letters, digits and a few marks: a queue's name becomes part of keys and of metrics.
fn queue_name(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b':');
    match !text.is_empty() && text.len() <= MAX_QUEUE_NAME && text.bytes().all(plain) {
        true => Ok(text.to_owned()),
        false => Err(format!("1 to {MAX_QUEUE_NAME} letters, digits, '_', '-', '.' or ':'")),
    }
}

fn queue_list(text: &str) -> Result<Vec<(String, i32)>, String> {
    let expected = || {
        format!("up to {MAX_QUEUES} different queues as name=weight,name=weight, at least one weight above 0")
    };
    let mut queues: Vec<(String, i32)> = Vec::new();
    for queue in text.split(',') {
        let (name, weight) = queue.trim().split_once('=').ok_or_else(expected)?;
        let name = queue_name(name).map_err(|_| expected())?;
        let weight = whole(WEIGHTS)(weight).map_err(|_| expected())?;
        if queues.len() == MAX_QUEUES || queues.iter().any(|(other, _)| *other == name) {
            return Err(expected());
        }
        queues.push((name, weight));
    }
    queues.iter().any(|(_, weight)| *weight > 0).then_some(queues).ok_or_else(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queues_are_read_in_order() {
        let queues = queue_list("critical=10, default=5,low=0,off=-1").unwrap();
        let queues: Vec<_> = queues.iter().map(|(name, weight)| (name.as_str(), *weight)).collect();
        assert_eq!(queues, [("critical", 10), ("default", 5), ("low", 0), ("off", -1)]);
        let many = (0..=MAX_QUEUES).map(|n| format!("q{n}=1")).collect::<Vec<_>>().join(",");
        for bad in
            ["", "critical", "critical=", "=1", "a=1,a=2", "a=0", "a=x", "a=1,", "a b=1", "a{}=1", &many]
        {
            assert!(queue_list(bad).is_err(), "{bad}");
        }
    }
}
