//! Cases about single tasks of a group: scheduled ones that join it, and what operators do to those in it.

use aftercommit_core::{Action, Forwarded, Operation, Outcome, Refusal, Selection, State};

use super::Stage;
use super::aggregate::{aggregate, batch, is_as_it_was};
use super::group_steps::{GRACE, HOLD, QUIET, add, counted, gather, gather_one, ids_of, sizes, waiting};
use super::task::{RECOVERED, SECOND, TaskExt, group, id, queue, retry, task};

area!(conformance_of_group_tasks, group_tasks:
    a_scheduled_task_joins_its_group_when_it_is_due,
    a_scheduled_task_joins_a_group_that_waits_and_starts_its_grace_period_anew,
    a_task_that_joins_counts_towards_the_limit_of_a_forward,
    a_scheduled_task_that_is_run_now_runs_alone,
    a_waiting_task_that_is_run_runs_alone,
    a_task_that_ran_alone_and_failed_joins_its_group_again,
    a_task_that_ran_alone_and_was_recovered_is_pending,
    a_waiting_task_is_archived_or_deleted,
    the_last_task_that_leaves_takes_the_group_with_it,
    a_task_in_a_batch_is_its_aggregators,
    the_tasks_of_one_group_are_operated_on_together,
    tasks_in_a_batch_are_passed_over,
    a_group_that_is_run_keeps_its_order,
    a_deleted_group_frees_its_locks,
    the_payload_of_a_waiting_task_is_not_changed,
);

const EACH: [Operation; 3] = [Operation::Run, Operation::Archive, Operation::Delete];

async fn operate(s: &Stage, task_id: &str, operation: Operation) -> Action {
    s.backend().operate(&queue("q"), &id(task_id), operation).await.expect("operate")
}

async fn operate_group(s: &Stage, group_name: &str, operation: Operation, limit: usize) -> usize {
    let selection = Selection::Group(group(group_name));
    s.backend().operate_all(&queue("q"), &selection, operation, limit).await.expect("operate all")
}

async fn schedule(s: &Stage, task_id: &str, seconds: u32) {
    assert_eq!(s.enqueue(task("q", task_id).of("g").at(s.after(SECOND * seconds))).await, Ok(()));
}

async fn a_scheduled_task_joins_its_group_when_it_is_due(s: Stage) {
    schedule(&s, "a", 10).await;
    assert_eq!(s.state("q", "a").await, Some(State::Scheduled));
    assert_eq!((sizes(&s, "q").await, counted(&s, "q").await), (Vec::new(), (0, 0)));
    s.pass(SECOND * 10).await;
    assert_eq!(s.forward("q").await, 1);
    let info = s.info("q", "a").await;
    assert_eq!((info.state, info.next_process_at), (State::Aggregating, None));
    assert_eq!(sizes(&s, "q").await, [("g".into(), 1)]);
    assert_eq!(s.take("q", 10).await, [], "it does not run alone");
    assert_eq!(gather(&s, &["q"], &QUIET, 1).await.next_at, Some(s.after(GRACE)), "it waits since now");
    assert_eq!(ids_of(&gather_one(&s, "q").await), ["a"]);
}

async fn a_scheduled_task_joins_a_group_that_waits_and_starts_its_grace_period_anew(s: Stage) {
    schedule(&s, "late", 30).await;
    add(&s, "q", "g", ["z"]).await;
    s.pass(SECOND * 30).await;
    assert_eq!(s.forward("q").await, 1);
    assert_eq!(waiting(&s, "q", "g").await, ["z", "late"]);
    assert_eq!(gather(&s, &["q"], &QUIET, 1).await.next_at, Some(s.after(GRACE)));
}

