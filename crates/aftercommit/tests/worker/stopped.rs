//! Attempts that are stopped: before they start, while they listen, and while they wait for a slot.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{Enqueued, Router, State, TaskContext, TaskState};
use tokio::sync::Semaphore;

use crate::harness::{Bench, HandlerResult, Log, Note, note, start};

/// A handler that looks between two awaits whether it is to end, and then gives up. It blocks a thread
/// meanwhile, so that it is always in the middle of something when it is told.
fn attentive(log: &Log) -> Router<Log> {
    Router::with_state(log.clone()).route(
        async |State(log): State<Log>, context: TaskContext, _: Note| -> HandlerResult {
            log.add("start");
            let cancelled = context.cancellation();
            tokio::task::block_in_place(|| {
                while !cancelled.is_cancelled() {
                    std::thread::yield_now();
                }
            });
            Err("gave up".into())
        },
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_gives_up_when_the_worker_stops_burns_no_attempt() {
    let bench = Bench::new();
    let log = Log::default();
    let worker = start(bench.worker(attentive(&log)).shutdown_timeout(Duration::from_millis(10)));
    let task = bench.client.enqueue(&note("a")).max_retry(0).await.unwrap();
    log.reaches(1).await;
    worker.shut_down().await;
    let given_back = bench.task(&task).await.unwrap();
    assert_eq!((given_back.state, given_back.message.retried), (TaskState::Pending, 0));
    assert_eq!(bench.counts("default").await, (0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handler_that_gives_up_when_cancelled_is_cancelled() {
    let bench = Bench::new();
    let log = Log::default();
    let worker = start(bench.worker(attentive(&log)));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    log.reaches(1).await;
    bench.backend.presence().unwrap().cancel(&task.queue, &task.id).await.unwrap();
    let cancelled = bench.reaches(&task, TaskState::Retry).await;
    assert_eq!(cancelled.message.last_error.as_deref(), Some("cancelled"));
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_handler_cannot_say_that_it_has_succeeded() {
    let bench = Bench::new();
    let log = Log::default();
    let router = Router::with_state(log.clone()).route(
        async |State(log): State<Log>, context: TaskContext, _: Note| {
            log.add("start");
            context.cancellation().cancelled().await;
        },
    );
    let worker = start(bench.worker(router));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    log.reaches(1).await;
    bench.backend.presence().unwrap().cancel(&task.queue, &task.id).await.unwrap();
    let cancelled = bench.reaches(&task, TaskState::Retry).await;
    assert_eq!(cancelled.message.last_error.as_deref(), Some("cancelled"));
    worker.shut_down().await;
}

/// What the handler below shares with its test.
#[derive(Clone)]
struct Gate {
    log: Log,
    open: Arc<Semaphore>,
}

/// Logs each note and takes a millisecond; the one about to "block" waits for the gate.
fn gated() -> (Router<Gate>, Gate) {
    let gate = Gate { log: Log::default(), open: Arc::new(Semaphore::new(0)) };
    let router = Router::with_state(gate.clone()).route(async |State(gate): State<Gate>, task: Note| {
        gate.log.add(&task.text);
        if task.text == "block" {
            gate.open.acquire().await.unwrap().forget();
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    });
    (router, gate)
}

/// Many short tasks, which teach a worker to prefetch, then one that blocks the only slot, then a few more.
async fn prefetched(bench: &Bench) -> Vec<Enqueued> {
    for _ in 0..500 {
        bench.client.enqueue(&note("short")).await.unwrap();
    }
    bench.client.enqueue(&note("block")).await.unwrap();
    let mut behind = Vec::new();
    for i in 0..20 {
        behind.push(bench.client.enqueue(&note(&format!("behind {i}"))).await.unwrap());
    }
    behind
}

#[tokio::test(start_paused = true)]
async fn a_task_cancelled_before_its_start_never_reaches_its_handler() {
    let bench = Bench::new();
    let (router, gate) = gated();
    let behind = prefetched(&bench).await;
    let worker = start(bench.worker(router).concurrency(1));
    gate.log.reaches(501).await;
    assert_eq!(bench.task(&behind[3]).await.unwrap().state, TaskState::Active, "it is held in advance");
    bench.backend.presence().unwrap().cancel(&behind[3].queue, &behind[3].id).await.unwrap();
    tokio::time::sleep(Duration::from_millis(10)).await;
    gate.open.add_permits(1);
    let cancelled = bench.reaches(&behind[3], TaskState::Retry).await;
    assert_eq!(cancelled.message.last_error.as_deref(), Some("cancelled"));
    bench.is_done(&behind[19]).await;
    assert!(!gate.log.entries().contains(&"behind 3".to_owned()));
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn tasks_held_behind_a_long_one_are_left_to_an_idle_worker() {
    let bench = Bench::new();
    let (router, gate) = gated();
    let behind = prefetched(&bench).await;
    let busy = start(bench.worker(router).concurrency(1));
    gate.log.reaches(501).await;
    assert_eq!(bench.task(&behind[0]).await.unwrap().state, TaskState::Active, "it is held in advance");
    let (router, _) = gated();
    let idle = start(bench.worker(router));
    for task in &behind {
        bench.is_done_within(task, Duration::from_secs(5)).await;
    }
    gate.open.add_permits(1);
    busy.shut_down().await;
    idle.shut_down().await;
}
