//! What an attempt comes to. [`decide`] is the only code that knows the retry rules; the worker's
//! runner and its recoverer both use it, and back-ends only write down what it says.

use std::time::Duration;

use bytes::Bytes;

use crate::{Message, RetryPolicy, Timestamp};

/// How an attempt ended, before anything is decided about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The handler returned; with a value to keep, if it had one.
    Succeeded(Option<Bytes>),
    /// The handler failed, or was stopped.
    Failed(Failure),
    /// The worker is going away and gives the task back untouched.
    Interrupted,
}

/// Why an attempt failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure.
    pub kind: FailureKind,
    /// The error with its chain of causes, for people; at most [`Failure::MAX_ERROR_BYTES`] long.
    pub error: String,
}

impl Failure {
    /// Longer error texts are cut: an error message must not fill the store.
    pub const MAX_ERROR_BYTES: usize = 4096;

    /// A failure with its text, cut to size.
    pub fn new(kind: FailureKind, error: impl Into<String>) -> Self {
        let mut error = error.into();
        if error.len() > Self::MAX_ERROR_BYTES {
            let cut =
                (0..=Self::MAX_ERROR_BYTES - 3).rev().find(|at| error.is_char_boundary(*at)).unwrap_or(0);
            error.truncate(cut);
            error.push('…');
        }
        Self { kind, error }
    }
}

/// The kinds of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FailureKind {
    /// The handler returned an error.
    Error,
    /// The handler panicked.
    Panic,
    /// The timeout or the deadline passed.
    TimedOut,
    /// Somebody cancelled the attempt.
    Cancelled,
    /// The worker died, or lost its lease.
    Lost,
    /// The handler said that another attempt cannot help.
    SkipRetry,
    /// The handler said that the task is no longer wanted.
    Revoke,
    /// The handler asked to be called again after a while; this is not a failure.
    RetryAfter(Duration),
}

/// What is to be written down about a task; the input of [`Broker::settle`](crate::Broker::settle).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// Finished: delete it. Counts as processed and frees the unique lock.
    Done,
    /// Finished: keep it as completed for a while. Counts as processed and frees the unique lock.
    Complete {
        /// How long to keep it.
        retention: Duration,
        /// What the handler returned.
        result: Option<Bytes>,
    },
    /// Failed, try again: `retried` grows by one. Counts as processed and as failed.
    Retry {
        /// When.
        at: Timestamp,
        /// Why it failed.
        error: String,
    },
    /// Not now, try again later: the task waits among those in retry. Burns no attempt and counts as
    /// nothing, but the text and the moment are kept as its last error, so that operators see why it waits.
    Snooze {
        /// When.
        at: Timestamp,
        /// What the handler said.
        error: String,
    },
    /// Given up: keep it for an operator. Counts as processed and as failed.
    Archive {
        /// Why.
        error: String,
    },
    /// Back to the front of its queue at once; burns no attempt and counts as nothing.
    Requeue(RequeueCause),
}

impl Outcome {
    /// What a success comes to: the task is kept for its retention, if it has one.
    pub fn of_success(message: &Message, result: Option<Bytes>) -> Self {
        if message.retention.is_zero() {
            return Self::Done;
        }
        Self::Complete { retention: message.retention, result }
    }

    /// True if somebody else than the attempt's worker puts the task back.
    pub const fn is_recovery(&self) -> bool {
        matches!(self, Self::Requeue(RequeueCause::Recovered))
    }
}

/// Why a task goes back to its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequeueCause {
    /// The worker shuts down, or never started the task.
    Returned,
    /// The worker died; `recovered` grows by one.
    Recovered,
}

/// Why a task in the state active is nobody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum OrphanCause {
    /// Its lease ran out.
    LeaseExpired,
    /// The worker that held it is gone. A store says so only if it is sure: its process is known to be dead, or
    /// it has been missing in two looks in a row, at the end of one TTL of presence in which the store could be
    /// reached without a break. After an outage, or a restart of the store, everybody looks dead for a while;
    /// until then the lease decides.
    WorkerDead,
    /// It has no lease at all.
    NoLease,
}

impl OrphanCause {
    /// The text that is stored as the error when the task is not simply run again.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LeaseExpired => "task lease expired",
            Self::WorkerDead => "worker died while running the task",
            Self::NoLease => "task was active without a lease",
        }
    }
}

/// Decides what becomes of a task after an attempt. Pure: `now` and `entropy` (any random number, for
/// the jitter of the retry delay) are arguments.
pub fn decide(
    message: &Message,
    verdict: &Verdict,
    policy: &dyn RetryPolicy,
    now: Timestamp,
    entropy: u64,
) -> Outcome {
    let failure = match verdict {
        Verdict::Interrupted => return Outcome::Requeue(RequeueCause::Returned),
        Verdict::Succeeded(result) => return Outcome::of_success(message, result.clone()),
        Verdict::Failed(failure) => failure,
    };
    let error = failure.error.clone();
    match failure.kind {
        FailureKind::Revoke => Outcome::Done,
        FailureKind::SkipRetry => Outcome::Archive { error },
        FailureKind::RetryAfter(delay) => Outcome::Snooze { at: now.plus(delay), error },
        _ if !policy.is_failure(message, failure) => {
            Outcome::Snooze { at: now.plus(policy.delay(message, failure, entropy)), error }
        }
        _ if message.retried >= message.max_retry => Outcome::Archive { error },
        _ => Outcome::Retry { at: now.plus(policy.delay(message, failure, entropy)), error },
    }
}

