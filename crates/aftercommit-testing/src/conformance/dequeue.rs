//! Cases about taking tasks: order, quotas and how they spill over, pauses, and what a lease says.

use std::time::Duration;

use aftercommit_core::{LeaseGrant, Leased, Quota, State, WorkerId};

use super::Stage;
use super::task::{LEASE, RETURNED, SECOND, TaskExt, ids, queue, task};

area!(conformance_of_dequeue, dequeue:
    the_oldest_come_first,
    no_more_come_than_were_asked_for,
    fewer_come_when_there_are_fewer,
    a_task_is_given_once,
    each_queue_gives_its_quota,
    tasks_of_each_queue_come_oldest_first_whatever_spills,
    what_a_queue_cannot_fill_spills_over_to_the_next,
    a_spill_goes_to_the_queues_in_the_order_given,
    a_spill_reaches_queues_named_earlier,
    a_quota_of_zero_takes_what_others_leave,
    a_quota_of_zero_takes_nothing_when_the_others_are_full,
    only_zero_quotas_take_nothing,
    no_quotas_take_nothing,
    an_empty_queue_gives_nothing,
    an_unknown_queue_gives_nothing_and_does_not_come_to_exist,
    a_paused_queue_gives_nothing_and_its_quota_spills_over,
    scheduled_tasks_are_not_given_even_when_overdue,
    a_taken_task_is_active_in_the_hands_of_its_worker,
    a_lease_lasts_for_the_granted_duration,
    workers_that_take_in_turn_get_different_tasks,
    a_task_taken_again_has_another_token,
    five_hundred_come_with_one_call,
    five_hundred_come_from_several_queues_with_one_call,
);

/// The ids that came from one queue, in the order in which they came.
fn from(leased: &[Leased], name: &str) -> Vec<String> {
    let mine: Vec<_> = leased.iter().filter(|l| l.lease.queue.as_str() == name).cloned().collect();
    ids(&mine)
}

async fn the_oldest_come_first(s: Stage) {
    s.put("q", ["z", "a", "m"]).await;
    s.put("q", ["b"]).await;
    assert_eq!(ids(&s.take("q", 2).await), ["z", "a"]);
    assert_eq!(ids(&s.take("q", 2).await), ["m", "b"]);
}

async fn no_more_come_than_were_asked_for(s: Stage) {
    s.put("q", ["a", "b", "c"]).await;
    assert_eq!(ids(&s.take("q", 1).await), ["a"]);
    assert_eq!(s.listed("q", State::Pending).await, ["b", "c"]);
}

async fn fewer_come_when_there_are_fewer(s: Stage) {
    s.put("q", ["a", "b"]).await;
    assert_eq!(ids(&s.take("q", 10).await), ["a", "b"]);
}

async fn a_task_is_given_once(s: Stage) {
    s.put("q", ["a"]).await;
    assert_eq!(s.take("q", 1).await.len(), 1);
    assert_eq!(s.take("q", 1).await, []);
}

async fn each_queue_gives_its_quota(s: Stage) {
    s.put("q", ["q1", "q2", "q3", "q4"]).await;
    s.put("r", ["r1", "r2", "r3", "r4"]).await;
    let leased = s.take_from(&[("q", 3), ("r", 1)]).await;
    assert_eq!(from(&leased, "q"), ["q1", "q2", "q3"]);
    assert_eq!(from(&leased, "r"), ["r1"]);
}

async fn tasks_of_each_queue_come_oldest_first_whatever_spills(s: Stage) {
    s.put("q", ["q1", "q2", "q3", "q4"]).await;
    s.put("r", ["r1"]).await;
    let leased = s.take_from(&[("q", 1), ("r", 3)]).await;
    assert_eq!(from(&leased, "q"), ["q1", "q2", "q3"]);
    assert_eq!(from(&leased, "r"), ["r1"]);
}

async fn what_a_queue_cannot_fill_spills_over_to_the_next(s: Stage) {
    s.put("q", ["q1"]).await;
    s.put("r", ["r1", "r2", "r3", "r4", "r5"]).await;
    let leased = s.take_from(&[("q", 3), ("r", 1)]).await;
    assert_eq!(from(&leased, "q"), ["q1"]);
    assert_eq!(from(&leased, "r"), ["r1", "r2", "r3"]);
}

async fn a_spill_goes_to_the_queues_in_the_order_given(s: Stage) {
    s.put("q", ["q1", "q2"]).await;
    s.put("r", ["r1", "r2", "r3"]).await;
    let leased = s.take_from(&[("empty", 3), ("r", 1), ("q", 0)]).await;
    assert_eq!(from(&leased, "r"), ["r1", "r2", "r3"]);
    assert_eq!(from(&leased, "q"), ["q1"]);
}

async fn a_spill_reaches_queues_named_earlier(s: Stage) {
    s.put("q", ["q1", "q2", "q3"]).await;
    let leased = s.take_from(&[("q", 1), ("empty", 2)]).await;
    assert_eq!(from(&leased, "q"), ["q1", "q2", "q3"]);
}

async fn a_quota_of_zero_takes_what_others_leave(s: Stage) {
    s.put("q", ["q1"]).await;
    s.put("r", ["r1", "r2", "r3"]).await;
    let leased = s.take_from(&[("q", 2), ("r", 0)]).await;
    assert_eq!(from(&leased, "q"), ["q1"]);
    assert_eq!(from(&leased, "r"), ["r1"]);
}

