//! Cases about giving a scheduled task another payload.

use aftercommit_core::{Action, Outcome, Refusal, State};
use bytes::Bytes;

use super::Stage;
use super::stage::STATES;
use super::task::{SECOND, TaskExt, id, queue, task};

area!(conformance_of_update_payload, update_payload:
    a_scheduled_task_gets_another_payload_and_nothing_else_changes,
    the_new_payload_is_kept_byte_for_byte,
    the_new_payload_is_the_one_that_runs,
    a_task_in_another_state_keeps_its_payload,
    a_task_that_does_not_exist_has_no_payload,
    the_unique_lock_stays_the_one_it_was_enqueued_with,
);

async fn update(s: &Stage, name: &str, task_id: &str, payload: impl Into<Bytes>) -> Action {
    s.backend().update_payload(&queue(name), &id(task_id), payload.into()).await.expect("update")
}

async fn a_scheduled_task_gets_another_payload_and_nothing_else_changes(s: Stage) {
    let headers = [("k".into(), "v".into())].into();
    let new = task("q", "a").with(|message| message.headers = headers).at(s.after(SECOND * 60));
    assert_eq!(s.enqueue(new).await, Ok(()));
    let mut wanted = s.info("q", "a").await;
    s.pass(SECOND).await;
    assert_eq!(update(&s, "q", "a", "new").await, Action::Applied);
    wanted.message.payload = "new".into();
    assert_eq!(s.info("q", "a").await, wanted);
    assert_eq!(s.counts("q").await, [0, 0, 1, 0, 0, 0]);
}

async fn the_new_payload_is_kept_byte_for_byte(s: Stage) {
    s.bring("q", "a", State::Scheduled).await;
    for payload in [vec![], vec![0, 255, 10, 13, 0], vec![b'x'; 100_000]] {
        assert_eq!(update(&s, "q", "a", payload.clone()).await, Action::Applied);
        assert_eq!(s.info("q", "a").await.message.payload, payload);
    }
}

async fn the_new_payload_is_the_one_that_runs(s: Stage) {
    s.bring("q", "a", State::Scheduled).await;
    assert_eq!(update(&s, "q", "a", "new").await, Action::Applied);
    s.pass(SECOND * 60).await;
    assert_eq!(s.forward("q").await, 1);
    assert_eq!(s.take_one("q").await.message.payload, "new");
}

async fn a_task_in_another_state_keeps_its_payload(s: Stage) {
    for state in STATES.into_iter().filter(|state| *state != State::Scheduled) {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        let before = s.info(name, "a").await;
        assert_eq!(update(&s, name, "a", "new").await, Action::Refused(state));
        assert_eq!(s.info(name, "a").await, before, "{state}");
    }
}

async fn a_task_that_does_not_exist_has_no_payload(s: Stage) {
    s.bring("q", "a", State::Scheduled).await;
    assert_eq!(update(&s, "q", "b", "new").await, Action::NotFound);
    assert_eq!(update(&s, "nowhere", "a", "new").await, Action::NotFound);
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
}

async fn the_unique_lock_stays_the_one_it_was_enqueued_with(s: Stage) {
    let unique = |task_id: &str, payload: &'static str| {
        task("q", task_id).with(|message| message.payload = payload.into()).unique_for(SECOND * 600)
    };
    assert_eq!(s.enqueue(unique("a", "old").at(s.after(SECOND * 60))).await, Ok(()));
    assert_eq!(update(&s, "q", "a", "new").await, Action::Applied);
    assert_eq!(s.enqueue(unique("b", "old")).await, Err(Refusal::Duplicate), "the old lock is held");
    assert_eq!(s.enqueue(unique("c", "new")).await, Ok(()), "and the new payload has none");
    s.pass(SECOND * 60).await;
    assert_eq!(s.forward("q").await, 1);
    let taken = s.take("q", 2).await;
    let of = |name: &str| taken.iter().find(|leased| leased.lease.id == id(name)).expect("it was given");
    assert_eq!(s.settle(of("a"), Outcome::Done).await, Ok(()));
    assert_eq!(s.enqueue(unique("d", "old")).await, Ok(()), "its own lock is freed");
    assert_eq!(s.enqueue(unique("e", "new")).await, Err(Refusal::Duplicate), "and not somebody else's");
}
