//! A store that does not answer at all: worse than one that fails, since nothing ever comes back.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{Router, State, TaskState};
use aftercommit_testing::{Call, Fault, Faults, Faulty, MemoryBackend, TokioClock};

use crate::harness::{Bench, Log, Note, note, start};

/// Longer than anything here may take.
const HANG: Fault = Fault::Delay(Duration::from_secs(3_600));

fn bench() -> (Bench, Arc<Faulty<MemoryBackend>>) {
    let clock = Arc::new(TokioClock::new());
    let memory = Arc::new(MemoryBackend::new(Arc::clone(&clock) as _));
    let faulty = Arc::new(Faulty::new(Arc::clone(&memory), Faults::none()));
    (Bench::over(memory, clock), faulty)
}

/// Logs a start and then runs for an hour.
fn long(log: &Log) -> Router<Log> {
    Router::with_state(log.clone()).route(async |State(log): State<Log>, task: Note| {
        log.add(task.text);
        tokio::time::sleep(Duration::from_secs(3_600)).await;
    })
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_does_not_keep_a_stop_from_ending() {
    for call in [Call::Dequeue, Call::Forward, Call::Orphans, Call::DeleteExpired, Call::Settle] {
        let (bench, faulty) = bench();
        let log = Log::default();
        let worker = start(bench.worker_over(Arc::clone(&faulty) as _, long(&log)));
        let task = bench.client.enqueue(&note("a")).await.unwrap();
        log.reaches(1).await;
        faulty.inject(call, HANG);
        // Long enough for every loop to come round; a fetch needs something to fetch.
        bench.client.enqueue(&note("b")).process_in(Duration::from_secs(3)).await.unwrap();
        tokio::time::sleep(Duration::from_secs(10)).await;
        let asked = bench.now();
        worker.shut_down().await;
        let took = bench.now().since(asked);
        assert!(took <= Duration::from_secs(25), "{call:?} kept the worker for {took:?}");
        let unfinished = bench.task(&task).await.unwrap();
        assert_eq!(unfinished.message.retried, 0, "{call:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_dequeue_that_hangs_does_not_take_the_shutdown_timeout_from_running_handlers() {
    let (bench, faulty) = bench();
    let log = Log::default();
    let worker = start(bench.worker_over(Arc::clone(&faulty) as _, long(&log)));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    log.reaches(1).await;
    faulty.inject(Call::Dequeue, HANG);
    bench.client.enqueue(&note("b")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    worker.stop.shutdown();
    tokio::time::sleep(Duration::from_millis(8_500)).await;
    let given_back = bench.task(&task).await.unwrap();
    assert_eq!((given_back.state, given_back.message.recovered), (TaskState::Pending, 0));
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_look_at_the_queues_that_hangs_delays_neither_the_start_nor_the_stop() {
    let (bench, faulty) = bench();
    faulty.inject(Call::Inspect, HANG);
    let log = Log::default();
    let router =
        Router::with_state(log.clone()).route(async |State(log): State<Log>, task: Note| log.add(task.text));
    let worker = start(bench.worker_over(Arc::clone(&faulty) as _, router));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    bench.is_done_within(&task, Duration::from_secs(1)).await;
    let asked = bench.now();
    worker.shut_down().await;
    assert!(bench.now().since(asked) < Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn a_handler_is_stopped_when_its_lease_ends_though_the_extension_hangs() {
    for call in [Call::Extend, Call::Presence] {
        let (bench, faulty) = bench();
        let log = Log::default();
        let builder = bench.worker_over(Arc::clone(&faulty) as _, long(&log)).concurrency(1);
        let worker = start(builder.lease(Duration::from_secs(6)));
        let task = bench.client.enqueue(&note("a")).await.unwrap();
        log.reaches(1).await;
        faulty.inject(call, HANG);
        let begun = bench.now();
        // Taken back when its lease is over, and started again in the only slot.
        log.reaches(2).await;
        let took = bench.now().since(begun);
        assert!(took <= Duration::from_secs(12), "{call:?}: {took:?}");
        assert_eq!(bench.task(&task).await.unwrap().message.recovered, 1);
        worker.crash().await;
    }
}
