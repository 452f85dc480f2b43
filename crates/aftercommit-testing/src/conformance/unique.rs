//! Cases about unique locks: who holds one, how long, and who frees it.

use aftercommit_core::{Action, Enqueue, InspectExt, Outcome, Refusal, State};

use super::Stage;
use super::stage::STATES;
use super::task::{RETURNED, SECOND, TaskExt, archive, complete, id, queue, retry, snooze, task, task_type};

area!(conformance_of_unique, unique:
    a_second_task_with_the_same_payload_is_a_duplicate,
    the_lock_is_about_queue_type_and_payload_and_nothing_else,
    a_task_that_does_not_ask_for_the_lock_passes,
    the_second_of_two_unique_tasks_in_a_batch_is_refused,
    a_duplicate_leaves_nothing_behind,
    a_duplicate_does_not_prolong_the_lock,
    the_lock_ends_when_its_time_is_over_and_not_before,
    a_done_task_frees_its_lock,
    a_completed_task_frees_its_lock,
    deleting_a_task_frees_its_lock_in_every_state,
    a_lock_is_kept_through_retry_and_forward,
    a_lock_is_kept_through_snooze_and_requeue,
    a_lock_is_kept_in_the_archive_until_its_time_is_over,
    a_scheduled_task_holds_its_lock_while_it_waits,
    a_lock_that_has_passed_on_is_not_freed_by_its_first_owner,
    deleting_a_first_owner_does_not_free_a_lock_that_has_passed_on,
    an_id_conflict_takes_no_lock,
    an_id_conflict_is_told_before_a_held_lock,
    a_task_that_never_held_the_lock_does_not_free_it,
);

fn unique(task_id: &str) -> Enqueue {
    task("q", task_id).unique_for(SECOND * 60)
}

/// True if the lock of [`unique`] is held: a probe that leaves nothing behind.
async fn is_locked(s: &Stage) -> bool {
    match s.enqueue(unique("probe")).await {
        Err(Refusal::Duplicate) => true,
        Err(Refusal::IdConflict) => panic!("nobody has the id of the probe"),
        Ok(()) => {
            let deleted = s.backend().delete(&queue("q"), &id("probe")).await.expect("delete");
            assert_eq!(deleted, Action::Applied);
            false
        }
    }
}

async fn a_second_task_with_the_same_payload_is_a_duplicate(s: Stage) {
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    assert_eq!(s.enqueue(unique("b")).await, Err(Refusal::Duplicate));
    assert_eq!(s.enqueue(unique("c").at(s.after(SECOND))).await, Err(Refusal::Duplicate));
}

async fn the_lock_is_about_queue_type_and_payload_and_nothing_else(s: Stage) {
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    assert_eq!(s.enqueue(task("r", "a").unique_for(SECOND)).await, Ok(()), "another queue");
    let other_type = unique("b").with(|message| message.task_type = task_type("suite:other"));
    assert_eq!(s.enqueue(other_type).await, Ok(()), "another type");
    let other_payload = unique("c").with(|message| message.payload = "{ }".into());
    assert_eq!(s.enqueue(other_payload).await, Ok(()), "another payload");
    let other_rest = unique("d").with(|message| {
        message.headers = [("k".into(), "v".into())].into();
        message.max_retry = 99;
        message.retention = SECOND;
    });
    assert_eq!(s.enqueue(other_rest).await, Err(Refusal::Duplicate), "other headers and options");
}

async fn a_task_that_does_not_ask_for_the_lock_passes(s: Stage) {
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    assert_eq!(s.enqueue(task("q", "b")).await, Ok(()));
    assert!(is_locked(&s).await);
}

async fn the_second_of_two_unique_tasks_in_a_batch_is_refused(s: Stage) {
    let answers = s.enqueue_all(&[unique("a"), unique("b")]).await;
    assert_eq!(answers, [Ok(()), Err(Refusal::Duplicate)]);
}

async fn a_duplicate_leaves_nothing_behind(s: Stage) {
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    let before = s.queue_info("q").await;
    assert_eq!(s.enqueue(unique("b")).await, Err(Refusal::Duplicate));
    assert_eq!(s.find("q", "b").await, None);
    assert_eq!(s.queue_info("q").await, before);
    assert_eq!(s.enqueue(task("q", "b")).await, Ok(()), "its id is free");
}

async fn a_duplicate_does_not_prolong_the_lock(s: Stage) {
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    s.pass(SECOND * 30).await;
    assert_eq!(s.enqueue(unique("b")).await, Err(Refusal::Duplicate));
    s.pass(SECOND * 30).await;
    assert!(!is_locked(&s).await);
}

