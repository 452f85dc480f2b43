//! Tasks with a time, and wake-ups.

use std::time::Duration;

use aftercommit::{Clock, InspectExt, Options, Router, State, TaskState, Timestamp};
use aftercommit_testing::TokioClock;
use std::sync::Arc;

use crate::harness::{Bench, Log, Note, note, start};
use crate::spy::{Abilities, Spy};

/// Logs when each note was taken.
fn timing(bench: &Bench, log: &Log) -> Router<(Log, Arc<TokioClock>)> {
    Router::with_state((log.clone(), Arc::clone(&bench.clock))).route(
        async |State((log, clock)): State<(Log, Arc<TokioClock>)>, _: Note| {
            log.add(clock.now().as_millis().to_string());
        },
    )
}

fn times(entries: &[String]) -> Vec<Timestamp> {
    entries.iter().map(|millis| Timestamp::from_millis(millis.parse().unwrap())).collect()
}

#[tokio::test(start_paused = true)]
async fn scheduled_tasks_start_at_their_time_and_never_early() {
    let bench = Bench::new();
    let log = Log::default();
    let worker = start(bench.worker(timing(&bench, &log)).concurrency(50));
    let start_at = bench.now();
    let due: Vec<Timestamp> = (1..=40).map(|i| start_at.plus(Duration::from_micros(i * 12_345))).collect();
    for moment in &due {
        bench.client.enqueue(&note("n")).process_at(moment.to_system_time()).await.unwrap();
    }
    let started = times(&log.reaches(40).await);
    for (due, started) in due.iter().zip(&started) {
        assert!(started >= due, "started {started} before {due}");
        assert!(started.since(*due) <= Duration::from_millis(10), "started {started}, due {due}");
    }
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_earlier_task_wakes_the_forwarder_from_its_sleep() {
    let bench = Bench::new();
    let log = Log::default();
    let worker = start(bench.worker(timing(&bench, &log)));
    bench.client.enqueue(&note("late")).process_in(Duration::from_secs(3_600)).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let due = bench.now().plus(Duration::from_millis(30));
    bench.client.enqueue(&note("soon")).process_in(Duration::from_millis(30)).await.unwrap();
    let started = times(&log.reaches(1).await)[0];
    assert!(
        started >= due && started.since(due) <= Duration::from_millis(10),
        "started {started}, due {due}"
    );
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_worker_is_woken_by_an_enqueue() {
    let bench = Bench::new();
    let log = Log::default();
    let worker = start(bench.worker(timing(&bench, &log)));
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(777)).await;
        let enqueued = bench.now();
        let before = log.entries().len();
        bench.client.enqueue(&note("n")).await.unwrap();
        let started = *times(&log.reaches(before + 1).await).last().unwrap();
        assert!(started.since(enqueued) <= Duration::from_millis(2), "waited {:?}", started.since(enqueued));
    }
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_run_by_an_operator_starts_at_once() {
    let bench = Bench::new();
    let log = Log::default();
    let worker = start(bench.worker(timing(&bench, &log)));
    let options = Options::new().process_in(Duration::from_secs(3_600));
    let task = bench.client.enqueue(&note("later")).options(options).await.unwrap();
    assert_eq!(task.state, TaskState::Scheduled);
    bench.backend.run(&task.queue, &task.id).await.unwrap();
    let asked = bench.now();
    bench.is_done(&task).await;
    assert!(bench.now().since(asked) < Duration::from_millis(50));
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_whose_clock_lags_is_not_asked_over_and_over() {
    let (bench, spy) = Spy::bench(Abilities::All);
    let ahead = TokioClock::starting_at(bench.now().plus(Duration::from_secs(30)));
    let log = Log::default();
    let worker = start(bench.worker_over(Arc::clone(&spy) as _, timing(&bench, &log)).clock(Arc::new(ahead)));
    let due = bench.now().plus(Duration::from_secs(20));
    bench.client.enqueue(&note("n")).process_in(Duration::from_secs(20)).await.unwrap();
    let started = times(&log.reaches(1).await)[0];
    assert!(
        started >= due && started.since(due) <= Duration::from_millis(150),
        "started {started}, due {due}"
    );
    assert!(spy.seen().forwards <= 250, "{} calls in twenty seconds", spy.seen().forwards);
    worker.shut_down().await;
}