async fn a_task_that_joins_counts_towards_the_limit_of_a_forward(s: Stage) {
    schedule(&s, "a", 1).await;
    assert_eq!(s.enqueue(task("q", "b").at(s.after(SECOND * 2))).await, Ok(()));
    let overdue = s.after(SECOND * 2);
    s.pass(SECOND * 2).await;
    let first = s.backend().forward(&[queue("q")], 1).await.expect("forward");
    assert_eq!(first, Forwarded { moved: 1, next_due: Some(overdue) });
    let second = s.backend().forward(&[queue("q")], 5).await.expect("forward");
    assert_eq!(second, Forwarded { moved: 1, next_due: None });
    assert_eq!(
        (waiting(&s, "q", "g").await, s.listed("q", State::Pending).await),
        (vec!["a".into()], vec!["b".into()])
    );
}

async fn a_scheduled_task_that_is_run_now_runs_alone(s: Stage) {
    schedule(&s, "a", 10).await;
    assert_eq!(operate(&s, "a", Operation::Run).await, Action::Applied);
    assert_eq!(s.take_one("q").await.message.group, Some(group("g")));
    assert_eq!(sizes(&s, "q").await, []);
}

async fn a_waiting_task_that_is_run_runs_alone(s: Stage) {
    add(&s, "q", "g", ["a", "b", "c"]).await;
    assert_eq!(operate(&s, "b", Operation::Run).await, Action::Applied);
    assert_eq!(waiting(&s, "q", "g").await, ["a", "c"]);
    let leased = s.take_one("q").await;
    assert_eq!(leased.message, task("q", "b").of("g").message);
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
    assert_eq!(ids_of(&gather_one(&s, "q").await), ["a", "c"]);
}

async fn a_task_that_ran_alone_and_failed_joins_its_group_again(s: Stage) {
    add(&s, "q", "g", ["a"]).await;
    assert_eq!(operate(&s, "a", Operation::Run).await, Action::Applied);
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, retry(s.after(SECOND))).await, Ok(()));
    s.pass(SECOND).await;
    assert_eq!(s.forward("q").await, 1);
    assert_eq!(waiting(&s, "q", "g").await, ["a"]);
    assert_eq!(s.info("q", "a").await.message.retried, 1);
}

async fn a_task_that_ran_alone_and_was_recovered_is_pending(s: Stage) {
    add(&s, "q", "g", ["a"]).await;
    assert_eq!(operate(&s, "a", Operation::Run).await, Action::Applied);
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, RECOVERED).await, Ok(()));
    assert_eq!(s.state("q", "a").await, Some(State::Pending));
}

async fn a_waiting_task_is_archived_or_deleted(s: Stage) {
    add(&s, "q", "g", ["a", "b", "c"]).await;
    assert_eq!(operate(&s, "a", Operation::Archive).await, Action::Applied);
    assert_eq!(operate(&s, "c", Operation::Delete).await, Action::Applied);
    let archived = s.info("q", "a").await;
    assert_eq!((archived.state, archived.ended_at), (State::Archived, Some(s.now())));
    assert_eq!(archived.message.group, Some(group("g")));
    assert_eq!((s.find("q", "c").await, waiting(&s, "q", "g").await), (None, vec!["b".into()]));
    assert_eq!(counted(&s, "q").await, (1, 1));
}

async fn the_last_task_that_leaves_takes_the_group_with_it(s: Stage) {
    for operation in EACH {
        add(&s, "q", "g", ["a"]).await;
        assert_eq!(operate(&s, "a", operation).await, Action::Applied, "{operation:?}");
        assert_eq!(sizes(&s, "q").await, [], "{operation:?}");
        assert_eq!(counted(&s, "q").await, (0, 0), "{operation:?}");
        assert_eq!(gather(&s, &["q"], &QUIET, 1).await.next_at, None, "{operation:?}");
        operate(&s, "a", Operation::Delete).await;
    }
}

async fn a_task_in_a_batch_is_its_aggregators(s: Stage) {
    let key = batch(&s).await.key;
    for operation in EACH {
        let refused = Action::Refused(State::Aggregating);
        assert_eq!(operate(&s, "a", operation).await, refused, "{operation:?}");
        is_as_it_was(&s).await;
    }
    s.pass(HOLD * 2).await;
    assert_eq!(operate(&s, "a", Operation::Delete).await, Action::Refused(State::Aggregating), "late too");
    s.groups().release(&key).await.expect("release");
    assert_eq!(operate(&s, "a", Operation::Delete).await, Action::Applied, "once it is put back");
    assert_eq!(waiting(&s, "q", "g").await, ["b"]);
}

