//! Cases about what operators do to one task: run it now, archive it, delete it.

use aftercommit_core::{Action, LeaseLost, Operation, Outcome, Refusal, State};

use super::Stage;
use super::stage::STATES;
use super::task::{LEASE, RECOVERED, SECOND, TaskExt, id, queue, retry, snooze, task};

area!(conformance_of_operate, operate:
    each_operation_is_done_where_it_makes_sense_and_refused_elsewhere,
    a_refused_operation_changes_nothing,
    a_task_that_does_not_exist_is_not_operated_on,
    a_task_run_now_waits_since_now_and_has_no_due_time_and_no_result,
    a_task_run_now_goes_to_the_back_of_its_queue,
    a_task_run_now_keeps_its_retries_and_its_last_error,
    a_task_run_now_is_not_forwarded_once_more,
    an_archived_task_was_archived_now_and_is_not_given,
    an_archive_keeps_the_last_error_as_it_was,
    an_archived_task_can_be_run_again,
    an_archived_task_keeps_its_unique_lock,
    a_deleted_task_is_gone_and_its_id_is_free,
    a_deleted_task_is_not_given_and_not_forwarded,
    what_a_worker_holds_is_its_own_whatever_operators_try,
    a_late_worker_cannot_settle_what_was_deleted_after_its_recovery,
    operating_counts_as_nothing,
);

const EACH: [Operation; 3] = [Operation::Run, Operation::Archive, Operation::Delete];

async fn operate(s: &Stage, name: &str, task_id: &str, operation: Operation) -> Action {
    s.backend().operate(&queue(name), &id(task_id), operation).await.expect("operate")
}

/// A queue for each operation on a task in each state, with the task `a` in that state.
async fn bring_all(s: &Stage) -> Vec<(String, Operation, State)> {
    let mut all = Vec::new();
    for operation in EACH {
        for state in STATES {
            let name = format!("{operation:?}-{state}");
            s.bring(&name, "a", state).await;
            all.push((name, operation, state));
        }
    }
    s.pass(SECOND).await;
    all
}

async fn each_operation_is_done_where_it_makes_sense_and_refused_elsewhere(s: Stage) {
    for (name, operation, state) in bring_all(&s).await {
        let (wanted, then) = match operation {
            _ if !operation.applies_to(state) => (Action::Refused(state), Some(state)),
            Operation::Run => (Action::Applied, Some(State::Pending)),
            Operation::Archive => (Action::Applied, Some(State::Archived)),
            Operation::Delete => (Action::Applied, None),
        };
        assert_eq!(operate(&s, &name, "a", operation).await, wanted, "{name}");
        assert_eq!(s.state(&name, "a").await, then, "{name}");
        let counts = STATES.map(|counted| u64::from(Some(counted) == then));
        assert_eq!(s.counts(&name).await, counts, "{name}");
        for counted in STATES {
            let listed = s.listed(&name, counted).await.len();
            assert_eq!(listed, usize::from(Some(counted) == then), "{name}: {counted}");
        }
    }
}

async fn a_refused_operation_changes_nothing(s: Stage) {
    let mut refused = 0;
    for (name, operation, state) in bring_all(&s).await {
        if operation.applies_to(state) {
            continue;
        }
        let before = (s.info(&name, "a").await, s.queue_info(&name).await);
        assert_eq!(operate(&s, &name, "a", operation).await, Action::Refused(state), "{name}");
        assert_eq!((s.info(&name, "a").await, s.queue_info(&name).await), before, "{name}");
        refused += 1;
    }
    assert_eq!(refused, 6);
}

async fn a_task_that_does_not_exist_is_not_operated_on(s: Stage) {
    s.put("q", ["a"]).await;
    for operation in EACH {
        assert_eq!(operate(&s, "q", "b", operation).await, Action::NotFound);
        assert_eq!(operate(&s, "nowhere", "a", operation).await, Action::NotFound);
    }
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
}

const CAN_RUN: [State; 4] = [State::Scheduled, State::Retry, State::Archived, State::Completed];

