//! Cases about forwarding: never early, in the order of the due times, at most as many as allowed.

use std::time::Duration;

use aftercommit_core::{Forwarded, QueueName, State, Timestamp};

use super::Stage;
use super::task::{MILLI, SECOND, TaskExt, queue, retry, snooze, task};

area!(conformance_of_forward, forward:
    a_scheduled_task_is_never_early_not_by_a_millisecond,
    a_task_in_retry_is_never_early_either,
    a_snoozed_task_is_never_early_either,
    what_is_due_first_goes_first,
    scheduled_and_retry_go_in_one_order,
    a_forwarded_task_goes_to_the_back_of_its_queue,
    a_forwarded_task_keeps_everything_but_its_due_time,
    no_more_than_the_limit_are_moved_and_the_earliest_first,
    the_limit_is_for_all_queues_together,
    a_limit_of_zero_only_looks,
    the_next_due_time_is_the_earliest_that_is_left,
    nothing_waiting_means_no_next_due_time,
    other_queues_are_left_alone,
    an_unknown_queue_has_nothing_due,
    a_paused_queue_is_forwarded_all_the_same,
    a_task_is_forwarded_once,
    due_times_far_away_are_kept,
    many_tasks_due_at_the_same_moment_are_all_moved,
);

async fn forward(s: &Stage, names: &[&str], limit: usize) -> Forwarded {
    let names: Vec<QueueName> = names.iter().map(|name| queue(name)).collect();
    s.backend().forward(&names, limit).await.expect("forward")
}

async fn schedule(s: &Stage, name: &str, task_id: &str, due: Timestamp) {
    assert_eq!(s.enqueue(task(name, task_id).at(due)).await, Ok(()));
}

/// Turns the clock to a millisecond before `due`, looks, and again on time.
async fn is_forwarded_exactly_at(s: &Stage, due: Timestamp) {
    s.pass(due.since(s.now()) - MILLI).await;
    let early = Forwarded { moved: 0, next_due: Some(due) };
    assert_eq!(forward(s, &["q"], 10).await, early, "a millisecond before");
    s.pass(MILLI).await;
    let on_time = Forwarded { moved: 1, next_due: None };
    assert_eq!(forward(s, &["q"], 10).await, on_time, "on time");
    assert_eq!(s.state("q", "a").await, Some(State::Pending));
}

async fn a_scheduled_task_is_never_early_not_by_a_millisecond(s: Stage) {
    let due = s.after(Duration::from_millis(1_501));
    schedule(&s, "q", "a", due).await;
    is_forwarded_exactly_at(&s, due).await;
}

async fn a_task_in_retry_is_never_early_either(s: Stage) {
    let due = s.after(Duration::from_millis(15_999));
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, retry(due)).await, Ok(()));
    is_forwarded_exactly_at(&s, due).await;
}

async fn a_snoozed_task_is_never_early_either(s: Stage) {
    let due = s.after(Duration::from_millis(777));
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, snooze(due)).await, Ok(()));
    is_forwarded_exactly_at(&s, due).await;
}

async fn what_is_due_first_goes_first(s: Stage) {
    for (name, millis) in [("c", 1_003), ("a", 1_001), ("d", 2_000), ("b", 1_002)] {
        schedule(&s, "q", name, s.after(Duration::from_millis(millis))).await;
    }
    s.pass(SECOND * 3).await;
    assert_eq!(forward(&s, &["q"], 10).await.moved, 4);
    assert_eq!(s.listed("q", State::Pending).await, ["a", "b", "c", "d"]);
}

async fn scheduled_and_retry_go_in_one_order(s: Stage) {
    s.put("q", ["b", "d"]).await;
    let taken = s.take("q", 2).await;
    assert_eq!(s.settle(&taken[0], retry(s.after(SECOND * 2))).await, Ok(()));
    assert_eq!(s.settle(&taken[1], snooze(s.after(SECOND * 4))).await, Ok(()));
    schedule(&s, "q", "c", s.after(SECOND * 3)).await;
    schedule(&s, "q", "a", s.after(SECOND)).await;
    s.pass(SECOND * 4).await;
    assert_eq!(forward(&s, &["q"], 10).await.moved, 4);
    assert_eq!(s.listed("q", State::Pending).await, ["a", "b", "c", "d"]);
}

async fn a_forwarded_task_goes_to_the_back_of_its_queue(s: Stage) {
    schedule(&s, "q", "due", s.after(SECOND)).await;
    s.put("q", ["a", "b"]).await;
    s.pass(SECOND).await;
    assert_eq!(s.forward("q").await, 1);
    s.put("q", ["c"]).await;
    assert_eq!(s.listed("q", State::Pending).await, ["a", "b", "due", "c"]);
}

async fn a_forwarded_task_keeps_everything_but_its_due_time(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, retry(s.after(SECOND))).await, Ok(()));
    let mut wanted = s.info("q", "a").await;
    s.pass(SECOND).await;
    assert_eq!(s.forward("q").await, 1);
    wanted.state = State::Pending;
    wanted.next_process_at = None;
    assert_eq!(s.info("q", "a").await, wanted);
    assert_eq!(s.queue_info("q").await.oldest_pending_since, Some(s.now()), "it waits since now");
}