async fn the_tasks_of_one_group_are_operated_on_together(s: Stage) {
    let states = [State::Pending, State::Archived];
    for (operation, state) in EACH.into_iter().zip(states.map(Some).into_iter().chain([None])) {
        add(&s, "q", "g", ["a", "b", "c"]).await;
        add(&s, "q", "h", ["other"]).await;
        assert_eq!(operate_group(&s, "g", operation, 2).await, 2, "{operation:?}");
        assert_eq!(waiting(&s, "q", "g").await, ["c"], "{operation:?}: the oldest first");
        assert_eq!(operate_group(&s, "g", operation, 2).await, 1, "{operation:?}");
        assert_eq!(operate_group(&s, "g", operation, 2).await, 0, "{operation:?}");
        assert_eq!(sizes(&s, "q").await, [("h".into(), 1)], "{operation:?}: another group is left alone");
        for name in ["a", "b", "c"] {
            assert_eq!(s.state("q", name).await, state, "{operation:?}");
            operate(&s, name, Operation::Delete).await;
        }
        operate(&s, "other", Operation::Delete).await;
    }
}

async fn tasks_in_a_batch_are_passed_over(s: Stage) {
    let key = batch(&s).await.key;
    add(&s, "q", "g", ["c"]).await;
    for operation in EACH {
        assert_eq!(operate_group(&s, "g", operation, 10).await, 1, "{operation:?}");
        let all = Selection::State(State::Aggregating);
        let more = s.backend().operate_all(&queue("q"), &all, operation, 10).await.expect("operate all");
        assert_eq!(more, 0, "{operation:?}");
        assert_eq!(s.listed("q", State::Aggregating).await, ["a", "b"], "{operation:?}");
        operate(&s, "c", Operation::Delete).await;
        add(&s, "q", "g", ["c"]).await;
    }
    assert_eq!(aggregate(&s, &key, task("q", "whole")).await, Ok(()));
}

async fn a_group_that_is_run_keeps_its_order(s: Stage) {
    s.put("q", ["first"]).await;
    add(&s, "q", "g", ["z", "a", "m"]).await;
    assert_eq!(operate_group(&s, "g", Operation::Run, 10).await, 3);
    assert_eq!(s.listed("q", State::Pending).await, ["first", "z", "a", "m"]);
}

async fn a_deleted_group_frees_its_locks(s: Stage) {
    let unique = |task_id: &str| task("q", task_id).unique_for(SECOND * 60);
    assert_eq!(s.enqueue(unique("a").of("g")).await, Ok(()));
    assert_eq!(operate_group(&s, "g", Operation::Archive, 10).await, 1);
    assert_eq!(s.enqueue(unique("b")).await, Err(Refusal::Duplicate), "the archive keeps the lock");
    assert_eq!(operate(&s, "a", Operation::Delete).await, Action::Applied);
    assert_eq!(s.enqueue(unique("b").of("g")).await, Ok(()));
    assert_eq!(operate_group(&s, "g", Operation::Delete, 10).await, 1);
    assert_eq!(s.enqueue(unique("c")).await, Ok(()));
}

async fn the_payload_of_a_waiting_task_is_not_changed(s: Stage) {
    add(&s, "q", "g", ["a"]).await;
    for _ in 0..2 {
        let answer = s.backend().update_payload(&queue("q"), &id("a"), "new".into()).await;
        assert_eq!(answer.expect("update"), Action::Refused(State::Aggregating));
        assert_eq!(s.info("q", "a").await.message.payload, task("q", "a").message.payload);
        gather(&s, &["q"], &super::group_steps::AT_ONCE, 1).await;
    }
}
