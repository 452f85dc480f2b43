//! Cases about batches that nobody makes a task of: released by their aggregators, or reclaimed from dead ones.

use aftercommit_core::{GroupRules, QueueName, State};

use super::Stage;
use super::aggregate::{batch, is_as_it_was};
use super::group_steps::{
    AT_ONCE, GRACE, HOLD, QUIET, RulesExt, add, counted, gather, gather_one, ids_of, made_up, sizes, waiting,
};
use super::task::{MILLI, SECOND, queue};

area!(conformance_of_put_back, put_back:
    a_released_batch_waits_in_its_group_again,
    a_reclaimed_batch_waits_in_its_group_again,
    what_is_put_back_has_waited_all_the_time,
    what_is_put_back_stands_before_what_came_later,
    a_batch_is_reclaimed_exactly_at_its_deadline,
    a_batch_is_put_back_once,
    a_batch_that_never_was_is_not_released,
    no_more_batches_than_the_limit_are_reclaimed_and_the_earliest_first,
    only_the_named_queues_are_reclaimed,
    batches_of_one_group_are_put_back_apart_from_each_other,
);

async fn reclaim(s: &Stage, names: &[&str], limit: usize) -> usize {
    let names: Vec<QueueName> = names.iter().map(|name| queue(name)).collect();
    s.groups().reclaim(&names, limit).await.expect("reclaim")
}

/// The tasks `a` and `b` wait in the group as if they had never been gathered.
async fn wait_again(s: &Stage) {
    assert_eq!(sizes(s, "q").await, [("g".into(), 2)], "the group is listed again");
    assert_eq!(waiting(s, "q", "g").await, ["a", "b"]);
    assert_eq!(counted(s, "q").await, (2, 1));
    assert_eq!(ids_of(&gather_one(s, "q").await), ["a", "b"]);
}

async fn a_released_batch_waits_in_its_group_again(s: Stage) {
    let key = batch(&s).await.key;
    s.groups().release(&key).await.expect("release");
    wait_again(&s).await;
}

async fn a_reclaimed_batch_waits_in_its_group_again(s: Stage) {
    batch(&s).await;
    s.pass(HOLD).await;
    assert_eq!(reclaim(&s, &["q"], 10).await, 1);
    wait_again(&s).await;
}

async fn what_is_put_back_has_waited_all_the_time(s: Stage) {
    let first_ripe = s.after(GRACE);
    let key = batch(&s).await.key;
    s.pass(SECOND * 10).await;
    s.groups().release(&key).await.expect("release");
    assert_eq!(gather(&s, &["q"], &QUIET, 10).await.next_at, Some(first_ripe));
    gather_one(&s, "q").await;
    s.pass(HOLD).await;
    assert_eq!(reclaim(&s, &["q"], 10).await, 1);
    assert_eq!(gather(&s, &["q"], &QUIET, 10).await.batches.len(), 1, "it is long ripe");
}

async fn what_is_put_back_stands_before_what_came_later(s: Stage) {
    let key = batch(&s).await.key;
    s.pass(SECOND).await;
    add(&s, "q", "g", ["0", "c"]).await;
    s.groups().release(&key).await.expect("release");
    assert_eq!(waiting(&s, "q", "g").await, ["a", "b", "0", "c"]);
    let batches = gather(&s, &["q"], &AT_ONCE.max_size(3), 1).await.batches;
    assert_eq!(ids_of(&batches[0]), ["a", "b", "0"]);
}

async fn a_batch_is_reclaimed_exactly_at_its_deadline(s: Stage) {
    batch(&s).await;
    s.pass(HOLD - MILLI).await;
    assert_eq!(reclaim(&s, &["q"], 10).await, 0, "a millisecond before");
    is_as_it_was(&s).await;
    s.pass(MILLI).await;
    assert_eq!(reclaim(&s, &["q"], 10).await, 1, "on time");
}

async fn a_batch_is_put_back_once(s: Stage) {
    let key = batch(&s).await.key;
    s.groups().release(&key).await.expect("release");
    let again = gather_one(&s, "q").await;
    s.groups().release(&key).await.expect("releasing twice is no fault");
    is_as_it_was(&s).await;
    s.pass(HOLD).await;
    assert_eq!([reclaim(&s, &["q"], 10).await, reclaim(&s, &["q"], 10).await], [1, 0]);
    s.groups().release(&again.key).await.expect("release");
    assert_eq!(sizes(&s, "q").await, [("g".into(), 2)]);
}

async fn a_batch_that_never_was_is_not_released(s: Stage) {
    let key = batch(&s).await.key;
    s.groups().release(&made_up(&key)).await.expect("a batch that is gone is no fault");
    is_as_it_was(&s).await;
    assert_eq!(reclaim(&s, &["q", "nowhere"], 10).await, 0);
}

async fn no_more_batches_than_the_limit_are_reclaimed_and_the_earliest_first(s: Stage) {
    for (name, seconds) in [("c", 30), ("a", 10), ("b", 20)] {
        add(&s, "q", name, [name]).await;
        let rules = GroupRules { hold: SECOND * seconds, ..AT_ONCE };
        assert_eq!(gather(&s, &["q"], &rules, 10).await.batches.len(), 1);
    }
    s.pass(SECOND * 30).await;
    assert_eq!(reclaim(&s, &["q"], 0).await, 0);
    assert_eq!(reclaim(&s, &["q"], 2).await, 2);
    assert_eq!(sizes(&s, "q").await, [("a".into(), 1), ("b".into(), 1)]);
    assert_eq!(reclaim(&s, &["q"], 2).await, 1);
    assert_eq!(sizes(&s, "q").await.len(), 3);
}

async fn only_the_named_queues_are_reclaimed(s: Stage) {
    for name in ["q", "r"] {
        add(&s, name, "g", ["a"]).await;
        gather_one(&s, name).await;
    }
    s.pass(HOLD).await;
    assert_eq!(reclaim(&s, &["r"], 10).await, 1);
    assert_eq!((sizes(&s, "q").await.len(), sizes(&s, "r").await.len()), (0, 1));
    assert_eq!(reclaim(&s, &[], 10).await, 0);
}

async fn batches_of_one_group_are_put_back_apart_from_each_other(s: Stage) {
    add(&s, "q", "g", ["a", "b", "c", "d"]).await;
    let batches = gather(&s, &["q"], &AT_ONCE.max_size(2), 10).await.batches;
    s.groups().release(&batches[1].key).await.expect("release");
    assert_eq!(waiting(&s, "q", "g").await, ["c", "d"]);
    assert_eq!(s.listed("q", State::Aggregating).await, ["a", "b", "c", "d"]);
    s.groups().release(&batches[0].key).await.expect("release");
    assert_eq!(waiting(&s, "q", "g").await, ["a", "b", "c", "d"]);
}
