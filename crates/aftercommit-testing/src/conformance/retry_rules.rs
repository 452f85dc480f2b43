//! Cases that play the retry rules through: what `decide` says, and what the back-end makes of it.

use std::time::Duration;

use aftercommit_core::{
    Failure, FailureKind, Fixed, InspectExt, Message, OrphanCause, RetryPolicy, State, Verdict, decide,
    decide_orphan,
};

use super::Stage;
use super::task::{LEASE, SECOND, TaskExt, queue, task};

area!(conformance_of_retry_rules, retry_rules:
    every_verdict_leads_to_its_state,
    a_task_fails_as_often_as_it_may_and_is_then_archived,
    a_task_without_retries_is_archived_at_its_first_failure,
    what_is_no_failure_is_tried_again_even_at_the_limit,
    a_lost_worker_burns_no_attempt_three_times_and_then_counts_as_a_failure,
    a_task_that_an_operator_runs_from_the_archive_archives_again_at_its_next_failure,
);

const DELAY: Duration = Duration::from_secs(7);
const POLICY: Fixed = Fixed(DELAY);
const RETENTION: Duration = Duration::from_secs(60);

/// Calls nothing a failure.
#[derive(Debug)]
struct Lenient;

impl RetryPolicy for Lenient {
    fn delay(&self, _: &Message, _: &Failure, _: u64) -> Duration {
        DELAY
    }

    fn is_failure(&self, _: &Message, _: &Failure) -> bool {
        false
    }
}

fn failed(kind: FailureKind) -> Verdict {
    Verdict::Failed(Failure::new(kind, "it failed"))
}

/// One line of the table: a task with these retries left and this retention, what became of its
/// attempt, and what has to be seen afterwards.
struct Line {
    retries_left: u32,
    retention: Duration,
    verdict: Verdict,
    state: Option<State>,
    due_in: Option<Duration>,
    retried: u32,
    counted: (u64, u64),
}

fn line(retries_left: u32, verdict: Verdict, state: Option<State>) -> Line {
    let retention = Duration::ZERO;
    Line { retries_left, retention, verdict, state, due_in: None, retried: 2, counted: (1, 0) }
}

fn retried(verdict: Verdict) -> Line {
    let line = line(1, verdict, Some(State::Retry));
    Line { due_in: Some(DELAY), retried: 3, counted: (1, 1), ..line }
}

fn archived(retries_left: u32, verdict: Verdict) -> Line {
    Line { counted: (1, 1), ..line(retries_left, verdict, Some(State::Archived)) }
}

fn put_off(retries_left: u32, delay: Duration) -> Line {
    let verdict = failed(FailureKind::RetryAfter(delay));
    let line = line(retries_left, verdict, Some(State::Retry));
    Line { due_in: Some(delay), counted: (0, 0), ..line }
}

/// The table. Each task has been retried twice before.
fn table() -> Vec<Line> {
    let value = Verdict::Succeeded(Some("value".into()));
    let mut lines = vec![
        line(1, Verdict::Succeeded(None), None),
        line(1, value.clone(), None),
        Line { retention: RETENTION, ..line(1, value.clone(), Some(State::Completed)) },
        Line { retention: RETENTION, ..line(0, value, Some(State::Completed)) },
        line(1, failed(FailureKind::Revoke), None),
        archived(9, failed(FailureKind::SkipRetry)),
        put_off(1, SECOND * 90),
        put_off(0, SECOND * 90),
        Line { counted: (0, 0), ..line(0, Verdict::Interrupted, Some(State::Pending)) },
    ];
    for kind in [
        FailureKind::Error,
        FailureKind::Panic,
        FailureKind::TimedOut,
        FailureKind::Cancelled,
        FailureKind::Lost,
    ] {
        lines.push(retried(failed(kind)));
        lines.push(archived(0, failed(kind)));
    }
    lines
}

