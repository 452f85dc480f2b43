//! Cases about completed tasks whose retention ends.

use std::time::Duration;

use aftercommit_core::{Action, InspectExt, Outcome, QueueName, State};

use super::Stage;
use super::stage::STATES;
use super::task::{MILLI, SECOND, complete, id, queue};

area!(conformance_of_retention, retention:
    a_completed_task_is_kept_exactly_for_its_retention,
    a_deleted_task_is_gone_and_its_id_is_free,
    a_shorter_retention_ends_first_whoever_completed_first,
    no_retention_at_all_is_over_at_once,
    only_completed_tasks_expire,
    no_more_than_the_limit_are_deleted,
    the_limit_is_for_all_queues_together,
    other_queues_keep_what_they_have,
    expiry_does_not_change_what_was_counted,
    a_task_run_again_does_not_expire_by_its_old_retention,
);

async fn expire(s: &Stage, names: &[&str], limit: usize) -> usize {
    let names: Vec<QueueName> = names.iter().map(|name| queue(name)).collect();
    s.backend().delete_expired(&names, limit).await.expect("delete expired")
}

/// Puts a task and completes it at once, to be kept for a while.
async fn completed(s: &Stage, name: &str, task_id: &str, retention: Duration) {
    s.put(name, [task_id]).await;
    let leased = s.take_one(name).await;
    assert_eq!(s.settle(&leased, complete(retention)).await, Ok(()));
}

async fn a_completed_task_is_kept_exactly_for_its_retention(s: Stage) {
    completed(&s, "q", "a", SECOND * 60).await;
    s.pass(SECOND * 60 - MILLI).await;
    assert_eq!(expire(&s, &["q"], 10).await, 0, "a millisecond before");
    assert_eq!(s.state("q", "a").await, Some(State::Completed));
    s.pass(MILLI).await;
    assert_eq!(expire(&s, &["q"], 10).await, 1, "on time");
    assert_eq!(expire(&s, &["q"], 10).await, 0, "once");
}

async fn a_deleted_task_is_gone_and_its_id_is_free(s: Stage) {
    completed(&s, "q", "a", SECOND).await;
    s.pass(SECOND).await;
    assert_eq!(expire(&s, &["q"], 10).await, 1);
    assert_eq!(s.find("q", "a").await, None);
    assert_eq!(s.counts("q").await, [0; 6]);
    s.put("q", ["a"]).await;
    let fresh = s.info("q", "a").await;
    assert_eq!((fresh.state, fresh.result, fresh.ended_at), (State::Pending, None, None));
}

async fn a_shorter_retention_ends_first_whoever_completed_first(s: Stage) {
    completed(&s, "q", "long", SECOND * 100).await;
    s.pass(SECOND).await;
    completed(&s, "q", "short", SECOND * 10).await;
    s.pass(SECOND * 10).await;
    assert_eq!(expire(&s, &["q"], 10).await, 1);
    assert_eq!(s.listed("q", State::Completed).await, ["long"]);
}

async fn no_retention_at_all_is_over_at_once(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    let outcome = Outcome::Complete { retention: Duration::ZERO, result: None };
    assert_eq!(s.settle(&leased, outcome).await, Ok(()));
    assert_eq!(expire(&s, &["q"], 10).await, 1);
}

async fn only_completed_tasks_expire(s: Stage) {
    for state in STATES {
        s.bring(state.as_str(), "a", state).await;
    }
    s.pass(SECOND * 86_400 * 30).await;
    let names: Vec<&str> = STATES.iter().map(|state| state.as_str()).collect();
    assert_eq!(expire(&s, &names, 100).await, 1);
    for state in STATES {
        let wanted = if state == State::Completed { None } else { Some(state) };
        assert_eq!(s.state(state.as_str(), "a").await, wanted);
    }
}

async fn no_more_than_the_limit_are_deleted(s: Stage) {
    for i in 0..10 {
        completed(&s, "q", &i.to_string(), SECOND).await;
    }
    s.pass(SECOND).await;
    assert_eq!(expire(&s, &["q"], 0).await, 0);
    assert_eq!(expire(&s, &["q"], 4).await, 4);
    assert_eq!(s.counts("q").await[5], 6);
    assert_eq!(expire(&s, &["q"], 100).await, 6);
}

async fn the_limit_is_for_all_queues_together(s: Stage) {
    for name in ["q", "r"] {
        for i in 0..5 {
            completed(&s, name, &i.to_string(), SECOND).await;
        }
    }
    s.pass(SECOND).await;
    assert_eq!(expire(&s, &["q", "r"], 7).await, 7);
    assert_eq!(expire(&s, &["q", "r"], 7).await, 3);
}

async fn other_queues_keep_what_they_have(s: Stage) {
    completed(&s, "q", "a", SECOND).await;
    completed(&s, "r", "a", SECOND).await;
    s.pass(SECOND).await;
    assert_eq!(expire(&s, &["r", "nowhere"], 10).await, 1);
    assert_eq!(expire(&s, &[], 10).await, 0);
    assert_eq!(s.state("q", "a").await, Some(State::Completed));
}

async fn expiry_does_not_change_what_was_counted(s: Stage) {
    completed(&s, "q", "a", SECOND).await;
    s.pass(SECOND).await;
    assert_eq!(expire(&s, &["q"], 10).await, 1);
    assert_eq!(s.processed_and_failed("q").await, (1, 0));
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
}

async fn a_task_run_again_does_not_expire_by_its_old_retention(s: Stage) {
    completed(&s, "q", "a", SECOND).await;
    let run = s.backend().run(&queue("q"), &id("a")).await.expect("run");
    assert_eq!(run, Action::Applied);
    s.pass(SECOND).await;
    assert_eq!(expire(&s, &["q"], 10).await, 0);
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, complete(SECOND * 60)).await, Ok(()));
    s.pass(SECOND * 59).await;
    assert_eq!(expire(&s, &["q"], 10).await, 0);
    s.pass(SECOND).await;
    assert_eq!(expire(&s, &["q"], 10).await, 1);
}
