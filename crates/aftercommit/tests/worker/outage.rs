//! Stores that go away, come back, or lose an answer.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{QueueName, Router, State, TaskState};
use aftercommit_testing::{Call, Fault, Faults, Faulty, MemoryBackend, Odds};

use crate::harness::{Bench, Log, Note, note, start};

/// A bench whose store fails as told.
fn bench(faults: Faults) -> (Bench, Arc<Faulty<MemoryBackend>>) {
    let clock = Arc::new(aftercommit_testing::TokioClock::new());
    let memory = Arc::new(MemoryBackend::new(Arc::clone(&clock) as _));
    let faulty = Arc::new(Faulty::new(Arc::clone(&memory), faults));
    // Tests look at the store itself, and only the worker through the bad connection.
    (Bench::over(memory, clock), faulty)
}

fn logging(log: &Log) -> Router<Log> {
    Router::with_state(log.clone()).route(async |State(log): State<Log>, task: Note| log.add(task.text))
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_could_not_be_written_is_kept_and_written_later() {
    let (bench, faulty) = bench(Faults::none());
    for _ in 0..5 {
        faulty.inject(Call::Settle, Fault::Refuse);
    }
    let log = Log::default();
    let worker = start(bench.worker_over(Arc::clone(&faulty) as _, logging(&log)));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    bench.is_done(&task).await;
    assert_eq!(log.entries(), ["a"], "a lost connection must not run the task again");
    assert_eq!(faulty.injected(Call::Settle), 5);
    assert_eq!(bench.counts("default").await, (1, 0));
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_kept_for_as_long_as_its_lease_is_extended() {
    let (bench, faulty) = bench(Faults::none());
    for _ in 0..300 {
        faulty.inject(Call::Settle, Fault::Refuse);
    }
    let log = Log::default();
    let worker = start(bench.worker_over(Arc::clone(&faulty) as _, logging(&log)));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(bench.task(&task).await.unwrap().state, TaskState::Active, "for four leases by now");
    faulty.heal();
    bench.is_done_within(&task, Duration::from_secs(2)).await;
    assert_eq!(log.entries(), ["a"]);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_outcome_is_given_up_when_its_lease_ends_and_the_task_runs_again() {
    let (bench, faulty) = bench(Faults::none());
    let log = Log::default();
    let worker =
        start(bench.worker_over(Arc::clone(&faulty) as _, logging(&log)).lease(Duration::from_secs(6)));
    for _ in 0..1_000 {
        faulty.inject(Call::Settle, Fault::Refuse);
        faulty.inject(Call::Extend, Fault::Refuse);
    }
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    tokio::time::sleep(Duration::from_secs(20)).await;
    faulty.heal();
    bench.is_done_within(&task, Duration::from_secs(15)).await;
    assert_eq!(log.entries(), ["a", "a"]);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_acknowledgement_of_a_settle_is_harmless() {
    let (bench, faulty) = bench(Faults::none());
    faulty.inject(Call::Settle, Fault::LoseAnswer);
    let log = Log::default();
    let worker = start(bench.worker_over(Arc::clone(&faulty) as _, logging(&log)));
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    bench.is_done(&task).await;
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(log.entries(), ["a"]);
    assert_eq!(bench.counts("default").await, (1, 0));
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn tasks_of_a_dequeue_whose_answer_was_lost_run_when_their_leases_end() {
    let (bench, faulty) = bench(Faults::none());
    faulty.inject(Call::Dequeue, Fault::LoseAnswer);
    let log = Log::default();
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    let worker =
        start(bench.worker_over(Arc::clone(&faulty) as _, logging(&log)).lease(Duration::from_secs(5)));
    bench.is_done(&task).await;
    assert_eq!(log.entries(), ["a"]);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_could_not_be_extended_in_time_stops_the_handler() {
    let (bench, faulty) = bench(Faults::none());
    let log = Log::default();
    let router = Router::with_state(log.clone()).route(async |State(log): State<Log>, _: Note| {
        log.add("start");
        tokio::time::sleep(Duration::from_secs(20)).await;
        log.add("end");
    });
    let builder = bench.worker_over(Arc::clone(&faulty) as _, router).lease(Duration::from_secs(6));
    let worker = start(builder);
    let task = bench.client.enqueue(&note("a")).await.unwrap();
    log.reaches(1).await;
    for _ in 0..6 {
        faulty.inject(Call::Extend, Fault::Refuse);
    }
    log.reaches(2).await;
    faulty.heal();
    bench.is_done(&task).await;
    assert_eq!(log.entries(), ["start", "start", "end"], "stopped, recovered, and run to its end");
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn under_random_faults_nothing_is_lost_and_when_they_stop_all_is_done() {
    for seed in 0..20 {
        let odds = Odds { refuse: 0.15, lose_answer: 0.1, ..Odds::default() };
        let (bench, faulty) = bench(Faults::random(seed, odds));
        let log = Log::default();
        let workers: Vec<_> = (0..2)
            .map(|_| {
                let builder = bench.worker_over(Arc::clone(&faulty) as _, logging(&log));
                start(builder.lease(Duration::from_secs(5)).concurrency(5))
            })
            .collect();
        let mut tasks = Vec::new();
        for i in 0..60 {
            tasks.push(bench.client.enqueue(&note(&i.to_string())).await.unwrap());
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        faulty.heal();
        for task in &tasks {
            bench.is_done(task).await;
        }
        for i in 0..60 {
            assert!(log.entries().contains(&i.to_string()), "seed {seed}: task {i} was lost");
        }
        for worker in workers {
            worker.shut_down().await;
        }
        let left = bench.backend.queue(&QueueName::default()).await.unwrap().unwrap();
        assert_eq!(left.counts.get(TaskState::Archived), 0, "seed {seed}");
    }
}
