//! What becomes of a batch that is not aggregated.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{Error, GroupInfo, GroupName, GroupTasks, HandlerError, NewTask, Options};
use aftercommit_testing::{Call, Fault, Faults, Faulty};

use super::{Digest, RULES, aggregating, digest, digesting, groups, put, waiting};
use crate::harness::{Bench, Log, start};
use crate::lines::Lines;

/// Fails the first times it is called, in a way of its own, and logs when.
fn failing(
    bench: &Bench,
    calls: &Log,
    times: usize,
    how: fn() -> Result<(), HandlerError>,
) -> impl Fn(GroupTasks) -> std::pin::Pin<Box<dyn Future<Output = Result<NewTask, HandlerError>> + Send>>
+ Send
+ Sync
+ 'static {
    let (calls, clock) = (calls.clone(), Arc::clone(&bench.clock));
    move |tasks| {
        let (calls, clock) = (calls.clone(), Arc::clone(&clock));
        Box::pin(async move {
            calls.add(aftercommit::Clock::now(clock.as_ref()).as_millis().to_string());
            if calls.entries().len() <= times {
                how()?;
            }
            digest(tasks).await
        })
    }
}

#[tokio::test(start_paused = true)]
async fn an_aggregator_that_fails_or_panics_is_called_again_after_growing_pauses() {
    for how in [|| Err("not now".into()), || panic!("as told")] as [fn() -> Result<(), HandlerError>; 2] {
        let lines = Lines::listen();
        let (bench, log, calls) = (Bench::new(), Log::default(), Log::default());
        put(&bench, "a", &["1", "2"]).await;
        let builder = bench.worker(digesting(&log)).aggregate(RULES, failing(&bench, &calls, 4, how));
        let worker = start(builder);
        assert_eq!(log.reaches(1).await, ["1 2"], "whole and in their order");
        let times: Vec<i64> = calls.entries().iter().map(|millis| millis.parse().unwrap()).collect();
        let pauses: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
        for (pause, wanted) in pauses.iter().zip([1_000, 2_000, 4_000, 8_000]) {
            assert!((wanted / 2..wanted + 250).contains(pause), "{pauses:?}");
        }
        assert_eq!(lines.with("could not aggregate a group"), 4, "{:#?}", lines.all());
        worker.shut_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_aggregator_says_when_it_wants_to_be_called_again() {
    let (bench, log, calls) = (Bench::new(), Log::default(), Log::default());
    put(&bench, "a", &["1"]).await;
    let later = || Err(HandlerError::retry_after(Duration::from_secs(20), "not yet"));
    let worker = start(bench.worker(digesting(&log)).aggregate(RULES, failing(&bench, &calls, 1, later)));
    log.reaches(1).await;
    let times: Vec<i64> = calls.entries().iter().map(|millis| millis.parse().unwrap()).collect();
    assert!((20_000..20_250).contains(&(times[1] - times[0])), "{times:?}");
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_aggregator_that_takes_too_long_is_stopped_and_its_tasks_go_back() {
    let (bench, log, calls) = (Bench::new(), Log::default(), Log::default());
    put(&bench, "a", &["1"]).await;
    let seen = calls.clone();
    let slow = move |tasks: GroupTasks| {
        let calls = seen.clone();
        async move {
            calls.add("call");
            if calls.entries().len() == 1 {
                std::future::pending::<()>().await;
            }
            digest(tasks).await
        }
    };
    let worker = start(bench.worker(digesting(&log)).aggregate(RULES, slow));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!((log.entries().len(), calls.entries().len()), (0, 1));
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(log.entries(), ["1"], "before the batch's own deadline, so that nobody else had it meanwhile");
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn one_group_that_fails_does_not_hold_up_the_others() {
    let (bench, log) = (Bench::new(), Log::default());
    for group in 0..8 {
        put(&bench, &format!("bad {group}"), &["bad"]).await;
    }
    put(&bench, "good", &["good"]).await;
    let picky = |tasks: GroupTasks| async move {
        if tasks.group().as_str().starts_with("bad") {
            return Err("bad".into());
        }
        digest(tasks).await
    };
    let worker = start(bench.worker(digesting(&log)).aggregate(RULES, picky));
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(log.entries(), ["good"]);
    tokio::time::sleep(Duration::from_secs(300)).await;
    put(&bench, "good", &["again"]).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    assert_eq!(log.entries(), ["good", "again"]);
    assert_eq!(waiting(&bench).await, 8, "the others wait on");
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_names_another_queue_is_an_error_that_says_so() {
    let lines = Lines::listen();
    let (bench, log) = (Bench::new(), Log::default());
    put(&bench, "a", &["1"]).await;
    let astray = |_: GroupTasks| async {
        Ok::<_, Error>(NewTask::of(&Digest { texts: Vec::new() })?.with(Options::new().queue("other")))
    };
    let worker = start(bench.worker(digesting(&log)).aggregate(RULES, astray));
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert!(
        lines.with("names queue other, but goes to the queue of the group, default") >= 1,
        "{:?}",
        lines.all()
    );
    assert_eq!((log.entries().len(), waiting(&bench).await), (0, 1));
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_stopping_worker_puts_its_batches_back_at_once() {
    let (bench, log) = (Bench::new(), Log::default());
    put(&bench, "a", &["1", "2"]).await;
    let stuck = |_: GroupTasks| std::future::pending::<Result<NewTask, HandlerError>>();
    let worker = start(bench.worker(digesting(&log)).aggregate(RULES, stuck));
    tokio::time::sleep(Duration::from_secs(12)).await;
    assert_eq!(groups(&bench).await.len(), 0, "they are in the worker's hands");
    let asked = bench.now();
    worker.shut_down().await;
    assert!(bench.now().since(asked) <= Duration::from_millis(10));
    let group = GroupName::new("a").unwrap();
    assert_eq!(groups(&bench).await, [GroupInfo { group, size: 2 }]);
}

#[tokio::test(start_paused = true)]
async fn the_batch_of_a_dead_worker_is_aggregated_by_another() {
    let (bench, log) = (Bench::new(), Log::default());
    put(&bench, "a", &["1", "2"]).await;
    let stuck = |_: GroupTasks| std::future::pending::<Result<NewTask, HandlerError>>();
    let dying = start(bench.worker(digesting(&log)).aggregate(RULES, stuck));
    tokio::time::sleep(Duration::from_secs(12)).await;
    dying.crash().await;
    let worker = start(aggregating(&bench, &log));
    assert_eq!(log.reaches(1).await, ["1 2"]);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_whose_aggregation_lost_its_answer_becomes_one_task_only() {
    let (bench, log) = (Bench::new(), Log::default());
    let faulty = Arc::new(Faulty::new(Arc::clone(&bench.backend), Faults::none()));
    for fault in [Fault::Refuse, Fault::Refuse, Fault::LoseAnswer] {
        faulty.inject(Call::Aggregate, fault);
    }
    put(&bench, "a", &["1", "2"]).await;
    let worker = start(bench.worker_over(faulty, digesting(&log)).aggregate(RULES, digest));
    tokio::time::sleep(Duration::from_secs(120)).await;
    assert_eq!(log.entries(), ["1 2"]);
    assert_eq!(waiting(&bench).await, 0);
    worker.shut_down().await;
}