async fn a_task_run_now_waits_since_now_and_has_no_due_time_and_no_result(s: Stage) {
    for state in CAN_RUN {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        s.pass(SECOND).await;
        assert_eq!(operate(&s, name, "a", Operation::Run).await, Action::Applied, "{state}");
        let info = s.info(name, "a").await;
        assert_eq!((info.next_process_at, info.ended_at, info.result), (None, None, None), "{state}");
        assert_eq!(s.queue_info(name).await.oldest_pending_since, Some(s.now()), "{state}");
        assert_eq!(s.take_one(name).await.message, info.message, "{state}");
    }
}

async fn a_task_run_now_goes_to_the_back_of_its_queue(s: Stage) {
    for state in CAN_RUN {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        s.put(name, ["b", "c"]).await;
        assert_eq!(operate(&s, name, "a", Operation::Run).await, Action::Applied);
        assert_eq!(s.listed(name, State::Pending).await, ["b", "c", "a"], "{state}");
    }
}

async fn a_task_run_now_keeps_its_retries_and_its_last_error(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, retry(s.after(SECOND))).await, Ok(()));
    let before = s.info("q", "a").await.message;
    assert_eq!(operate(&s, "q", "a", Operation::Run).await, Action::Applied);
    assert_eq!(s.info("q", "a").await.message, before);
    assert_eq!(before.retried, 1);
}

async fn a_task_run_now_is_not_forwarded_once_more(s: Stage) {
    s.bring("q", "a", State::Scheduled).await;
    assert_eq!(operate(&s, "q", "a", Operation::Run).await, Action::Applied);
    s.pass(SECOND * 3_600).await;
    assert_eq!(s.forward("q").await, 0);
    assert_eq!(s.take("q", 10).await.len(), 1);
}

const CAN_BE_ARCHIVED: [State; 3] = [State::Pending, State::Scheduled, State::Retry];

async fn an_archived_task_was_archived_now_and_is_not_given(s: Stage) {
    for state in CAN_BE_ARCHIVED {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        s.pass(SECOND).await;
        assert_eq!(operate(&s, name, "a", Operation::Archive).await, Action::Applied, "{state}");
        let info = s.info(name, "a").await;
        assert_eq!((info.ended_at, info.next_process_at), (Some(s.now()), None), "{state}");
        s.pass(SECOND * 3_600).await;
        assert_eq!(s.forward(name).await, 0, "{state}");
        assert_eq!(s.take(name, 10).await, [], "{state}");
    }
}

async fn an_archive_keeps_the_last_error_as_it_was(s: Stage) {
    for (i, outcome) in [retry(s.after(SECOND)), snooze(s.after(SECOND))].into_iter().enumerate() {
        let name = format!("q{i}");
        s.put(&name, ["a"]).await;
        let leased = s.take_one(&name).await;
        assert_eq!(s.settle(&leased, outcome).await, Ok(()));
        let before = s.info(&name, "a").await.message;
        assert!(before.last_error.is_some());
        s.pass(SECOND).await;
        assert_eq!(operate(&s, &name, "a", Operation::Archive).await, Action::Applied);
        assert_eq!(s.info(&name, "a").await.message, before);
    }
    s.put("fresh", ["a"]).await;
    assert_eq!(operate(&s, "fresh", "a", Operation::Archive).await, Action::Applied);
    assert_eq!(s.info("fresh", "a").await.message, task("fresh", "a").message, "it never failed");
}

async fn an_archived_task_can_be_run_again(s: Stage) {
    s.put("q", ["a"]).await;
    for operation in [Operation::Archive, Operation::Run] {
        assert_eq!(operate(&s, "q", "a", operation).await, Action::Applied);
    }
    assert_eq!(s.take_one("q").await.message, task("q", "a").message);
}