async fn every_verdict_leads_to_its_state(s: Stage) {
    for (i, line) in table().into_iter().enumerate() {
        let what = format!("line {i}: {:?} with {} retries left", line.verdict, line.retries_left);
        let name = format!("q{i}");
        let task = task(&name, "a").with(|message| {
            message.retried = 2;
            message.max_retry = 2 + line.retries_left;
            message.retention = line.retention;
        });
        assert_eq!(s.enqueue(task).await, Ok(()));
        let leased = s.take_one(&name).await;
        let outcome = decide(&leased.message, &line.verdict, &POLICY, s.now(), 0);
        assert_eq!(s.settle(&leased, outcome).await, Ok(()), "{what}");
        let found = s.find(&name, "a").await;
        assert_eq!(found.as_ref().map(|info| info.state), line.state, "{what}");
        assert_eq!(s.processed_and_failed(&name).await, line.counted, "{what}");
        if let Some(info) = found {
            assert_eq!(info.message.retried, line.retried, "{what}");
            assert_eq!(info.next_process_at, line.due_in.map(|delay| s.after(delay)), "{what}");
        }
    }
}

/// Takes the next task of `q` and settles it as the policy decides about a plain error.
async fn fail_once(s: &Stage, policy: &dyn RetryPolicy) {
    let leased = s.take_one("q").await;
    let outcome = decide(&leased.message, &failed(FailureKind::Error), policy, s.now(), 0);
    assert_eq!(s.settle(&leased, outcome).await, Ok(()));
}

async fn a_task_fails_as_often_as_it_may_and_is_then_archived(s: Stage) {
    s.put("q", ["a"]).await;
    for attempt in 1..=3 {
        fail_once(&s, &POLICY).await;
        let info = s.info("q", "a").await;
        assert_eq!((info.state, info.message.retried), (State::Retry, attempt));
        s.pass(DELAY).await;
        assert_eq!(s.forward("q").await, 1);
    }
    fail_once(&s, &POLICY).await;
    let info = s.info("q", "a").await;
    assert_eq!((info.state, info.message.retried), (State::Archived, 3));
    assert_eq!(s.processed_and_failed("q").await, (4, 4));
}

async fn a_task_without_retries_is_archived_at_its_first_failure(s: Stage) {
    assert_eq!(s.enqueue(task("q", "a").with(|message| message.max_retry = 0)).await, Ok(()));
    fail_once(&s, &POLICY).await;
    assert_eq!(s.state("q", "a").await, Some(State::Archived));
}

async fn what_is_no_failure_is_tried_again_even_at_the_limit(s: Stage) {
    assert_eq!(s.enqueue(task("q", "a").with(|message| message.max_retry = 0)).await, Ok(()));
    for _ in 0..5 {
        fail_once(&s, &Lenient).await;
        assert_eq!(s.state("q", "a").await, Some(State::Retry));
        s.pass(DELAY).await;
        assert_eq!(s.forward("q").await, 1);
    }
    assert_eq!(s.info("q", "a").await.message.retried, 0);
    assert_eq!(s.processed_and_failed("q").await, (0, 0));
}

async fn a_lost_worker_burns_no_attempt_three_times_and_then_counts_as_a_failure(s: Stage) {
    assert_eq!(s.enqueue(task("q", "a").with(|message| message.max_retry = 0)).await, Ok(()));
    let mut states = Vec::new();
    for _ in 0..4 {
        s.take_one("q").await;
        s.pass(LEASE).await;
        let orphan = s.backend().orphans(&[queue("q")], 1).await.expect("orphans").remove(0);
        let outcome = decide_orphan(&orphan.leased.message, orphan.cause, 3, &POLICY, s.now(), 0);
        assert_eq!(s.settle(&orphan.leased, outcome).await, Ok(()));
        states.push(s.state("q", "a").await);
    }
    let (pending, archived) = (Some(State::Pending), Some(State::Archived));
    assert_eq!(states, [pending, pending, pending, archived]);
    let message = s.info("q", "a").await.message;
    assert_eq!((message.recovered, message.retried), (3, 0));
    assert_eq!(message.last_error.as_deref(), Some(OrphanCause::LeaseExpired.as_str()));
    assert_eq!(s.processed_and_failed("q").await, (1, 1));
}

async fn a_task_that_an_operator_runs_from_the_archive_archives_again_at_its_next_failure(s: Stage) {
    assert_eq!(s.enqueue(task("q", "a").with(|message| message.max_retry = 0)).await, Ok(()));
    for _ in 0..2 {
        fail_once(&s, &POLICY).await;
        assert_eq!(s.state("q", "a").await, Some(State::Archived));
        s.backend().run(&queue("q"), &super::task::id("a")).await.expect("run");
    }
    assert_eq!(s.state("q", "a").await, Some(State::Pending));
}