async fn a_quota_of_zero_takes_nothing_when_the_others_are_full(s: Stage) {
    s.put("q", ["q1", "q2"]).await;
    s.put("r", ["r1"]).await;
    let leased = s.take_from(&[("r", 0), ("q", 2)]).await;
    assert_eq!(ids(&leased), ["q1", "q2"]);
}

async fn only_zero_quotas_take_nothing(s: Stage) {
    s.put("q", ["a"]).await;
    assert_eq!(s.take_from(&[("q", 0)]).await, []);
    assert_eq!(s.state("q", "a").await, Some(State::Pending));
}

async fn no_quotas_take_nothing(s: Stage) {
    s.put("q", ["a"]).await;
    assert_eq!(s.take_from(&[]).await, []);
}

async fn an_empty_queue_gives_nothing(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, aftercommit_core::Outcome::Done).await, Ok(()));
    assert_eq!(s.take("q", 10).await, []);
}

async fn an_unknown_queue_gives_nothing_and_does_not_come_to_exist(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_from(&[("nowhere", 5), ("q", 1)]).await;
    assert_eq!(ids(&leased), ["a"]);
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
}

async fn a_paused_queue_gives_nothing_and_its_quota_spills_over(s: Stage) {
    s.put("q", ["q1", "q2"]).await;
    s.put("r", ["r1", "r2", "r3"]).await;
    s.backend().pause(&queue("q")).await.expect("pause");
    let leased = s.take_from(&[("q", 2), ("r", 1)]).await;
    assert_eq!(ids(&leased), ["r1", "r2", "r3"]);
    s.backend().resume(&queue("q")).await.expect("resume");
    assert_eq!(ids(&s.take_from(&[("q", 2), ("r", 1)]).await), ["q1", "q2"]);
}

async fn scheduled_tasks_are_not_given_even_when_overdue(s: Stage) {
    assert_eq!(s.enqueue(task("q", "a").at(s.after(SECOND))).await, Ok(()));
    s.pass(SECOND * 10).await;
    assert_eq!(s.take("q", 1).await, []);
    assert_eq!(s.forward("q").await, 1);
    assert_eq!(ids(&s.take("q", 1).await), ["a"]);
}

async fn a_taken_task_is_active_in_the_hands_of_its_worker(s: Stage) {
    s.put("q", ["a"]).await;
    let worker = WorkerId::from_stored("host-é:77:0198");
    let leased = s.take_as(&worker, &[("q", 1)], LEASE).await.remove(0);
    assert_eq!((leased.lease.queue.as_str(), leased.lease.id.as_str()), ("q", "a"));
    let info = s.info("q", "a").await;
    assert_eq!(info.state, State::Active);
    assert_eq!((info.worker, info.lease), (Some(worker), Some(leased.lease)));
    assert_eq!(s.counts("q").await, [0, 1, 0, 0, 0, 0]);
}

async fn a_lease_lasts_for_the_granted_duration(s: Stage) {
    for millis in [1_000, 30_000, 86_400_000] {
        let name = format!("q{millis}");
        s.put(&name, ["a"]).await;
        let duration = Duration::from_millis(millis);
        let worker = WorkerId::from_stored("w");
        let leased = s.take_as(&worker, &[(&name, 1)], duration).await;
        assert_eq!(leased[0].lease.expires_at, s.after(duration));
    }
}

async fn workers_that_take_in_turn_get_different_tasks(s: Stage) {
    s.put("q", ["a", "b"]).await;
    for (worker, wanted) in [("w1", "a"), ("w2", "b")] {
        let worker = WorkerId::from_stored(worker);
        assert_eq!(ids(&s.take_as(&worker, &[("q", 1)], LEASE).await), [wanted]);
        let holder = s.info("q", wanted).await.worker.expect("the store knows who has the task");
        assert_eq!(holder, worker);
    }
}

async fn a_task_taken_again_has_another_token(s: Stage) {
    s.put("q", ["a"]).await;
    let mut tokens = Vec::new();
    for _ in 0..10 {
        let leased = s.take_one("q").await;
        assert!(!tokens.contains(&leased.lease.token), "token {} was used before", leased.lease.token);
        tokens.push(leased.lease.token);
        assert_eq!(s.settle(&leased, RETURNED).await, Ok(()));
    }
}

async fn five_hundred_come_with_one_call(s: Stage) {
    let names: Vec<String> = (0..600).map(|i| format!("t{i}")).collect();
    s.put("q", &names).await;
    assert_eq!(ids(&s.take("q", 500).await), names[..500]);
    assert_eq!(s.counts("q").await, [100, 500, 0, 0, 0, 0]);
}

async fn five_hundred_come_from_several_queues_with_one_call(s: Stage) {
    for name in ["q", "r", "s"] {
        s.put(name, (0..200).map(|i| format!("{name}{i}"))).await;
    }
    let quotas = [("q", 300), ("r", 150), ("s", 50)].map(|(name, count)| Quota { queue: queue(name), count });
    let grant = LeaseGrant { worker: WorkerId::from_stored("w"), duration: LEASE };
    let leased = s.backend().dequeue(&quotas, &grant).await.expect("dequeue");
    let counts = ["q", "r", "s"].map(|name| from(&leased, name).len());
    assert_eq!(counts, [200, 200, 100]);
}
