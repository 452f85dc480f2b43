//! Cases about what operators do to one task: run it now, delete it.

use aftercommit_core::{Action, InspectExt, State};

use super::Stage;
use super::stage::STATES;
use super::task::{SECOND, id, queue, retry};

area!(conformance_of_operate, operate:
    a_waiting_or_ended_task_can_be_run_now,
    a_task_run_now_goes_to_the_back_of_its_queue,
    a_task_run_now_keeps_its_retries_and_its_last_error,
    a_task_run_now_is_not_forwarded_once_more,
    a_pending_or_active_task_is_not_run,
    a_task_that_does_not_exist_is_not_run,
    a_task_that_is_not_active_can_be_deleted,
    an_active_task_is_not_deleted,
    a_task_that_does_not_exist_is_not_deleted,
    a_deleted_task_is_not_given_and_not_forwarded,
    operating_counts_as_nothing,
);

async fn run(s: &Stage, name: &str, task_id: &str) -> Action {
    s.backend().run(&queue(name), &id(task_id)).await.expect("run")
}

async fn delete(s: &Stage, name: &str, task_id: &str) -> Action {
    s.backend().delete(&queue(name), &id(task_id)).await.expect("delete")
}

const CAN_RUN: [State; 4] = [State::Scheduled, State::Retry, State::Archived, State::Completed];

async fn a_waiting_or_ended_task_can_be_run_now(s: Stage) {
    for state in CAN_RUN {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        s.pass(SECOND).await;
        assert_eq!(run(&s, name, "a").await, Action::Applied, "{state}");
        let info = s.info(name, "a").await;
        assert_eq!(info.state, State::Pending, "{state}");
        assert_eq!((info.next_process_at, info.ended_at, info.result), (None, None, None), "{state}");
        assert_eq!(s.counts(name).await, [1, 0, 0, 0, 0, 0], "{state}");
        assert_eq!(s.queue_info(name).await.oldest_pending_since, Some(s.now()), "{state}");
        assert_eq!(s.take_one(name).await.message, info.message, "{state}");
    }
}

async fn a_task_run_now_goes_to_the_back_of_its_queue(s: Stage) {
    for state in CAN_RUN {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        s.put(name, ["b", "c"]).await;
        assert_eq!(run(&s, name, "a").await, Action::Applied);
        assert_eq!(s.listed(name, State::Pending).await, ["b", "c", "a"], "{state}");
    }
}

async fn a_task_run_now_keeps_its_retries_and_its_last_error(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, retry(s.after(SECOND))).await, Ok(()));
    let before = s.info("q", "a").await.message;
    assert_eq!(run(&s, "q", "a").await, Action::Applied);
    assert_eq!(s.info("q", "a").await.message, before);
    assert_eq!(before.retried, 1);
}

async fn a_task_run_now_is_not_forwarded_once_more(s: Stage) {
    s.bring("q", "a", State::Scheduled).await;
    assert_eq!(run(&s, "q", "a").await, Action::Applied);
    s.pass(SECOND * 3_600).await;
    assert_eq!(s.forward("q").await, 0);
    assert_eq!(s.take("q", 10).await.len(), 1);
}

async fn a_pending_or_active_task_is_not_run(s: Stage) {
    for state in [State::Pending, State::Active] {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        let before = s.info(name, "a").await;
        assert_eq!(run(&s, name, "a").await, Action::Refused(state));
        assert_eq!(s.info(name, "a").await, before);
    }
}

async fn a_task_that_does_not_exist_is_not_run(s: Stage) {
    s.put("q", ["a"]).await;
    assert_eq!(run(&s, "q", "b").await, Action::NotFound);
    assert_eq!(run(&s, "nowhere", "a").await, Action::NotFound);
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
}

async fn a_task_that_is_not_active_can_be_deleted(s: Stage) {
    for state in STATES {
        if state == State::Active {
            continue;
        }
        let name = state.as_str();
        s.bring(name, "a", state).await;
        assert_eq!(delete(&s, name, "a").await, Action::Applied, "{state}");
        assert_eq!(s.find(name, "a").await, None, "{state}");
        assert_eq!(s.counts(name).await, [0; 6], "{state}");
        assert_eq!(delete(&s, name, "a").await, Action::NotFound, "{state}, again");
    }
}

async fn an_active_task_is_not_deleted(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    assert_eq!(delete(&s, "q", "a").await, Action::Refused(State::Active));
    assert_eq!(s.settle(&leased, aftercommit_core::Outcome::Done).await, Ok(()));
}

async fn a_task_that_does_not_exist_is_not_deleted(s: Stage) {
    s.put("q", ["a"]).await;
    assert_eq!(delete(&s, "q", "b").await, Action::NotFound);
    assert_eq!(delete(&s, "nowhere", "a").await, Action::NotFound);
}

async fn a_deleted_task_is_not_given_and_not_forwarded(s: Stage) {
    s.bring("q", "later", State::Scheduled).await;
    s.put("q", ["a", "b", "c"]).await;
    assert_eq!(delete(&s, "q", "b").await, Action::Applied);
    assert_eq!(delete(&s, "q", "later").await, Action::Applied);
    s.pass(SECOND * 3_600).await;
    assert_eq!(s.forward("q").await, 0);
    assert_eq!(super::task::ids(&s.take("q", 10).await), ["a", "c"]);
}

async fn operating_counts_as_nothing(s: Stage) {
    for state in [State::Scheduled, State::Retry, State::Archived] {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        let before = s.processed_and_failed(name).await;
        assert_eq!(run(&s, name, "a").await, Action::Applied);
        assert_eq!(delete(&s, name, "a").await, Action::Applied);
        assert_eq!(s.processed_and_failed(name).await, before, "{state}");
    }
}
