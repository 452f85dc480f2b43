//! Cases about what operators see of queues: names, counts, waiting times, history.

use std::time::Duration;

use aftercommit_core::{InspectExt, Outcome, State, WorkerId};

use super::Stage;
use super::stage::STATES;
use super::task::{LEASE, RETURNED, SECOND, TaskExt, archive, queue, retry, task};

area!(conformance_of_inspect, inspect:
    there_are_no_queues_at_first,
    queues_are_listed_by_name,
    an_emptied_queue_still_exists,
    an_unknown_queue_is_none,
    every_state_is_counted,
    counts_follow_a_task_through_its_life,
    the_oldest_pending_task_says_since_when_it_waits,
    a_returned_task_waits_since_it_was_returned,
    nothing_pending_means_nobody_waits,
    history_starts_today_and_goes_back,
    history_changes_days_at_midnight_utc,
    history_of_no_days_is_empty,
    history_of_an_unknown_queue_is_all_zero,
    queues_count_apart_from_each_other,
    only_an_active_task_says_who_works_on_it,
    a_task_says_who_works_on_it_now,
);

async fn there_are_no_queues_at_first(s: Stage) {
    assert_eq!(s.backend().queues().await.expect("queues"), []);
}

async fn queues_are_listed_by_name(s: Stage) {
    for name in ["m", "z", "a", "B", "é"] {
        s.put(name, ["x"]).await;
    }
    assert_eq!(s.enqueue(task("later", "x").at(s.after(SECOND))).await, Ok(()));
    let wanted = ["B", "a", "later", "m", "z", "é"].map(queue);
    assert_eq!(s.backend().queues().await.expect("queues"), wanted);
}

async fn an_emptied_queue_still_exists(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
    let info = s.queue_info("q").await;
    assert_eq!((info.counts.total(), info.processed, info.failed), (0, 1, 0));
    assert_eq!(info.queue, queue("q"));
}

async fn an_unknown_queue_is_none(s: Stage) {
    s.put("q", ["a"]).await;
    assert_eq!(s.backend().queue(&queue("nowhere")).await.expect("queue"), None);
}

async fn every_state_is_counted(s: Stage) {
    for (i, state) in STATES.into_iter().enumerate().rev() {
        // From the last state to the first, so that a task on its way never meets a pending one.
        for n in 0..=i {
            s.bring("q", &format!("{state}-{n}"), state).await;
            if state == State::Pending {
                break;
            }
        }
    }
    assert_eq!(s.counts("q").await, [1, 2, 3, 4, 5, 6]);
    assert_eq!(s.queue_info("q").await.counts.get(State::Aggregating), 0);
}

async fn counts_follow_a_task_through_its_life(s: Stage) {
    assert_eq!(s.enqueue(task("q", "a").at(s.after(SECOND))).await, Ok(()));
    assert_eq!(s.counts("q").await, [0, 0, 1, 0, 0, 0]);
    s.pass(SECOND).await;
    assert_eq!(s.forward("q").await, 1);
    assert_eq!(s.counts("q").await, [1, 0, 0, 0, 0, 0]);
    let leased = s.take_one("q").await;
    assert_eq!(s.counts("q").await, [0, 1, 0, 0, 0, 0]);
    assert_eq!(s.settle(&leased, retry(s.now())).await, Ok(()));
    assert_eq!(s.counts("q").await, [0, 0, 0, 1, 0, 0]);
    assert_eq!(s.forward("q").await, 1);
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, archive()).await, Ok(()));
    assert_eq!(s.counts("q").await, [0, 0, 0, 0, 1, 0]);
    s.backend().delete(&queue("q"), &super::task::id("a")).await.expect("delete");
    assert_eq!(s.counts("q").await, [0; 6]);
}

async fn the_oldest_pending_task_says_since_when_it_waits(s: Stage) {
    let first = s.now();
    s.put("q", ["a"]).await;
    s.pass(SECOND * 5).await;
    let second = s.now();
    s.put("q", ["b"]).await;
    s.pass(SECOND * 5).await;
    assert_eq!(s.queue_info("q").await.oldest_pending_since, Some(first));
    s.take_one("q").await;
    assert_eq!(s.queue_info("q").await.oldest_pending_since, Some(second));
}

