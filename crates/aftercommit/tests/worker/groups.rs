//! Groups: many tasks become one, and what happens when they do not.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aftercommit::{
    Client, Error, GroupInfo, GroupName, GroupRules, GroupTasks, HandlerError, NewTask, Options, QueueName,
    Router, State, Task, TaskState, WorkerBuilder,
};
use aftercommit_testing::{Call, Fault, Faults, Faulty};
use serde::{Deserialize, Serialize};

use crate::harness::{Bench, Log, Note, note, start};
use crate::lines::Lines;
use crate::spy::{Abilities, Spy};

/// What is made of notes.
#[derive(Debug, Serialize, Deserialize)]
struct Digest {
    texts: Vec<String>,
}

impl Task for Digest {
    const TYPE: &'static str = "note:digest";
}

const RULES: GroupRules = GroupRules {
    grace_period: Duration::from_secs(10),
    max_delay: None,
    max_size: None,
    hold: Duration::from_secs(60),
};

fn digesting(log: &Log) -> Router<Log> {
    Router::with_state(log.clone())
        .route(async |State(log): State<Log>, digest: Digest| log.add(digest.texts.join(" ")))
        .route(async |State(log): State<Log>, task: Note| log.add(task.text))
}

async fn digest(tasks: GroupTasks) -> Result<NewTask, HandlerError> {
    let texts = tasks.payloads::<Note>()?.into_iter().map(|note| note.text).collect();
    Ok(NewTask::of(&Digest { texts })?)
}

fn aggregating(bench: &Bench, log: &Log) -> WorkerBuilder {
    bench.worker(digesting(log)).aggregate(RULES, digest)
}

async fn put(bench: &Bench, group: &str, texts: &[&str]) {
    for text in texts {
        bench.client.enqueue(&note(text)).group(group).await.unwrap();
    }
}

async fn groups(bench: &Bench) -> Vec<GroupInfo> {
    bench.backend.groups().unwrap().groups(&QueueName::default()).await.unwrap()
}

async fn waiting(bench: &Bench) -> u64 {
    let info = bench.backend.queue(&QueueName::default()).await.unwrap().unwrap();
    info.counts.get(TaskState::Aggregating)
}

#[tokio::test(start_paused = true)]
async fn tasks_of_a_group_become_one_when_nothing_has_come_for_the_grace_period() {
    let (bench, log) = (Bench::new(), Log::default());
    let worker = start(aggregating(&bench, &log));
    put(&bench, "a", &["1", "2"]).await;
    tokio::time::sleep(Duration::from_secs(6)).await;
    put(&bench, "a", &["3"]).await;
    put(&bench, "b", &["x"]).await;
    let last = bench.now();
    assert_eq!(log.reaches(2).await, ["1 2 3", "x"]);
    let took = bench.now().since(last);
    assert!(took >= Duration::from_secs(10) && took <= Duration::from_millis(10_200), "{took:?}");
    assert_eq!((groups(&bench).await.len(), waiting(&bench).await), (0, 0));
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_full_group_does_not_wait_and_its_batches_are_no_larger_than_allowed() {
    let (bench, log) = (Bench::new(), Log::default());
    let rules = GroupRules { max_size: Some(3), ..RULES };
    let worker = start(bench.worker(digesting(&log)).aggregate(rules, digest));
    put(&bench, "a", &["1", "2", "3", "4", "5", "6", "7"]).await;
    let begun = bench.now();
    log.reaches(2).await;
    assert!(bench.now().since(begun) <= Duration::from_millis(300));
    assert_eq!(log.reaches(3).await, ["1 2 3", "4 5 6", "7"]);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn at_most_three_batches_are_aggregated_at_once() {
    let (bench, log) = (Bench::new(), Log::default());
    let (running, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counts = (Arc::clone(&running), Arc::clone(&most));
    let slow = move |tasks: GroupTasks| {
        let (running, most) = counts.clone();
        async move {
            most.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_secs(1)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            digest(tasks).await
        }
    };
    for group in 0..10 {
        put(&bench, &group.to_string(), &["n"]).await;
    }
    let begun = bench.now();
    let worker = start(bench.worker(digesting(&log)).aggregate(RULES, slow));
    log.reaches(10).await;
    assert_eq!(most.load(Ordering::SeqCst), 3);
    assert!(bench.now().since(begun) <= Duration::from_millis(14_500), "no slot is left idle");
    worker.shut_down().await;
}

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

#[tokio::test(start_paused = true)]
async fn a_worker_without_an_aggregator_says_once_that_tasks_wait_for_one() {
    for put_first in [1, 0] {
        let lines = Lines::listen();
        let bench = Bench::new();
        put(&bench, "a", &["1"][..put_first]).await;
        let worker = start(bench.worker(digesting(&Log::default())));
        tokio::time::sleep(Duration::from_secs(1)).await;
        put(&bench, "a", &["2", "3"]).await;
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert_eq!(lines.with("this worker has no aggregator"), 1, "{:#?}", lines.all());
        worker.shut_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn many_tasks_that_join_a_group_do_not_make_the_worker_look_each_time() {
    let (bench, spy) = Spy::bench(Abilities::All);
    let log = Log::default();
    let worker = start(bench.worker_over(Arc::clone(&spy) as _, digesting(&log)).aggregate(RULES, digest));
    for _ in 0..5_000 {
        put(&bench, "a", &["n"]).await;
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(spy.seen().gathers <= 60, "{} looks in five seconds", spy.seen().gathers);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_back_end_without_groups_refuses_their_tasks_and_aggregators() {
    let (bench, spy) = Spy::bench(Abilities::None);
    let client = Client::from_dyn(Arc::clone(&spy) as _).with_clock(Arc::clone(&bench.clock) as _);
    let refused = client.enqueue(&note("1")).group("a").await.unwrap_err();
    assert_eq!(refused.to_string(), "invalid option group: Spy keeps no groups");
    let task = NewTask::of(&note("1")).unwrap().with(Options::new().group("a"));
    assert!(matches!(client.enqueue_batch([task]).await, Err(Error::Invalid { .. })));
    let rules = GroupRules { grace_period: Duration::ZERO, hold: Duration::ZERO, max_size: Some(0), ..RULES };
    let built = bench.worker_over(spy, digesting(&Log::default())).aggregate(rules, digest).build();
    let Err(Error::Assembly(faults)) = built else { panic!("it was built") };
    for fault in ["keeps no groups", "grace period", "time to aggregate", "size of a batch"] {
        assert!(faults.contains(fault), "{faults}");
    }
}
