//! Cases about putting one task in the place of a batch: both or neither, and once.

use aftercommit_core::{
    AggregateRefusal, Batch, BatchKey, Enqueue, Error, Operation, Outcome, Refusal, State, Wake,
};
use futures_util::StreamExt;

use super::Stage;
use super::group_steps::{HOLD, add, counted, gather_one, ids_of, made_up, sizes, waiting};
use super::task::{SECOND, TaskExt, group, id, queue, task};

area!(conformance_of_aggregate, aggregate:
    one_task_takes_the_place_of_a_batch,
    the_new_task_goes_to_the_back_of_its_queue,
    the_new_task_may_be_scheduled_unique_or_of_a_group,
    a_batch_is_aggregated_once,
    a_batch_that_never_was_is_lost,
    a_batch_of_another_group_or_queue_is_lost,
    a_late_aggregator_is_in_time_until_the_batch_is_put_back,
    a_batch_that_was_put_back_is_lost,
    a_refused_task_leaves_the_batch_as_it_was,
    a_lost_batch_is_told_before_a_refused_task,
    the_unique_locks_of_the_batch_are_freed,
    a_lock_that_has_passed_on_is_not_freed_by_its_first_owner,
    the_new_task_may_take_the_id_and_the_lock_of_one_of_the_batch,
    the_new_task_goes_to_the_queue_of_the_batch,
    aggregating_counts_as_nothing,
    an_aggregate_wakes_those_who_wait_for_its_task,
);

pub(super) async fn aggregate(s: &Stage, key: &BatchKey, task: Enqueue) -> Result<(), AggregateRefusal> {
    s.groups().aggregate(key, &task).await.expect("aggregate")
}

/// A batch of the tasks `a` and `b` of the group `g`.
pub(super) async fn batch(s: &Stage) -> Batch {
    add(s, "q", "g", ["a", "b"]).await;
    gather_one(s, "q").await
}

/// The tasks `a` and `b` are in a batch, and nothing else is in the queue.
pub(super) async fn is_as_it_was(s: &Stage) {
    assert_eq!(s.listed("q", State::Aggregating).await, ["a", "b"]);
    assert_eq!(s.queue_info("q").await.counts.total(), 2);
    assert_eq!(sizes(s, "q").await, []);
}

async fn one_task_takes_the_place_of_a_batch(s: Stage) {
    let batch = batch(&s).await;
    assert_eq!(aggregate(&s, &batch.key, task("q", "whole")).await, Ok(()));
    assert_eq!(s.find("q", "a").await, None);
    assert_eq!(counted(&s, "q").await, (0, 0));
    assert_eq!(s.queue_info("q").await.counts.total(), 1);
    assert_eq!(s.take_one("q").await.message, task("q", "whole").message);
    assert_eq!(s.enqueue(task("q", "b")).await, Ok(()), "the ids are free");
    s.pass(HOLD).await;
    assert_eq!(s.groups().reclaim(&[queue("q")], 10).await.expect("reclaim"), 0);
}

async fn the_new_task_goes_to_the_back_of_its_queue(s: Stage) {
    s.put("q", ["first"]).await;
    let batch = batch(&s).await;
    assert_eq!(aggregate(&s, &batch.key, task("q", "whole")).await, Ok(()));
    s.put("q", ["last"]).await;
    assert_eq!(s.listed("q", State::Pending).await, ["first", "whole", "last"]);
    assert!(s.queue_info("q").await.oldest_pending_since.is_some());
}

async fn the_new_task_may_be_scheduled_unique_or_of_a_group(s: Stage) {
    let key = batch(&s).await.key;
    let new = task("q", "later").at(s.after(SECOND)).unique_for(SECOND * 60);
    assert_eq!(aggregate(&s, &key, new).await, Ok(()));
    assert_eq!(s.info("q", "later").await.next_process_at, Some(s.after(SECOND)));
    assert_eq!(s.enqueue(task("q", "x").unique_for(SECOND)).await, Err(Refusal::Duplicate));
    let key = batch(&s).await.key;
    assert_eq!(aggregate(&s, &key, task("q", "whole").of("wholes")).await, Ok(()));
    assert_eq!(waiting(&s, "q", "wholes").await, ["whole"]);
}