async fn the_lock_ends_when_its_time_is_over_and_not_before(s: Stage) {
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    s.pass(SECOND * 60 - s.margin()).await;
    assert!(is_locked(&s).await, "just before");
    s.pass(s.margin()).await;
    assert!(!is_locked(&s).await, "on time");
}

async fn a_done_task_frees_its_lock(s: Stage) {
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    let leased = s.take_one("q").await;
    assert!(is_locked(&s).await, "while it runs");
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
    assert!(!is_locked(&s).await, "afterwards");
}

async fn a_completed_task_frees_its_lock(s: Stage) {
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, complete(SECOND * 60)).await, Ok(()));
    assert!(!is_locked(&s).await);
}

async fn deleting_a_task_frees_its_lock_in_every_state(s: Stage) {
    for state in STATES {
        if state == State::Active {
            continue;
        }
        s.bring_task(unique("a"), state).await;
        let deleted = s.backend().delete(&queue("q"), &id("a")).await.expect("delete");
        assert_eq!(deleted, Action::Applied, "{state}");
        assert!(!is_locked(&s).await, "{state}");
    }
}

async fn a_lock_is_kept_through_retry_and_forward(s: Stage) {
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, retry(s.after(SECOND))).await, Ok(()));
    assert!(is_locked(&s).await, "while it waits for its next attempt");
    s.pass(SECOND).await;
    assert_eq!(s.forward("q").await, 1);
    assert!(is_locked(&s).await, "when it is pending again");
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
    assert!(!is_locked(&s).await, "when it is done at last");
}

async fn a_lock_is_kept_through_snooze_and_requeue(s: Stage) {
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, RETURNED).await, Ok(()));
    assert!(is_locked(&s).await, "returned");
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, snooze(s.after(SECOND))).await, Ok(()));
    assert!(is_locked(&s).await, "put off");
}

async fn a_lock_is_kept_in_the_archive_until_its_time_is_over(s: Stage) {
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, archive()).await, Ok(()));
    assert!(is_locked(&s).await);
    s.pass(SECOND * 60).await;
    assert!(!is_locked(&s).await);
}

async fn a_scheduled_task_holds_its_lock_while_it_waits(s: Stage) {
    assert_eq!(s.enqueue(unique("a").at(s.after(SECOND * 40))).await, Ok(()));
    s.pass(SECOND * 40).await;
    assert!(is_locked(&s).await);
    assert_eq!(s.forward("q").await, 1);
    assert!(is_locked(&s).await);
}

async fn a_lock_that_has_passed_on_is_not_freed_by_its_first_owner(s: Stage) {
    assert_eq!(s.enqueue(unique("first")).await, Ok(()));
    let first = s.take_one("q").await;
    s.pass(SECOND * 60).await;
    assert_eq!(s.enqueue(unique("second")).await, Ok(()));
    assert_eq!(s.settle(&first, Outcome::Done).await, Ok(()));
    assert!(is_locked(&s).await, "it is the second one's");
    let second = s.take_one("q").await;
    assert_eq!(s.settle(&second, Outcome::Done).await, Ok(()));
    assert!(!is_locked(&s).await);
}

async fn deleting_a_first_owner_does_not_free_a_lock_that_has_passed_on(s: Stage) {
    assert_eq!(s.enqueue(unique("first")).await, Ok(()));
    s.pass(SECOND * 60).await;
    assert_eq!(s.enqueue(unique("second")).await, Ok(()));
    let deleted = s.backend().delete(&queue("q"), &id("first")).await.expect("delete");
    assert_eq!(deleted, Action::Applied);
    assert!(is_locked(&s).await);
}

async fn an_id_conflict_takes_no_lock(s: Stage) {
    s.put("q", ["a"]).await;
    assert_eq!(s.enqueue(unique("a")).await, Err(Refusal::IdConflict));
    assert!(!is_locked(&s).await);
}

async fn an_id_conflict_is_told_before_a_held_lock(s: Stage) {
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    assert_eq!(s.enqueue(unique("a")).await, Err(Refusal::IdConflict), "repeating an enqueue says so");
    assert!(is_locked(&s).await, "and leaves the lock as it was");
}

async fn a_task_that_never_held_the_lock_does_not_free_it(s: Stage) {
    s.put("q", ["plain"]).await;
    let plain = s.take_one("q").await;
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    assert_eq!(s.settle(&plain, Outcome::Done).await, Ok(()));
    assert!(is_locked(&s).await);
}
