//! Several queues, batches and concurrency.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aftercommit::{Error, NewTask, Options, QueueName, Router, State};

use crate::harness::{Bench, Log, Note, note, start};

async fn fill(bench: &Bench, queue: &str, count: usize) {
    let tasks = (0..count).map(|i| {
        NewTask::of(&note(&format!("{queue} {i}")))
            .unwrap()
            .with(Options::new().queue(queue).id(format!("{queue}-{i}")))
    });
    for result in bench.client.enqueue_batch(tasks).await.unwrap() {
        result.unwrap();
    }
}

fn logging(log: &Log) -> Router<Log> {
    Router::with_state(log.clone()).route(async |State(log): State<Log>, queue: QueueName, _: Note| {
        log.add(queue.as_str());
    })
}

#[tokio::test(start_paused = true)]
async fn full_queues_are_served_in_proportion_and_none_starves() {
    let bench = Bench::new();
    for queue in ["high", "middle", "low"] {
        fill(&bench, queue, 1_000).await;
    }
    let log = Log::default();
    let builder =
        bench.worker(logging(&log)).concurrency(1).queue("high", 6).queue("middle", 3).queue("low", 1);
    let worker = start(builder);
    let first: Vec<String> = log.reaches(1_000).await.into_iter().take(1_000).collect();
    let mut served: HashMap<&str, usize> = HashMap::new();
    for queue in &first {
        *served.entry(queue).or_default() += 1;
    }
    assert!((540..660).contains(&served["high"]), "{served:?}");
    assert!((240..360).contains(&served["middle"]), "{served:?}");
    assert!((60..140).contains(&served["low"]), "{served:?}");
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn strict_priority_serves_the_heavier_queue_to_its_end_first() {
    let bench = Bench::new();
    fill(&bench, "low", 20).await;
    fill(&bench, "high", 20).await;
    let log = Log::default();
    let worker =
        start(bench.worker(logging(&log)).concurrency(1).strict_priority().queue("low", 1).queue("high", 2));
    let order = log.reaches(40).await;
    assert!(order[..20].iter().all(|queue| queue == "high"), "{order:?}");
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_queue_that_is_not_served_keeps_its_tasks() {
    let bench = Bench::new();
    let log = Log::default();
    let worker = start(bench.worker(logging(&log)).queue("critical", 0));
    let kept = bench.client.enqueue(&note("a")).queue("critical").await.unwrap();
    let done = bench.client.enqueue(&note("b")).await.unwrap();
    bench.is_done(&done).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(bench.task(&kept).await.is_some(), "without a positive weight only the default queue is served");
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_paused_queue_gives_nothing_until_resumed() {
    let bench = Bench::new();
    let queue = QueueName::default();
    bench.backend.pause(&queue).await.unwrap();
    let log = Log::default();
    let worker = start(bench.worker(logging(&log)));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(log.entries().len(), 0);
    bench.backend.resume(&queue).await.unwrap();
    let resumed = bench.now();
    bench.is_done(&task).await;
    assert!(bench.now().since(resumed) < Duration::from_millis(50), "the resume wakes the worker");
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn never_more_handlers_run_than_there_are_slots() {
    #[derive(Clone, Default)]
    struct Gauge {
        running: Arc<AtomicUsize>,
        most: Arc<AtomicUsize>,
    }
    let bench = Bench::new();
    fill(&bench, "default", 200).await;
    let gauge = Gauge::default();
    let router = Router::with_state(gauge.clone()).route(async |State(gauge): State<Gauge>, _: Note| {
        let running = gauge.running.fetch_add(1, Ordering::SeqCst) + 1;
        gauge.most.fetch_max(running, Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(10)).await;
        gauge.running.fetch_sub(1, Ordering::SeqCst);
    });
    let worker = start(bench.worker(router).concurrency(7));
    while bench.counts("default").await.0 < 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(gauge.most.load(Ordering::SeqCst), 7);
    worker.shut_down().await;
}

#[tokio::test]
async fn a_hundred_thousand_tasks_run_once_each_at_concurrency_four() {
    let bench = Bench::new();
    fill(&bench, "default", 100_000).await;
    let ran = Arc::new(AtomicUsize::new(0));
    let router =
        Router::with_state(Arc::clone(&ran)).route(async |State(ran): State<Arc<AtomicUsize>>, _: Note| {
            ran.fetch_add(1, Ordering::Relaxed);
        });
    let worker = start(bench.worker(router).concurrency(4));
    while bench.counts("default").await.0 < 100_000 {
        tokio::task::yield_now().await;
    }
    worker.shut_down().await;
    assert_eq!(ran.load(Ordering::Relaxed), 100_000);
    assert_eq!(bench.backend.queue(&QueueName::default()).await.unwrap().unwrap().counts.total(), 0);
}

#[tokio::test(start_paused = true)]
async fn calls_at_the_same_time_share_a_trip_and_each_gets_its_own_answer() {
    let bench = Bench::new();
    let calls = (0..300).map(|i| {
        let client = bench.client.clone();
        tokio::spawn(async move { client.enqueue(&note("n")).id(format!("id-{}", i % 100)).await })
    });
    let (mut stored, mut refused) = (0, 0);
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(_) => stored += 1,
            Err(Error::IdConflict { .. }) => refused += 1,
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!((stored, refused), (100, 200));
}