/// Decides what becomes of a task whose worker is gone. It goes back to its queue at once and burns no
/// attempt, `max_recoveries` times; after that a lost worker is an ordinary failure, so that a payload
/// which kills its worker ends in the archive.
pub fn decide_orphan(
    message: &Message,
    cause: OrphanCause,
    max_recoveries: u32,
    policy: &dyn RetryPolicy,
    now: Timestamp,
    entropy: u64,
) -> Outcome {
    if message.recovered < max_recoveries {
        return Outcome::Requeue(RequeueCause::Recovered);
    }
    let failure = Failure::new(FailureKind::Lost, cause.as_str());
    decide(message, &Verdict::Failed(failure), policy, now, entropy)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Fixed, NewTask, Options, RawTask, TaskType};

    const NOW: Timestamp = Timestamp::from_millis(50_000);
    const POLICY: Fixed = Fixed(Duration::from_secs(7));
    const LATER: Timestamp = Timestamp::from_millis(57_000);

    fn message(max_retry: u32, retried: u32) -> Message {
        let task = RawTask { task_type: TaskType::new("t").unwrap(), payload: Bytes::new() };
        let task = NewTask { task, options: Options::new().max_retry(max_retry) };
        Message { retried, ..task.resolve(&Options::new(), NOW).unwrap().message }
    }

    fn failed(kind: FailureKind, message: &Message) -> Outcome {
        decide(message, &Verdict::Failed(Failure::new(kind, "why")), &POLICY, NOW, 0)
    }

    #[test]
    fn a_success_is_kept_only_for_its_retention() {
        let mut message = message(3, 0);
        let verdict = Verdict::Succeeded(Some("value".into()));
        assert_eq!(decide(&message, &verdict, &POLICY, NOW, 0), Outcome::Done);
        message.retention = Duration::from_secs(60);
        assert_eq!(
            decide(&message, &verdict, &POLICY, NOW, 0),
            Outcome::Complete { retention: Duration::from_secs(60), result: Some("value".into()) }
        );
    }

    #[test]
    fn a_failure_is_retried_until_the_retries_are_used_up() {
        let retry = Outcome::Retry { at: LATER, error: "why".into() };
        let archive = Outcome::Archive { error: "why".into() };
        for kind in [FailureKind::Error, FailureKind::Panic, FailureKind::TimedOut, FailureKind::Cancelled] {
            assert_eq!(failed(kind, &message(2, 0)), retry);
            assert_eq!(failed(kind, &message(2, 1)), retry);
            assert_eq!(failed(kind, &message(2, 2)), archive);
            assert_eq!(failed(kind, &message(0, 0)), archive);
        }
    }

    #[test]
    fn a_handler_may_skip_the_retries_drop_the_task_or_put_it_off() {
        assert_eq!(failed(FailureKind::SkipRetry, &message(9, 0)), Outcome::Archive { error: "why".into() });
        assert_eq!(failed(FailureKind::Revoke, &message(9, 0)), Outcome::Done);
        let put_off = FailureKind::RetryAfter(Duration::from_secs(7));
        assert_eq!(failed(put_off, &message(0, 0)), Outcome::Snooze { at: LATER, error: "why".into() });
    }

    #[test]
    fn what_the_policy_does_not_call_a_failure_burns_no_attempt_even_at_the_limit() {
        #[derive(Debug)]
        struct Lenient;
        impl RetryPolicy for Lenient {
            fn delay(&self, _: &Message, _: &Failure, _: u64) -> Duration {
                Duration::from_secs(7)
            }
            fn is_failure(&self, _: &Message, _: &Failure) -> bool {
                false
            }
        }
        let verdict = Verdict::Failed(Failure::new(FailureKind::Error, "why"));
        let outcome = decide(&message(2, 2), &verdict, &Lenient, NOW, 0);
        assert_eq!(outcome, Outcome::Snooze { at: LATER, error: "why".into() });
    }

    #[test]
    fn an_interrupted_attempt_goes_back_untouched() {
        let outcome = decide(&message(0, 0), &Verdict::Interrupted, &POLICY, NOW, 0);
        assert_eq!(outcome, Outcome::Requeue(RequeueCause::Returned));
    }

    #[test]
    fn an_orphan_runs_again_at_once_a_few_times_and_then_counts_as_failed() {
        let mut message = message(1, 0);
        let decide = |message: &Message| decide_orphan(message, OrphanCause::WorkerDead, 3, &POLICY, NOW, 0);
        for recovered in 0..3 {
            message.recovered = recovered;
            assert_eq!(decide(&message), Outcome::Requeue(RequeueCause::Recovered));
        }
        message.recovered = 3;
        let error = OrphanCause::WorkerDead.as_str().to_owned();
        assert_eq!(decide(&message), Outcome::Retry { at: LATER, error: error.clone() });
        message.retried = 1;
        assert_eq!(decide(&message), Outcome::Archive { error });
    }

    #[test]
    fn a_long_error_is_cut_at_a_character() {
        let failure = Failure::new(FailureKind::Error, "é".repeat(5_000));
        assert!(failure.error.len() <= Failure::MAX_ERROR_BYTES);
        assert!(failure.error.ends_with('…'));
    }
}
