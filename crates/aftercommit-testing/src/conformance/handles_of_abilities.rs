//! Cases with a second handle about what not every back-end can do; one that cannot holds them trivially.

use aftercommit_core::{AggregateRefusal, Published, Refusal, Wake};
use futures_util::StreamExt;

use super::Stage;
use super::group_steps::{AT_ONCE, HOLD, QUIET, add, counted, gather, gather_one, ids_of, sizes};
use super::handles::{restarted, second};
use super::task::{TaskExt, id, queue, task};

area!(conformance_of_handles_of_abilities, handles_of_abilities:
    a_batch_is_aggregated_through_any_handle_and_once,
    two_handles_never_gather_the_same_task,
    a_task_that_joins_a_group_through_another_handle_wakes,
    groups_and_batches_survive_a_restart,
    what_was_brought_through_one_handle_is_known_to_every_other,
    markers_survive_a_restart,
);

async fn a_batch_is_aggregated_through_any_handle_and_once(s: Stage) {
    if s.backend().groups().is_none() {
        return;
    }
    let other = second(&s).await;
    let there = other.groups().expect("every handle has the same abilities");
    add(&s, "q", "g", ["a", "b"]).await;
    let key = gather_one(&s, "q").await.key;
    assert_eq!(there.aggregate(&key, &task("q", "whole")).await.expect("aggregate"), Ok(()));
    let again = s.groups().aggregate(&key, &task("q", "again")).await.expect("aggregate");
    assert_eq!(again, Err(AggregateRefusal::BatchLost));
    assert_eq!(super::task::ids(&s.take("q", 10).await), ["whole"]);
}

async fn two_handles_never_gather_the_same_task(s: Stage) {
    if s.backend().groups().is_none() {
        return;
    }
    let other = second(&s).await;
    let there = other.groups().expect("every handle has the same abilities");
    add(&s, "q", "g", ["a", "b"]).await;
    assert_eq!(ids_of(&gather_one(&s, "q").await), ["a", "b"]);
    assert_eq!(there.gather(&[queue("q")], &AT_ONCE, 10).await.expect("gather").batches, []);
    s.pass(HOLD).await;
    assert_eq!(there.reclaim(&[queue("q")], 10).await.expect("reclaim"), 1);
    assert_eq!(sizes(&s, "q").await, [("g".into(), 2)]);
}

async fn a_task_that_joins_a_group_through_another_handle_wakes(s: Stage) {
    if s.backend().groups().is_none() {
        return;
    }
    let other = second(&s).await;
    let mut wakes = s.backend().wakes(Wake::Groups, &[queue("q")]);
    assert_eq!(gather(&s, &["q"], &AT_ONCE, 1).await.batches, []);
    assert_eq!(other.enqueue(&[task("q", "a").of("g")]).await.expect("enqueue"), [Ok(())]);
    let hint = tokio::time::timeout(super::wakes::ARRIVAL, wakes.next()).await;
    assert_eq!(hint.expect("a hint arrives"), Some(()));
}

async fn groups_and_batches_survive_a_restart(s: Stage) {
    if s.backend().groups().is_none() {
        return;
    }
    add(&s, "q", "g", ["a", "b"]).await;
    let key = gather_one(&s, "q").await.key;
    add(&s, "q", "g", ["c"]).await;
    add(&s, "q", "h", ["d"]).await;
    let before = (sizes(&s, "q").await, counted(&s, "q").await, gather(&s, &["q"], &QUIET, 1).await.next_at);
    let s = restarted(s).await;
    let after = (sizes(&s, "q").await, counted(&s, "q").await, gather(&s, &["q"], &QUIET, 1).await.next_at);
    assert_eq!(after, before);
    assert_eq!(s.groups().aggregate(&key, &task("q", "whole")).await.expect("aggregate"), Ok(()));
    let mut batches: Vec<_> = gather(&s, &["q"], &AT_ONCE, 10).await.batches.iter().map(ids_of).collect();
    batches.sort();
    assert_eq!(batches, [["c"], ["d"]]);
}

async fn what_was_brought_through_one_handle_is_known_to_every_other(s: Stage) {
    if s.backend().publisher().is_none() {
        return;
    }
    let other = second(&s).await;
    let there = other.publisher().expect("every handle has the same abilities");
    let batch = [task("q", "a")];
    assert_eq!(s.publisher().publish(&batch).await.expect("publish"), [Ok(Published::Now)]);
    assert_eq!(there.publish(&batch).await.expect("publish"), [Ok(Published::Before)]);
    there.forget(&[(queue("q"), id("a"))]).await.expect("forget");
    assert_eq!(s.publisher().publish(&batch).await.expect("publish"), [Err(Refusal::IdConflict)]);
}

async fn markers_survive_a_restart(s: Stage) {
    if s.backend().publisher().is_none() {
        return;
    }
    let batch = [task("q", "a")];
    assert_eq!(s.publisher().publish(&batch).await.expect("publish"), [Ok(Published::Now)]);
    let s = restarted(s).await;
    assert_eq!(s.publisher().publish(&batch).await.expect("publish"), [Ok(Published::Before)]);
}
