//! Cases about forgetting a queue.

use aftercommit_core::{Action, LeaseLost, Operation, Outcome, Removal, State};

use super::Stage;
use super::stage::STATES;
use super::task::{RECOVERED, id, queue, task};

area!(conformance_of_remove_queue, remove_queue:
    an_empty_queue_is_forgotten_with_its_counters,
    a_queue_with_a_task_in_any_state_is_left_as_it_is,
    a_queue_that_does_not_exist_is_not_removed,
    a_pause_is_forgotten_too,
    other_queues_are_left_alone,
    a_removed_queue_may_be_used_again,
    a_lease_of_before_is_not_one_of_after,
);

async fn remove(s: &Stage, name: &str) -> Removal {
    s.backend().remove_queue(&queue(name)).await.expect("remove")
}

/// A queue that has processed one task and is empty.
async fn emptied(s: &Stage, name: &str) {
    s.put(name, ["a"]).await;
    let leased = s.take_one(name).await;
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
}

async fn an_empty_queue_is_forgotten_with_its_counters(s: Stage) {
    emptied(&s, "q").await;
    assert_eq!(remove(&s, "q").await, Removal::Removed);
    assert_eq!(s.backend().queues().await.expect("queues"), []);
    assert_eq!(s.backend().queue(&queue("q")).await.expect("queue"), None);
    let today = s.backend().history(&queue("q"), 1).await.expect("history").remove(0);
    assert_eq!((today.processed, today.failed), (0, 0));
    assert_eq!(remove(&s, "q").await, Removal::NotFound, "again");
}

async fn a_queue_with_a_task_in_any_state_is_left_as_it_is(s: Stage) {
    for state in STATES {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        let before = (s.info(name, "a").await, s.queue_info(name).await);
        assert_eq!(remove(&s, name).await, Removal::NotEmpty, "{state}");
        assert_eq!((s.info(name, "a").await, s.queue_info(name).await), before, "{state}");
    }
}

async fn a_queue_that_does_not_exist_is_not_removed(s: Stage) {
    assert_eq!(remove(&s, "nowhere").await, Removal::NotFound);
    s.backend().pause(&queue("paused")).await.expect("pause");
    assert_eq!(remove(&s, "paused").await, Removal::NotFound, "it never held a task");
    s.put("paused", ["a"]).await;
    assert_eq!(s.take("paused", 1).await, [], "and it is still paused");
}

async fn a_pause_is_forgotten_too(s: Stage) {
    emptied(&s, "q").await;
    s.backend().pause(&queue("q")).await.expect("pause");
    assert_eq!(remove(&s, "q").await, Removal::Removed);
    s.put("q", ["a"]).await;
    assert_eq!(s.queue_info("q").await.paused_since, None);
    assert_eq!(s.take("q", 1).await.len(), 1);
}

async fn other_queues_are_left_alone(s: Stage) {
    for name in ["q", "q2", "r"] {
        emptied(&s, name).await;
    }
    let before = s.queue_info("q2").await;
    assert_eq!(remove(&s, "q").await, Removal::Removed);
    assert_eq!(s.backend().queues().await.expect("queues"), ["q2", "r"].map(queue));
    assert_eq!(s.queue_info("q2").await, before);
}

async fn a_removed_queue_may_be_used_again(s: Stage) {
    emptied(&s, "q").await;
    assert_eq!(remove(&s, "q").await, Removal::Removed);
    s.put("q", ["a", "b"]).await;
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
    assert_eq!(s.processed_and_failed("q").await, (0, 0));
    let leased = s.take_one("q").await;
    assert_eq!(leased.message, task("q", "a").message);
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
    assert_eq!(s.processed_and_failed("q").await, (1, 0));
    assert_eq!(s.state("q", "b").await, Some(State::Pending));
}

async fn a_lease_of_before_is_not_one_of_after(s: Stage) {
    s.put("q", ["a"]).await;
    let before = s.take_one("q").await;
    assert_eq!(s.settle(&before, RECOVERED).await, Ok(()));
    let deleted = s.backend().operate(&queue("q"), &id("a"), Operation::Delete).await;
    assert_eq!(deleted.expect("delete"), Action::Applied);
    assert_eq!(remove(&s, "q").await, Removal::Removed);
    s.put("q", ["a"]).await;
    let after = s.take_one("q").await;
    assert_ne!(after.lease.token, before.lease.token, "a token is never used again");
    assert_eq!(s.settle(&before, Outcome::Done).await, Err(LeaseLost));
    assert_eq!(s.settle(&after, Outcome::Done).await, Ok(()));
}