async fn a_returned_task_waits_since_it_was_returned(s: Stage) {
    s.put("q", ["a", "b"]).await;
    let leased = s.take_one("q").await;
    s.pass(SECOND * 5).await;
    assert_eq!(s.settle(&leased, RETURNED).await, Ok(()));
    assert_eq!(s.queue_info("q").await.oldest_pending_since, Some(s.now()));
}

async fn nothing_pending_means_nobody_waits(s: Stage) {
    assert_eq!(s.enqueue(task("q", "a").at(s.after(SECOND))).await, Ok(()));
    assert_eq!(s.queue_info("q").await.oldest_pending_since, None);
}

/// Processes tasks today, some of which fail.
async fn process(s: &Stage, name: &str, good: usize, bad: usize) {
    for i in 0..good + bad {
        s.put(name, [format!("{}-{i}", s.now())]).await;
        let leased = s.take_one(name).await;
        let outcome = if i < good { Outcome::Done } else { archive() };
        assert_eq!(s.settle(&leased, outcome).await, Ok(()));
    }
}

/// What the history says, as (processed, failed) by day, after a look at the days themselves.
async fn history(s: &Stage, name: &str, days: usize) -> Vec<(u64, u64)> {
    let history = s.backend().history(&queue(name), days).await.expect("history");
    let wanted: Vec<i64> = (0_i64..).take(days).map(|back| s.now().day() - back).collect();
    assert_eq!(history.iter().map(|count| count.day).collect::<Vec<_>>(), wanted);
    history.iter().map(|count| (count.processed, count.failed)).collect()
}

const DAY: Duration = Duration::from_secs(86_400);

async fn history_starts_today_and_goes_back(s: Stage) {
    process(&s, "q", 1, 0).await;
    s.pass(DAY).await;
    process(&s, "q", 2, 1).await;
    s.pass(DAY * 2).await;
    process(&s, "q", 0, 2).await;
    assert_eq!(history(&s, "q", 5).await, [(2, 2), (0, 0), (3, 1), (1, 0), (0, 0)]);
    assert_eq!(history(&s, "q", 1).await, [(2, 2)]);
    assert_eq!(s.processed_and_failed("q").await, (6, 3));
}

async fn history_changes_days_at_midnight_utc(s: Stage) {
    let today = s.now().as_millis().rem_euclid(86_400_000).unsigned_abs();
    s.pass(DAY - Duration::from_millis(today) - Duration::from_millis(1)).await;
    process(&s, "q", 1, 0).await;
    assert_eq!(history(&s, "q", 2).await, [(1, 0), (0, 0)], "a millisecond before midnight");
    s.pass(Duration::from_millis(1)).await;
    assert_eq!(history(&s, "q", 2).await, [(0, 0), (1, 0)], "at midnight");
    process(&s, "q", 0, 1).await;
    assert_eq!(history(&s, "q", 2).await, [(1, 1), (1, 0)]);
}

async fn history_of_no_days_is_empty(s: Stage) {
    process(&s, "q", 1, 0).await;
    assert_eq!(history(&s, "q", 0).await, []);
}

async fn history_of_an_unknown_queue_is_all_zero(s: Stage) {
    assert_eq!(history(&s, "nowhere", 3).await, [(0, 0); 3]);
}

async fn queues_count_apart_from_each_other(s: Stage) {
    process(&s, "q", 2, 1).await;
    process(&s, "r", 1, 0).await;
    assert_eq!(history(&s, "q", 1).await, [(3, 1)]);
    assert_eq!(history(&s, "r", 1).await, [(1, 0)]);
    assert_eq!(s.counts("r").await, [0; 6]);
}

async fn only_an_active_task_says_who_works_on_it(s: Stage) {
    for state in STATES {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        let info = s.info(name, "a").await;
        let active = state == State::Active;
        assert_eq!((info.worker.is_some(), info.lease.is_some()), (active, active), "{state}");
        assert_eq!(s.list(name, state).await[0].worker, info.worker, "{state}");
    }
}

async fn a_task_says_who_works_on_it_now(s: Stage) {
    s.put("q", ["a"]).await;
    let first = s.take_one("q").await;
    let second = WorkerId::from_stored("suite-host:2:it's ☃");
    assert_ne!(s.info("q", "a").await.worker, Some(second.clone()));
    assert_eq!(s.settle(&first, RETURNED).await, Ok(()));
    assert_eq!(s.info("q", "a").await.worker, None);
    assert_eq!(s.take_as(&second, &[("q", 1)], LEASE).await.len(), 1);
    assert_eq!(s.info("q", "a").await.worker, Some(second));
}
