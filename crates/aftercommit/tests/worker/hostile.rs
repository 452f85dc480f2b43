//! Code of the host that panics where the worker calls it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use aftercommit::{
    Clock, Error, Failure, FailureKind, HandlerError, Message, RetryPolicy, Router, TaskState, Timestamp,
};
use aftercommit_testing::TokioClock;

use crate::harness::{Bench, HandlerResult, Note, failures, note, start};

#[derive(Debug)]
struct PanickingPolicy;

impl RetryPolicy for PanickingPolicy {
    fn delay(&self, _: &Message, _: &Failure, _: u64) -> Duration {
        panic!("the policy has a bug");
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_policy_that_panics_is_replaced_by_the_default_one() {
    let bench = Bench::new();
    let router = Router::new().route(async |_: Note| Err::<(), _>("no luck"));
    let worker = start(bench.worker(router).retry_policy(PanickingPolicy));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    let waiting = bench.reaches(&task, TaskState::Retry).await;
    assert_eq!(waiting.message.last_error.as_deref(), Some("no luck"));
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_policy_that_panics_does_not_end_the_recoverer() {
    let bench = Bench::new();
    let router = || Router::new().route(async |_: Note| std::future::pending::<()>().await);
    let dying = start(bench.worker(router()));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    bench.reaches(&task, TaskState::Active).await;
    dying.crash().await;
    let worker = start(bench.worker(router()).max_recoveries(0).retry_policy(PanickingPolicy));
    let waiting = bench.reaches(&task, TaskState::Retry).await;
    assert_eq!(waiting.message.retried, 1);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_error_that_panics_when_shown_does_not_strand_the_task() {
    #[derive(Debug)]
    struct Unspeakable;
    impl fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("cannot be shown");
        }
    }
    impl std::error::Error for Unspeakable {}

    let bench = Bench::new();
    let router = Router::new().route(async |_: Note| Err::<(), _>(Unspeakable));
    let worker = start(bench.worker(router));
    let task = bench.client.enqueue(&note("a")).max_retry(0).await.unwrap();
    let archived = bench.reaches(&task, TaskState::Archived).await;
    assert_eq!(archived.message.last_error.as_deref(), Some("panic: cannot be shown"));
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn being_put_off_or_revoked_is_not_reported_as_a_failure() {
    let bench = Bench::new();
    let router = Router::new().route(async |task: Note| -> HandlerResult {
        Err(match task.text.as_str() {
            "revoke" => HandlerError::revoke("not wanted any more"),
            "later" => HandlerError::retry_after(Duration::from_secs(5), "busy"),
            _ => HandlerError::skip_retry("no such user"),
        })
    });
    let (builder, seen) = failures(bench.worker(router));
    let worker = start(builder);
    let revoked = bench.client.enqueue(&note("revoke")).await.unwrap();
    let later = bench.client.enqueue(&note("later")).await.unwrap();
    let skipped = bench.client.enqueue(&note("skip")).await.unwrap();
    bench.is_done(&revoked).await;
    bench.reaches(&later, TaskState::Retry).await;
    bench.reaches(&skipped, TaskState::Archived).await;
    assert_eq!(*seen.lock().unwrap(), [FailureKind::SkipRetry]);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_undecodable_payload_is_not_quoted_in_its_error() {
    use aftercommit::{RawTask, TaskType};

    let bench = Bench::new();
    let worker = start(bench.worker(Router::new().route(async |_: Note| {})));
    for payload in ["\"hunter2\"", "{\"text\":1234567}", "{\"hunter2\":1}", "hunter2", "{\"text\":"] {
        let task = RawTask { task_type: TaskType::new("note:take").unwrap(), payload: payload.into() };
        let task = bench.client.enqueue_raw(task).await.unwrap();
        let archived = bench.reaches(&task, TaskState::Archived).await;
        let error = archived.message.last_error.unwrap();
        assert!(error.starts_with("cannot decode payload"), "{error}");
        assert!(!error.contains("hunter2") && !error.contains("1234567"), "{error}");
    }
    worker.shut_down().await;
}

/// A clock that breaks when told to.
#[derive(Debug)]
struct FragileClock {
    inner: Arc<TokioClock>,
    broken: AtomicBool,
}

impl Clock for FragileClock {
    fn now(&self) -> Timestamp {
        assert!(!self.broken.load(Ordering::SeqCst), "the clock is broken");
        self.inner.now()
    }
}

#[tokio::test(start_paused = true)]
async fn a_loop_that_panics_ends_the_worker_with_an_error_that_names_it() {
    let bench = Bench::new();
    let clock = Arc::new(FragileClock { inner: Arc::clone(&bench.clock), broken: AtomicBool::new(false) });
    let router = Router::new().route(async |_: Note| {});
    let worker = start(bench.worker(router).clock(Arc::clone(&clock) as _));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    bench.is_done(&task).await;
    clock.broken.store(true, Ordering::SeqCst);
    let error = worker.ended.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::LoopDied("heartbeater")), "{error}");
}
