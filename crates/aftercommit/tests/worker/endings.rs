//! Every way in which an attempt can end.

use std::time::Duration;

use aftercommit::{FailureKind, Json, Options, Router, State, TaskContext, TaskState};
use tokio::sync::mpsc;

use crate::harness::{Bench, HandlerResult, Log, Note, failures, note, start};

#[tokio::test(start_paused = true)]
async fn a_finished_task_is_gone_and_counted() {
    let bench = Bench::new();
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    let worker = start(bench.worker(Router::new().route(async |_: Note| {})));
    bench.is_done(&task).await;
    assert_eq!(bench.counts("default").await, (1, 0));
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_returned_value_is_kept_for_the_retention() {
    let bench = Bench::new();
    let worker = start(bench.worker(Router::new().route(async |task: Note| Json(task.text.len()))));
    let task = bench.client.enqueue(&note("four")).retention(Duration::from_secs(60)).await.unwrap();
    let kept = bench.reaches(&task, TaskState::Completed).await;
    assert_eq!(kept.result.as_deref(), Some(b"4".as_slice()));
    tokio::time::sleep(Duration::from_secs(70)).await;
    assert!(bench.task(&task).await.is_none(), "the janitor deletes it when the retention is over");
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_error_is_retried_after_the_delay_until_the_retries_are_used_up() {
    let bench = Bench::new();
    let log = Log::default();
    let router = Router::with_state(log.clone()).route(
        async |State(log): State<Log>, context: TaskContext, _: Note| {
            log.add(context.retried().to_string());
            Err::<(), _>("no luck")
        },
    );
    let worker = start(bench.worker(router));
    let started = bench.now();
    let task = bench.client.enqueue(&note("a")).max_retry(2).await.unwrap();
    let archived = bench.reaches(&task, TaskState::Archived).await;
    assert_eq!(log.entries(), ["0", "1", "2"]);
    assert_eq!(archived.message.last_error.as_deref(), Some("no luck"));
    assert_eq!(bench.counts("default").await, (3, 3));
    let took = bench.now().since(started);
    assert!((Duration::from_secs(120)..Duration::from_secs(121)).contains(&took), "{took:?}");
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_failure_and_frees_its_slot() {
    let bench = Bench::new();
    let router = Router::new().route(async |task: Note| {
        assert_eq!(task.text, "good", "this note is bad");
    });
    let (builder, seen) = failures(bench.worker(router).concurrency(1));
    let worker = start(builder);
    let bad = bench.client.enqueue(&note("bad")).max_retry(0).await.unwrap();
    let good = bench.client.enqueue(&note("good")).await.unwrap();
    let archived = bench.reaches(&bad, TaskState::Archived).await;
    assert!(archived.message.last_error.unwrap().contains("this note is bad"));
    bench.is_done(&good).await;
    assert_eq!(*seen.lock().unwrap(), [FailureKind::Panic]);
    worker.shut_down().await;
}

/// Says so when the handler's future is dropped.
struct Dropped(mpsc::Sender<&'static str>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.try_send("dropped");
    }
}

/// A handler that never ends by itself.
fn endless() -> (Router<mpsc::Sender<&'static str>>, mpsc::Receiver<&'static str>) {
    let (events, seen) = mpsc::channel(1_000);
    let router = Router::with_state(events).route(
        async |State(events): State<mpsc::Sender<&'static str>>, _: Note| {
            let _dropped = Dropped(events.clone());
            let _ = events.try_send("started");
            std::future::pending::<()>().await;
        },
    );
    (router, seen)
}

#[tokio::test(start_paused = true)]
async fn a_timeout_ends_the_handler_and_frees_its_slot() {
    let bench = Bench::new();
    let (router, mut seen) = endless();
    let (builder, failed) = failures(bench.worker(router).concurrency(1));
    let worker = start(builder);
    let started = bench.now();
    let task = bench.client.enqueue(&note("a")).timeout(Duration::from_secs(7)).max_retry(0).await.unwrap();
    let archived = bench.reaches(&task, TaskState::Archived).await;
    let took = bench.now().since(started);
    assert!((Duration::from_secs(7)..Duration::from_millis(7_100)).contains(&took), "{took:?}");
    assert_eq!(archived.message.last_error.as_deref(), Some("timed out"));
    assert_eq!((seen.recv().await, seen.recv().await), (Some("started"), Some("dropped")));
    assert_eq!(*failed.lock().unwrap(), [FailureKind::TimedOut]);
    let next = bench.client.enqueue(&note("b")).await.unwrap();
    assert_eq!(seen.recv().await, Some("started"), "the slot is free for {}", next.id);
    worker.crash().await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_that_has_passed_fails_the_task_without_calling_the_handler() {
    let bench = Bench::new();
    let (router, mut seen) = endless();
    let past = bench.now().minus(Duration::from_secs(1)).to_system_time();
    let task = bench.client.enqueue(&note("a")).deadline(past).max_retry(0).await.unwrap();
    let worker = start(bench.worker(router));
    let archived = bench.reaches(&task, TaskState::Archived).await;
    assert!(archived.message.last_error.unwrap().contains("deadline passed"));
    worker.shut_down().await;
    assert_eq!(seen.recv().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_attempt_ends_as_a_failure_and_frees_its_slot() {
    let bench = Bench::new();
    let (router, mut seen) = endless();
    let worker = start(bench.worker(router).concurrency(1));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    assert_eq!(seen.recv().await, Some("started"));
    bench.backend.presence().unwrap().cancel(&task.queue, &task.id).await.unwrap();
    assert_eq!(seen.recv().await, Some("dropped"));
    let waiting = bench.reaches(&task, TaskState::Retry).await;
    assert_eq!(waiting.message.last_error.as_deref(), Some("cancelled"));
    assert_eq!(waiting.message.retried, 1);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_handler_has_spawned_hears_of_its_end() {
    let bench = Bench::new();
    let (events, mut seen) = mpsc::channel(1_000);
    let router = Router::with_state(events).route(
        async |State(events): State<mpsc::Sender<&'static str>>, context: TaskContext, _: Note| {
            let cancelled = context.cancellation();
            tokio::spawn(async move {
                cancelled.cancelled().await;
                let _ = events.try_send("child heard");
            });
            std::future::pending::<()>().await;
        },
    );
    let worker = start(bench.worker(router));
    bench.client.enqueue(&note("a")).timeout(Duration::from_secs(1)).await.unwrap();
    assert_eq!(seen.recv().await, Some("child heard"));
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_in_a_dropped_handler_does_not_strand_the_task() {
    struct Explosive;
    impl Drop for Explosive {
        fn drop(&mut self) {
            panic!("in a destructor");
        }
    }
    let bench = Bench::new();
    let router = Router::new().route(async |_: Note| {
        let _explosive = Explosive;
        std::future::pending::<()>().await;
    });
    let worker = start(bench.worker(router));
    let options = Options::new().timeout(Duration::from_secs(1)).max_retry(0);
    let task = bench.client.enqueue(&note("a")).options(options).await.unwrap();
    bench.reaches(&task, TaskState::Archived).await;
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_handler_says_how_its_failure_is_meant() {
    use aftercommit::HandlerError;

    let bench = Bench::new();
    let router = Router::new().route(async |task: Note| -> HandlerResult {
        Err(match task.text.as_str() {
            "skip" => HandlerError::skip_retry("no such user"),
            "revoke" => HandlerError::revoke("not wanted any more"),
            _ => HandlerError::retry_after(Duration::from_secs(5), "busy"),
        })
    });
    let worker = start(bench.worker(router));
    let skip = bench.client.enqueue(&note("skip")).await.unwrap();
    let revoke = bench.client.enqueue(&note("revoke")).await.unwrap();
    let later = bench.client.enqueue(&note("later")).await.unwrap();
    let archived = bench.reaches(&skip, TaskState::Archived).await;
    assert_eq!(archived.message.last_error.as_deref(), Some("no such user"));
    bench.is_done(&revoke).await;
    let put_off = bench.reaches(&later, TaskState::Retry).await;
    assert_eq!(put_off.message.retried, 0, "being put off burns no attempt");
    worker.shut_down().await;
}
