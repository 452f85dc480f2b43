//! Workers that die, and leases that are lost.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{Router, State, TaskState};
use aftercommit_testing::MemoryBackend;

use crate::harness::{Bench, Log, Note, note, start};

/// Logs a start and then runs for an hour.
fn long(log: &Log) -> Router<Log> {
    Router::with_state(log.clone()).route(async |State(log): State<Log>, task: Note| {
        log.add(task.text);
        tokio::time::sleep(Duration::from_secs(3_600)).await;
    })
}

#[tokio::test(start_paused = true)]
async fn a_dead_workers_tasks_run_again_within_fifteen_seconds_and_burn_no_attempt() {
    let bench = Bench::new();
    let (first, second) = (Log::default(), Log::default());
    let dying = start(bench.worker(long(&first)));
    let survivor_log = second.clone();
    let router =
        Router::with_state(survivor_log).route(async |State(log): State<Log>, task: Note| log.add(task.text));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    first.reaches(1).await;
    let survivor = start(bench.worker(router));
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(second.entries().len(), 0, "while its worker lives the task is left alone");
    dying.crash().await;
    let died = bench.now();
    bench.is_done(&task).await;
    assert!(bench.now().since(died) <= Duration::from_secs(15), "took {:?}", bench.now().since(died));
    assert_eq!(bench.counts("default").await, (1, 0));
    survivor.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_long_handler_keeps_its_lease_as_long_as_its_worker_lives() {
    let bench = Bench::new();
    let log = Log::default();
    let holder = start(bench.worker(long(&log)).lease(Duration::from_secs(2)));
    let other = start(bench.worker(long(&log)).lease(Duration::from_secs(2)));
    let task = bench.client.enqueue(&note("a")).timeout(Duration::from_secs(7_200)).await.unwrap();
    bench.is_done_within(&task, Duration::from_secs(3_700)).await;
    assert_eq!(log.entries(), ["a"], "it ran once, for an hour, on leases of two seconds");
    holder.shut_down().await;
    other.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_payload_that_kills_its_workers_ends_in_the_archive() {
    let bench = Bench::new();
    let task = bench.client.enqueue(&note("poison")).max_retry(0).await.unwrap();
    for _ in 0..4 {
        let log = Log::default();
        let worker = start(bench.worker(long(&log)));
        log.reaches(1).await;
        worker.crash().await;
    }
    let worker = start(bench.worker(long(&Log::default())));
    let archived = bench.reaches(&task, TaskState::Archived).await;
    assert_eq!(archived.message.recovered, 3);
    assert!(archived.message.last_error.is_some());
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_loses_its_lease_stops_the_handler_and_writes_nothing() {
    let bench = Bench::new();
    let log = Log::default();
    let worker = start(bench.worker(long(&log)));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    log.reaches(1).await;
    // Somebody else settles the task, as a recoverer would after a long pause of this process.
    let active = bench.task(&task).await.unwrap();
    let (message, lease) = (active.message, active.lease.unwrap());
    let leased = aftercommit_core::Leased { message, lease, stored: aftercommit::Bytes::new() };
    let outcome = aftercommit_core::Outcome::Archive { error: "taken away".to_owned() };
    let settlement = aftercommit_core::Settlement { leased: Arc::new(leased), outcome };
    assert_eq!(bench.backend.settle(&[settlement]).await.unwrap(), [Ok(())]);
    tokio::time::sleep(Duration::from_secs(30)).await;
    let archived = bench.task(&task).await.unwrap();
    assert_eq!(archived.message.last_error.as_deref(), Some("taken away"));
    let workers = bench.backend.presence().unwrap().workers().await.unwrap();
    assert!(workers[0].running.is_empty(), "the handler was stopped");
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_restarted_worker_needs_no_name() {
    let clock = Arc::new(aftercommit_testing::TokioClock::new());
    let backend = Arc::new(MemoryBackend::new(Arc::clone(&clock) as _));
    let router = || Router::new().route(async |_: Note| {});
    let id = |backend: &Arc<MemoryBackend>| {
        let backend: Arc<dyn aftercommit::Backend> = Arc::clone(backend) as _;
        aftercommit::Worker::builder_dyn(backend, router()).build().unwrap().id().clone()
    };
    assert_ne!(id(&backend), id(&backend));
}