async fn an_archived_task_keeps_its_unique_lock(s: Stage) {
    let unique = |task_id: &str| task("q", task_id).unique_for(SECOND * 60);
    assert_eq!(s.enqueue(unique("a")).await, Ok(()));
    assert_eq!(operate(&s, "q", "a", Operation::Archive).await, Action::Applied);
    assert_eq!(s.enqueue(unique("b")).await, Err(Refusal::Duplicate));
    assert_eq!(operate(&s, "q", "a", Operation::Delete).await, Action::Applied);
    assert_eq!(s.enqueue(unique("b")).await, Ok(()));
}

async fn a_deleted_task_is_gone_and_its_id_is_free(s: Stage) {
    for state in STATES {
        if state == State::Active {
            continue;
        }
        let name = state.as_str();
        s.bring(name, "a", state).await;
        assert_eq!(operate(&s, name, "a", Operation::Delete).await, Action::Applied, "{state}");
        assert_eq!(s.find(name, "a").await, None, "{state}");
        assert_eq!(operate(&s, name, "a", Operation::Delete).await, Action::NotFound, "{state}, again");
        assert_eq!(s.enqueue(task(name, "a")).await, Ok(()), "{state}");
        assert_eq!(s.take_one(name).await.message, task(name, "a").message, "{state}");
    }
}

async fn a_deleted_task_is_not_given_and_not_forwarded(s: Stage) {
    s.bring("q", "later", State::Scheduled).await;
    s.put("q", ["a", "b", "c"]).await;
    assert_eq!(operate(&s, "q", "b", Operation::Delete).await, Action::Applied);
    assert_eq!(operate(&s, "q", "later", Operation::Delete).await, Action::Applied);
    s.pass(SECOND * 3_600).await;
    assert_eq!(s.forward("q").await, 0);
    assert_eq!(super::task::ids(&s.take("q", 10).await), ["a", "c"]);
}

async fn what_a_worker_holds_is_its_own_whatever_operators_try(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    for operation in EACH {
        assert_eq!(operate(&s, "q", "a", operation).await, Action::Refused(State::Active));
    }
    assert!(s.extend(std::slice::from_ref(&leased.lease), LEASE).await[0].is_ok());
    s.pass(LEASE * 2).await;
    assert_eq!(operate(&s, "q", "a", Operation::Delete).await, Action::Refused(State::Active), "late too");
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
}

async fn a_late_worker_cannot_settle_what_was_deleted_after_its_recovery(s: Stage) {
    s.put("q", ["a", "b", "c"]).await;
    let late = s.take("q", 3).await;
    s.pass(LEASE).await;
    for orphan in s.backend().orphans(&[queue("q")], 10).await.expect("orphans") {
        assert_eq!(s.settle(&orphan.leased, RECOVERED).await, Ok(()));
    }
    assert_eq!(operate(&s, "q", "a", Operation::Delete).await, Action::Applied);
    assert_eq!(operate(&s, "q", "b", Operation::Archive).await, Action::Applied);
    assert_eq!(operate(&s, "q", "c", Operation::Delete).await, Action::Applied);
    s.put("q", ["c"]).await;
    let again = s.take_one("q").await;
    let before = (s.info("q", "b").await, s.info("q", "c").await, s.queue_info("q").await);
    for leased in &late {
        assert_eq!(s.extend(std::slice::from_ref(&leased.lease), LEASE).await, [Err(LeaseLost)]);
        assert_eq!(s.settle(leased, retry(s.now())).await, Err(LeaseLost));
    }
    assert_eq!((s.info("q", "b").await, s.info("q", "c").await, s.queue_info("q").await), before);
    assert_eq!(s.find("q", "a").await, None, "it is not brought back");
    assert_eq!(s.settle(&again, Outcome::Done).await, Ok(()));
}

async fn operating_counts_as_nothing(s: Stage) {
    for state in [State::Scheduled, State::Retry, State::Archived] {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        let before = s.processed_and_failed(name).await;
        for operation in EACH {
            assert_eq!(operate(&s, name, "a", operation).await, Action::Applied);
        }
        assert_eq!(s.processed_and_failed(name).await, before, "{state}");
    }
}