async fn a_batch_is_aggregated_once(s: Stage) {
    let key = batch(&s).await.key;
    assert_eq!(aggregate(&s, &key, task("q", "whole")).await, Ok(()));
    for name in ["whole", "another"] {
        assert_eq!(aggregate(&s, &key, task("q", name)).await, Err(AggregateRefusal::BatchLost));
    }
    assert_eq!(s.listed("q", State::Pending).await, ["whole"]);
}

async fn a_batch_that_never_was_is_lost(s: Stage) {
    let key = batch(&s).await.key;
    assert_eq!(aggregate(&s, &made_up(&key), task("q", "whole")).await, Err(AggregateRefusal::BatchLost));
    is_as_it_was(&s).await;
    let nowhere = BatchKey { queue: queue("nowhere"), ..key };
    assert_eq!(aggregate(&s, &nowhere, task("nowhere", "x")).await, Err(AggregateRefusal::BatchLost));
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
}

async fn a_batch_of_another_group_or_queue_is_lost(s: Stage) {
    let key = batch(&s).await.key;
    add(&s, "r", "g", ["a"]).await;
    add(&s, "q", "h", ["c"]).await;
    let other_group = BatchKey { group: group("h"), ..key.clone() };
    assert_eq!(aggregate(&s, &other_group, task("q", "whole")).await, Err(AggregateRefusal::BatchLost));
    let other_queue = BatchKey { queue: queue("r"), ..key.clone() };
    assert_eq!(aggregate(&s, &other_queue, task("r", "whole")).await, Err(AggregateRefusal::BatchLost));
    assert_eq!(aggregate(&s, &key, task("q", "whole")).await, Ok(()));
    assert_eq!((sizes(&s, "q").await, sizes(&s, "r").await), (vec![("h".into(), 1)], vec![("g".into(), 1)]));
}

async fn a_late_aggregator_is_in_time_until_the_batch_is_put_back(s: Stage) {
    let key = batch(&s).await.key;
    s.pass(HOLD * 10).await;
    assert_eq!(aggregate(&s, &key, task("q", "whole")).await, Ok(()));
}

async fn a_batch_that_was_put_back_is_lost(s: Stage) {
    let released = batch(&s).await.key;
    s.groups().release(&released).await.expect("release");
    let reclaimed = gather_one(&s, "q").await.key;
    s.pass(HOLD).await;
    assert_eq!(s.groups().reclaim(&[queue("q")], 10).await.expect("reclaim"), 1);
    let held = gather_one(&s, "q").await;
    for key in [released, reclaimed] {
        assert_eq!(aggregate(&s, &key, task("q", "x")).await, Err(AggregateRefusal::BatchLost));
        s.groups().release(&key).await.expect("release");
        is_as_it_was(&s).await;
    }
    assert_eq!(ids_of(&held), ["a", "b"]);
    assert_eq!(aggregate(&s, &held.key, task("q", "whole")).await, Ok(()));
}

async fn a_refused_task_leaves_the_batch_as_it_was(s: Stage) {
    let key = batch(&s).await.key;
    s.put("r", ["taken"]).await;
    assert_eq!(s.enqueue(task("q", "taken").unique_for(SECOND * 60)).await, Ok(()));
    let refused = AggregateRefusal::Task(Refusal::IdConflict);
    assert_eq!(aggregate(&s, &key, task("q", "taken")).await, Err(refused));
    let duplicate = task("q", "whole").unique_for(SECOND * 60);
    let refused = AggregateRefusal::Task(Refusal::Duplicate);
    assert_eq!(aggregate(&s, &key, duplicate).await, Err(refused));
    assert_eq!(s.find("q", "whole").await, None);
    s.backend().operate(&queue("q"), &id("taken"), Operation::Delete).await.expect("delete");
    is_as_it_was(&s).await;
    assert_eq!(aggregate(&s, &key, task("q", "whole").unique_for(SECOND)).await, Ok(()));
}

