//! The options of a task, and how those of the call, the type, the client and the library combine.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use crate::broker::{Enqueue, Placement};
use crate::{Error, GroupName, Message, NewTask, QueueName, Result, TaskId, Timestamp};

/// What a caller may say about a task. Everything is optional; what is not said is taken from the
/// task type, then from the client, then from the library. The last call of a setter wins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Options {
    queue: Option<String>,
    id: Option<String>,
    max_retry: Option<u32>,
    timeout: Option<Duration>,
    deadline: Option<SystemTime>,
    start: Option<Start>,
    unique_for: Option<Duration>,
    retention: Option<Duration>,
    group: Option<String>,
    headers: BTreeMap<String, String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    In(Duration),
    At(SystemTime),
}

impl Options {
    /// How often a task is retried unless told otherwise.
    pub const DEFAULT_MAX_RETRY: u32 = 25;
    /// How long an attempt may take if neither a timeout nor a deadline is given.
    pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30 * 60);
    /// The shortest life of a unique lock.
    pub const MIN_UNIQUE_FOR: Duration = Duration::from_secs(1);
    /// The most headers a task may carry.
    pub const MAX_HEADERS: usize = 64;

    /// No option set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The queue to go to; `default` unless set.
    #[must_use]
    pub fn queue(mut self, name: impl Into<String>) -> Self {
        self.queue = Some(name.into());
        self
    }

    /// The task's id; a new UUID v7 unless set. An id that is taken is refused with
    /// [`Error::IdConflict`], which makes an enqueue safe to repeat.
    #[must_use]
    pub fn id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Whether an id was chosen. One that the library makes is new to every store.
    pub const fn has_id(&self) -> bool {
        self.id.is_some()
    }

    /// How many times a failed task runs again: `max_retry(10)` makes at most 11 attempts.
    #[must_use]
    pub const fn max_retry(mut self, max_retry: u32) -> Self {
        self.max_retry = Some(max_retry);
        self
    }

    /// How long one attempt may take; then it is stopped and counts as a failure.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// The moment at which an attempt is stopped, whenever it began; the earlier of timeout and deadline holds.
    #[must_use]
    pub const fn deadline(mut self, deadline: SystemTime) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Start no earlier than this long after the enqueue.
    #[must_use]
    pub const fn process_in(mut self, delay: Duration) -> Self {
        self.start = Some(Start::In(delay));
        self
    }

    /// Start no earlier than this moment.
    #[must_use]
    pub const fn process_at(mut self, at: SystemTime) -> Self {
        self.start = Some(Start::At(at));
        self
    }

    /// Refuse another task of the same queue, type and payload until this one has finished, or for
    /// this long after its due time; at least one second.
    #[must_use]
    pub const fn unique_for(mut self, duration: Duration) -> Self {
        self.unique_for = Some(duration);
        self
    }

    /// Keep the finished task, with its result, this long; zero (the default) deletes it at once.
    #[must_use]
    pub const fn retention(mut self, retention: Duration) -> Self {
        self.retention = Some(retention);
        self
    }

    /// Let the task wait in this group of its queue, to be aggregated with the others. A task with a start time
    /// joins the group at that time.
    #[must_use]
    pub fn group(mut self, name: impl Into<String>) -> Self {
        self.group = Some(name.into());
        self
    }

    /// A header that travels with the task, as for a trace context.
    #[must_use]
    pub fn header(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.insert(key.into(), value.into());
        self
    }

    /// Fills what is not set here from `lower`.
    #[must_use]
    pub fn or(self, lower: Self) -> Self {
        let mut headers = lower.headers;
        headers.extend(self.headers);
        Self {
            queue: self.queue.or(lower.queue),
            id: self.id.or(lower.id),
            max_retry: self.max_retry.or(lower.max_retry),
            timeout: self.timeout.or(lower.timeout),
            deadline: self.deadline.or(lower.deadline),
            start: self.start.or(lower.start),
            unique_for: self.unique_for.or(lower.unique_for),
            retention: self.retention.or(lower.retention),
            group: self.group.or(lower.group),
            headers,
        }
    }
}

impl NewTask {
    /// Checks the options, fills them from `defaults` and the library, and fixes the task's id and placement.
    ///
    /// # Errors
    /// [`Error::Invalid`] naming the option that cannot be used.
    pub fn resolve(self, defaults: &Options, now: Timestamp) -> Result<Enqueue> {
        let Self { task, options } = self;
        let options = options.or(defaults.clone());
        check(&options)?;
        let placement = placement(options.start, now);
        let unique_for = options.unique_for.map(|ttl| match placement {
            Placement::Now => ttl,
            Placement::At(due) => ttl.saturating_add(due.since(now)),
        });
        let timeout = match (options.timeout, options.deadline) {
            (None, None) => Some(Options::DEFAULT_TIMEOUT),
            (timeout, _) => timeout,
        };
        let message = Message {
            id: options.id.map_or_else(|| Ok(TaskId::random()), TaskId::new)?,
            queue: options.queue.map_or_else(|| Ok(QueueName::default()), QueueName::new)?,
            task_type: task.task_type,
            payload: task.payload,
            group: options.group.map(GroupName::new).transpose()?,
            headers: options.headers,
            max_retry: options.max_retry.unwrap_or(Options::DEFAULT_MAX_RETRY),
            timeout,
            deadline: options.deadline.map(Timestamp::at_or_before),
            retention: options.retention.unwrap_or_default(),
            retried: 0,
            recovered: 0,
            last_error: None,
            last_failed_at: None,
        };
        Ok(Enqueue { message, placement, unique_for })
    }
}

