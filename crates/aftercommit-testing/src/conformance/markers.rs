//! Cases about the markers by which a task is recognised that is brought again: how long they are kept, and who
//! drops them.

use aftercommit_core::{MARKER_LIFE, Published, Refusal, Removal};

use super::Stage;
use super::publish::{finish, forget, publish, publish_all};
use super::task::{SECOND, TaskExt, ids, queue, task};

area!(conformance_of_markers, markers:
    a_forgotten_task_is_stored_again_once_its_id_is_free,
    forgetting_leaves_the_task_alone,
    what_was_never_brought_may_be_forgotten,
    a_marker_that_nobody_drops_passes_away,
    bringing_a_task_again_does_not_prolong_its_marker,
    a_refused_task_leaves_no_marker,
    a_marker_is_told_before_a_refusal,
    what_is_enqueued_leaves_no_marker_and_heeds_none,
    a_removed_queue_does_not_lose_its_markers,
);

async fn a_forgotten_task_is_stored_again_once_its_id_is_free(s: Stage) {
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Now));
    forget(&s, &[("q", "a")]).await;
    assert_eq!(publish(&s, task("q", "a")).await, Err(Refusal::IdConflict));
    finish(&s, "q").await;
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Now));
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Before), "it is known again");
}

async fn forgetting_leaves_the_task_alone(s: Stage) {
    publish_all(&s, &[task("q", "a"), task("q", "b")]).await;
    forget(&s, &[("q", "a"), ("q", "b")]).await;
    assert_eq!(ids(&s.take("q", 10).await), ["a", "b"]);
}

async fn what_was_never_brought_may_be_forgotten(s: Stage) {
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Now));
    forget(&s, &[]).await;
    forget(&s, &[("q", "b"), ("nowhere", "a")]).await;
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Before));
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
}

async fn a_marker_that_nobody_drops_passes_away(s: Stage) {
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Now));
    finish(&s, "q").await;
    s.pass(MARKER_LIFE - s.margin()).await;
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Before), "just before");
    s.pass(s.margin()).await;
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Now), "when it is over");
}

async fn bringing_a_task_again_does_not_prolong_its_marker(s: Stage) {
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Now));
    finish(&s, "q").await;
    s.pass(MARKER_LIFE / 2).await;
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Before));
    s.pass(MARKER_LIFE / 2).await;
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Now));
}

async fn a_refused_task_leaves_no_marker(s: Stage) {
    assert_eq!(s.enqueue(task("q", "a").unique_for(SECOND * 60)).await, Ok(()));
    let duplicate = task("q", "b").unique_for(SECOND * 60);
    assert_eq!(publish(&s, task("q", "a")).await, Err(Refusal::IdConflict));
    assert_eq!(publish(&s, duplicate.clone()).await, Err(Refusal::Duplicate));
    finish(&s, "q").await;
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Now));
    assert_eq!(publish(&s, duplicate).await, Ok(Published::Now));
}

async fn a_marker_is_told_before_a_refusal(s: Stage) {
    let unique = task("q", "a").unique_for(SECOND * 60);
    assert_eq!(publish(&s, unique.clone()).await, Ok(Published::Now));
    assert_eq!(publish(&s, unique.clone()).await, Ok(Published::Before), "the id is taken, by itself");
    finish(&s, "q").await;
    assert_eq!(s.enqueue(task("q", "b").unique_for(SECOND * 60)).await, Ok(()));
    assert_eq!(publish(&s, unique).await, Ok(Published::Before), "the lock is held, by another");
}

async fn what_is_enqueued_leaves_no_marker_and_heeds_none(s: Stage) {
    s.put("q", ["a"]).await;
    finish(&s, "q").await;
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Now));
    assert_eq!(s.enqueue(task("q", "a")).await, Err(Refusal::IdConflict));
    finish(&s, "q").await;
    assert_eq!(s.enqueue(task("q", "a")).await, Ok(()));
}

async fn a_removed_queue_does_not_lose_its_markers(s: Stage) {
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Now));
    finish(&s, "q").await;
    assert_eq!(s.backend().remove_queue(&queue("q")).await.expect("remove"), Removal::Removed);
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Before));
    assert_eq!(s.backend().queues().await.expect("queues"), [], "what is left alone makes no queue");
}