async fn no_more_than_the_limit_are_moved_and_the_earliest_first(s: Stage) {
    for i in (0..10_u32).rev() {
        schedule(&s, "q", &i.to_string(), s.after(SECOND * (i + 1))).await;
    }
    let overdue = s.after(SECOND * 4);
    s.pass(SECOND * 10).await;
    assert_eq!(forward(&s, &["q"], 3).await, Forwarded { moved: 3, next_due: Some(overdue) });
    assert_eq!(s.listed("q", State::Pending).await, ["0", "1", "2"]);
    assert_eq!(forward(&s, &["q"], 7).await, Forwarded { moved: 7, next_due: None });
}

async fn the_limit_is_for_all_queues_together(s: Stage) {
    for name in ["q", "r"] {
        for i in 0..5_u32 {
            schedule(&s, name, &i.to_string(), s.after(SECOND * (i + 1))).await;
        }
    }
    s.pass(SECOND * 10).await;
    assert_eq!(forward(&s, &["q", "r"], 7).await.moved, 7);
    let waiting = s.counts("q").await[2] + s.counts("r").await[2];
    assert_eq!(waiting, 3);
    assert_eq!(forward(&s, &["q", "r"], 7).await, Forwarded { moved: 3, next_due: None });
}

async fn a_limit_of_zero_only_looks(s: Stage) {
    let due = s.after(SECOND);
    schedule(&s, "q", "a", due).await;
    s.pass(SECOND * 2).await;
    assert_eq!(forward(&s, &["q"], 0).await, Forwarded { moved: 0, next_due: Some(due) });
    assert_eq!(s.state("q", "a").await, Some(State::Scheduled));
}

async fn the_next_due_time_is_the_earliest_that_is_left(s: Stage) {
    let now = s.now();
    schedule(&s, "q", "a", now.plus(SECOND)).await;
    schedule(&s, "q", "b", now.plus(SECOND * 20)).await;
    schedule(&s, "r", "c", now.plus(SECOND * 10)).await;
    s.put("r", ["d"]).await;
    let leased = s.take_one("r").await;
    assert_eq!(s.settle(&leased, retry(now.plus(SECOND * 5))).await, Ok(()));
    s.pass(SECOND).await;
    let answers = [
        (1, Some(now.plus(SECOND * 5))),
        (1, Some(now.plus(SECOND * 10))),
        (1, Some(now.plus(SECOND * 20))),
        (1, None),
    ];
    for ((moved, next_due), pause) in answers.into_iter().zip([4, 5, 10, 0]) {
        assert_eq!(forward(&s, &["q", "r"], 10).await, Forwarded { moved, next_due });
        s.pass(SECOND * pause).await;
    }
}

async fn nothing_waiting_means_no_next_due_time(s: Stage) {
    s.put("q", ["a"]).await;
    assert_eq!(forward(&s, &["q"], 10).await, Forwarded { moved: 0, next_due: None });
    assert_eq!(forward(&s, &[], 10).await, Forwarded { moved: 0, next_due: None });
}

async fn other_queues_are_left_alone(s: Stage) {
    schedule(&s, "q", "a", s.after(SECOND)).await;
    schedule(&s, "r", "a", s.after(SECOND)).await;
    s.pass(SECOND).await;
    assert_eq!(forward(&s, &["r"], 10).await, Forwarded { moved: 1, next_due: None });
    assert_eq!(s.state("q", "a").await, Some(State::Scheduled));
}

async fn an_unknown_queue_has_nothing_due(s: Stage) {
    assert_eq!(forward(&s, &["nowhere"], 10).await, Forwarded { moved: 0, next_due: None });
    assert_eq!(s.backend().queues().await.expect("queues"), []);
}

async fn a_paused_queue_is_forwarded_all_the_same(s: Stage) {
    schedule(&s, "q", "a", s.after(SECOND)).await;
    s.backend().pause(&queue("q")).await.expect("pause");
    s.pass(SECOND).await;
    assert_eq!(s.forward("q").await, 1);
}

async fn a_task_is_forwarded_once(s: Stage) {
    schedule(&s, "q", "a", s.after(SECOND)).await;
    s.pass(SECOND).await;
    assert_eq!(s.forward("q").await, 1);
    assert_eq!(s.forward("q").await, 0);
    s.take_one("q").await;
    assert_eq!(s.forward("q").await, 0);
    assert_eq!(s.state("q", "a").await, Some(State::Active));
}

async fn due_times_far_away_are_kept(s: Stage) {
    let in_a_thousand_years = Timestamp::from_millis(33_000_000_000_001);
    schedule(&s, "q", "a", in_a_thousand_years).await;
    assert_eq!(s.info("q", "a").await.next_process_at, Some(in_a_thousand_years));
    assert_eq!(forward(&s, &["q"], 1).await, Forwarded { moved: 0, next_due: Some(in_a_thousand_years) });
}

async fn many_tasks_due_at_the_same_moment_are_all_moved(s: Stage) {
    let due = s.after(SECOND);
    let batch: Vec<_> = (0..500).map(|i| task("q", &format!("t{i}")).at(due)).collect();
    assert_eq!(s.enqueue_all(&batch).await, vec![Ok(()); 500]);
    s.pass(SECOND).await;
    let mut moved = Vec::new();
    while s.counts("q").await[2] > 0 {
        moved.push(forward(&s, &["q"], 200).await.moved);
        assert!(moved.len() <= 3, "each call moves as many as it may: {moved:?}");
    }
    assert_eq!(moved, [200, 200, 100]);
    assert_eq!(s.counts("q").await[0], 500);
}