fn check(options: &Options) -> Result<()> {
    if options.timeout == Some(Duration::ZERO) {
        return Err(Error::invalid("timeout", "it is zero; leave it out for the default of 30 minutes"));
    }
    if options.unique_for.is_some_and(|ttl| ttl < Options::MIN_UNIQUE_FOR) {
        return Err(Error::invalid("unique lock", "it must hold for at least one second"));
    }
    if options.headers.len() > Options::MAX_HEADERS {
        return Err(Error::invalid("headers", format!("there are more than {}", Options::MAX_HEADERS)));
    }
    Ok(())
}

fn placement(start: Option<Start>, now: Timestamp) -> Placement {
    let due = match start {
        None => return Placement::Now,
        Some(Start::In(delay)) => now.plus(delay),
        Some(Start::At(at)) => Timestamp::at_or_after(at),
    };
    if due > now { Placement::At(due) } else { Placement::Now }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{RawTask, State, TaskType};

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn task(options: Options) -> NewTask {
        let task = RawTask { task_type: TaskType::new("email:send").unwrap(), payload: "{}".into() };
        NewTask { task, options }
    }

    fn invalid(options: Options) -> String {
        task(options).resolve(&Options::new(), NOW).unwrap_err().to_string()
    }

    #[test]
    fn without_options_a_task_has_the_documented_defaults() {
        let enqueue = task(Options::new()).resolve(&Options::new(), NOW).unwrap();
        assert_eq!(enqueue.placement, Placement::Now);
        assert_eq!(enqueue.unique_for, None);
        let message = enqueue.message;
        assert_eq!((message.max_retry, message.queue.as_str()), (25, "default"));
        assert_eq!((message.timeout, message.deadline), (Some(Duration::from_secs(1800)), None));
        assert_eq!(message.retention, Duration::ZERO);
    }

    #[test]
    fn the_call_wins_over_the_type_and_the_type_over_the_client() {
        let of_type = task(Options::new().queue("type").max_retry(3).header("a", "type").header("b", "type"));
        let call = Options::new().queue("call").header("a", "call");
        let client = Options::new().queue("client").max_retry(9).retention(Duration::from_secs(60));
        let message = of_type.with(call).resolve(&client, NOW).unwrap().message;
        assert_eq!((message.queue.as_str(), message.max_retry), ("call", 3));
        assert_eq!(message.retention, Duration::from_secs(60));
        assert_eq!((message.headers["a"].as_str(), message.headers["b"].as_str()), ("call", "type"));
    }

    #[test]
    fn a_start_in_the_past_or_now_is_no_schedule() {
        for start in [
            Options::new().process_in(Duration::ZERO),
            Options::new().process_at(NOW.to_system_time()),
            Options::new().process_at(SystemTime::UNIX_EPOCH),
        ] {
            assert_eq!(task(start).resolve(&Options::new(), NOW).unwrap().placement, Placement::Now);
        }
        let later = task(Options::new().process_in(Duration::from_millis(1))).resolve(&Options::new(), NOW);
        assert_eq!(later.unwrap().placement, Placement::At(Timestamp::from_millis(1_000_001)));
    }

    #[test]
    fn a_unique_lock_of_a_scheduled_task_outlives_its_due_time() {
        let options = Options::new().process_in(Duration::from_secs(10)).unique_for(Duration::from_secs(5));
        let enqueue = task(options).resolve(&Options::new(), NOW).unwrap();
        assert_eq!(enqueue.unique_for, Some(Duration::from_secs(15)));
    }

    #[test]
    fn a_task_of_a_group_waits_there_unless_it_has_a_start_time() {
        let of_group = |options: Options| task(options.group("g")).resolve(&Options::new(), NOW).unwrap();
        assert_eq!(of_group(Options::new()).state(), State::Aggregating);
        let later = of_group(Options::new().process_in(Duration::from_secs(1)));
        assert_eq!((later.state(), later.message.group.unwrap().as_str()), (State::Scheduled, "g"));
    }

    #[test]
    fn a_deadline_alone_means_no_timeout() {
        let options = Options::new().deadline(NOW.to_system_time());
        let message = task(options).resolve(&Options::new(), NOW).unwrap().message;
        assert_eq!((message.timeout, message.deadline), (None, Some(NOW)));
    }

    #[test]
    fn unusable_options_are_named() {
        assert!(invalid(Options::new().queue("  ")).contains("queue name"));
        assert!(invalid(Options::new().id("")).contains("task id"));
        assert!(invalid(Options::new().group(" ")).contains("group name"));
        assert!(invalid(Options::new().id("x".repeat(256))).contains("255 bytes"));
        assert!(invalid(Options::new().timeout(Duration::ZERO)).contains("timeout"));
        assert!(invalid(Options::new().unique_for(Duration::from_millis(999))).contains("unique lock"));
        let many = (0..65).fold(Options::new(), |options, i| options.header(i.to_string(), ""));
        assert!(invalid(many).contains("headers"));
    }
}
