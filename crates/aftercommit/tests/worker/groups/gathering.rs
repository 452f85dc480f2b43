//! When groups are aggregated, and by whom.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aftercommit::{Client, Error, GroupRules, GroupTasks, NewTask, Options};

use super::{RULES, aggregating, digest, digesting, groups, put, waiting};
use crate::harness::{Bench, Log, note, start};
use crate::lines::Lines;
use crate::spy::{Abilities, Spy};

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