async fn a_lost_batch_is_told_before_a_refused_task(s: Stage) {
    let key = batch(&s).await.key;
    assert_eq!(aggregate(&s, &key, task("q", "whole")).await, Ok(()));
    let again = task("q", "whole").unique_for(SECOND);
    assert_eq!(aggregate(&s, &key, again).await, Err(AggregateRefusal::BatchLost));
}

async fn the_unique_locks_of_the_batch_are_freed(s: Stage) {
    let unique =
        |name: &str| task("q", name).with(|m| m.payload = name.to_owned().into()).unique_for(SECOND * 60);
    for name in ["a", "b"] {
        assert_eq!(s.enqueue(unique(name).of("g")).await, Ok(()));
    }
    let key = gather_one(&s, "q").await.key;
    let probe = |name: &str| unique(name).with(|message| message.id = id(&format!("probe-{name}")));
    assert_eq!(s.enqueue(probe("a")).await, Err(Refusal::Duplicate), "held while it is in the batch");
    assert_eq!(aggregate(&s, &key, task("q", "whole")).await, Ok(()));
    for name in ["a", "b"] {
        assert_eq!(s.enqueue(probe(name)).await, Ok(()), "{name}");
    }
}

async fn a_lock_that_has_passed_on_is_not_freed_by_its_first_owner(s: Stage) {
    assert_eq!(s.enqueue(task("q", "first").of("g").unique_for(SECOND * 60)).await, Ok(()));
    s.pass(SECOND * 60).await;
    assert_eq!(s.enqueue(task("q", "second").unique_for(SECOND * 60)).await, Ok(()));
    let key = gather_one(&s, "q").await.key;
    assert_eq!(aggregate(&s, &key, task("q", "whole")).await, Ok(()));
    assert_eq!(s.enqueue(task("q", "third").unique_for(SECOND)).await, Err(Refusal::Duplicate));
}

async fn the_new_task_may_take_the_id_and_the_lock_of_one_of_the_batch(s: Stage) {
    let unique = task("q", "a").unique_for(SECOND * 60);
    assert_eq!(s.enqueue(unique.clone().of("g")).await, Ok(()));
    let key = gather_one(&s, "q").await.key;
    assert_eq!(aggregate(&s, &key, unique).await, Ok(()));
    assert_eq!(s.info("q", "a").await.message.group, None);
    assert_eq!(
        s.enqueue(task("q", "b").unique_for(SECOND)).await,
        Err(Refusal::Duplicate),
        "it has the lock"
    );
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
    assert_eq!(s.enqueue(task("q", "b").unique_for(SECOND)).await, Ok(()));
}

async fn the_new_task_goes_to_the_queue_of_the_batch(s: Stage) {
    let key = batch(&s).await.key;
    let refused = s.groups().aggregate(&key, &task("r", "whole")).await.expect_err("it is refused");
    assert!(matches!(refused, Error::Invalid { what: "queue", .. }), "{refused}");
    is_as_it_was(&s).await;
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
}

async fn aggregating_counts_as_nothing(s: Stage) {
    let key = batch(&s).await.key;
    assert_eq!(aggregate(&s, &key, task("q", "whole")).await, Ok(()));
    assert_eq!(s.processed_and_failed("q").await, (0, 0));
}

async fn an_aggregate_wakes_those_who_wait_for_its_task(s: Stage) {
    let key = batch(&s).await.key;
    let mut wakes = s.backend().wakes(Wake::Pending, &[queue("q")]);
    assert_eq!(aggregate(&s, &key, task("q", "whole")).await, Ok(()));
    let hint = tokio::time::timeout(super::wakes::ARRIVAL, wakes.next()).await;
    assert_eq!(hint.expect("a hint arrives"), Some(()));
}
