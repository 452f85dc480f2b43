//! Cases about what operators do to all tasks in a state, in bounded steps.

use aftercommit_core::{Enqueue, Operation, Refusal, Selection, State, Wake};
use futures_util::StreamExt;

use super::Stage;
use super::stage::STATES;
use super::task::{SECOND, TaskExt, queue, task};

area!(conformance_of_operate_all, operate_all:
    all_tasks_in_a_state_are_operated_on_where_it_makes_sense,
    no_more_than_the_limit_are_operated_on_in_the_order_of_the_list,
    a_limit_of_zero_does_nothing,
    other_states_and_queues_are_left_alone,
    an_unknown_queue_has_nothing_to_operate_on,
    all_that_are_run_keep_their_order,
    all_pending_tasks_that_are_archived_keep_their_order,
    deleting_all_frees_their_locks_and_their_ids,
    archiving_all_keeps_their_locks,
    many_tasks_are_operated_on_in_steps,
    running_all_wakes,
);

const EACH: [Operation; 3] = [Operation::Run, Operation::Archive, Operation::Delete];

async fn operate(s: &Stage, name: &str, state: State, operation: Operation, limit: usize) -> usize {
    let selection = Selection::State(state);
    s.backend().operate_all(&queue(name), &selection, operation, limit).await.expect("operate all")
}

/// Brings tasks `0`, `1`, .. into a state of a queue of their own, a second apart.
async fn bring_all(s: &Stage, name: &str, state: State, count: usize) {
    for i in 0..count {
        s.bring(name, &i.to_string(), state).await;
        s.pass(SECOND).await;
    }
}

const fn state_after(operation: Operation) -> Option<State> {
    match operation {
        Operation::Run => Some(State::Pending),
        Operation::Archive => Some(State::Archived),
        Operation::Delete => None,
    }
}

async fn all_tasks_in_a_state_are_operated_on_where_it_makes_sense(s: Stage) {
    for operation in EACH {
        for state in STATES {
            let name = format!("{operation:?}-{state}");
            bring_all(&s, &name, state, 3).await;
            let applies = operation.applies_to(state);
            let wanted = if applies { 3 } else { 0 };
            assert_eq!(operate(&s, &name, state, operation, 10).await, wanted, "{name}");
            let then = if applies { state_after(operation) } else { Some(state) };
            let counts = STATES.map(|counted| if Some(counted) == then { 3 } else { 0 });
            assert_eq!(s.counts(&name).await, counts, "{name}");
        }
    }
}

async fn no_more_than_the_limit_are_operated_on_in_the_order_of_the_list(s: Stage) {
    for operation in EACH {
        for state in STATES.into_iter().filter(|state| operation.applies_to(*state)) {
            let name = format!("{operation:?}-{state}");
            bring_all(&s, &name, state, 5).await;
            let listed = s.listed(&name, state).await;
            assert_eq!(operate(&s, &name, state, operation, 2).await, 2, "{name}");
            assert_eq!(s.listed(&name, state).await, listed[2..], "{name}");
            assert_eq!(operate(&s, &name, state, operation, 10).await, 3, "{name}");
            assert_eq!(operate(&s, &name, state, operation, 10).await, 0, "{name}");
        }
    }
}

async fn a_limit_of_zero_does_nothing(s: Stage) {
    s.put("q", ["a"]).await;
    assert_eq!(operate(&s, "q", State::Pending, Operation::Delete, 0).await, 0);
    assert_eq!(s.listed("q", State::Pending).await, ["a"]);
}

async fn other_states_and_queues_are_left_alone(s: Stage) {
    for state in STATES.into_iter().rev() {
        s.bring("q", state.as_str(), state).await;
        s.bring("r", state.as_str(), state).await;
    }
    let before = s.queue_info("r").await;
    assert_eq!(operate(&s, "q", State::Retry, Operation::Delete, 10).await, 1);
    assert_eq!(s.counts("q").await, [1, 1, 1, 0, 1, 1]);
    assert_eq!(s.queue_info("r").await, before);
}

async fn an_unknown_queue_has_nothing_to_operate_on(s: Stage) {
    for operation in EACH {
        for state in State::ALL {
            assert_eq!(operate(&s, "nowhere", state, operation, 10).await, 0);
        }
    }
    assert_eq!(s.backend().queues().await.expect("queues"), []);
}

async fn all_that_are_run_keep_their_order(s: Stage) {
    s.put("q", ["first"]).await;
    for (name, seconds) in [("c", 30), ("a", 10), ("b", 20)] {
        assert_eq!(s.enqueue(task("q", name).at(s.after(SECOND * seconds))).await, Ok(()));
    }
    assert_eq!(operate(&s, "q", State::Scheduled, Operation::Run, 10).await, 3);
    assert_eq!(s.listed("q", State::Pending).await, ["first", "a", "b", "c"]);
    assert_eq!(super::task::ids(&s.take("q", 10).await), ["first", "a", "b", "c"]);
}

async fn all_pending_tasks_that_are_archived_keep_their_order(s: Stage) {
    s.put("q", ["z", "a", "m"]).await;
    for wanted in [&["z"][..], &["z", "a"], &["z", "a", "m"]] {
        assert_eq!(operate(&s, "q", State::Pending, Operation::Archive, 1).await, 1);
        s.pass(SECOND).await;
        assert_eq!(s.listed("q", State::Archived).await, wanted);
    }
    assert_eq!(s.take("q", 10).await, []);
    assert_eq!(s.processed_and_failed("q").await, (0, 0), "it counts as nothing");
}

/// A unique task with a payload of its own.
fn unique(name: &str, task_id: &str) -> Enqueue {
    task(name, task_id).with(|m| m.payload = task_id.to_owned().into()).unique_for(SECOND * 600)
}

async fn deleting_all_frees_their_locks_and_their_ids(s: Stage) {
    for state in STATES.into_iter().filter(|state| *state != State::Active) {
        let name = state.as_str();
        for task_id in ["a", "b"] {
            s.bring_task(unique(name, task_id), state).await;
        }
        assert_eq!(operate(&s, name, state, Operation::Delete, 10).await, 2, "{state}");
        let again = [unique(name, "a"), unique(name, "b")];
        assert_eq!(s.enqueue_all(&again).await, [Ok(()), Ok(())], "{state}");
        assert_eq!(s.take(name, 10).await.len(), 2, "{state}");
    }
}

async fn archiving_all_keeps_their_locks(s: Stage) {
    assert_eq!(s.enqueue(unique("q", "a")).await, Ok(()));
    assert_eq!(operate(&s, "q", State::Pending, Operation::Archive, 10).await, 1);
    let second = unique("q", "a").with(|message| message.id = super::task::id("b"));
    assert_eq!(s.enqueue(second).await, Err(Refusal::Duplicate));
}

async fn many_tasks_are_operated_on_in_steps(s: Stage) {
    let wanted: Vec<String> = (0..500).map(|i| format!("{i:03}")).collect();
    s.put("q", &wanted).await;
    let mut steps = Vec::new();
    loop {
        steps.push(operate(&s, "q", State::Pending, Operation::Archive, 200).await);
        if steps.last().is_some_and(|step| *step < 200) {
            break;
        }
    }
    assert_eq!(steps, [200, 200, 100]);
    assert_eq!(s.counts("q").await, [0, 0, 0, 0, 500, 0]);
    assert_eq!(operate(&s, "q", State::Archived, Operation::Run, 500).await, 500);
    let mut ids = super::task::ids(&s.take("q", 500).await);
    ids.sort();
    assert_eq!(ids, wanted);
}

async fn running_all_wakes(s: Stage) {
    for state in [State::Scheduled, State::Retry, State::Archived, State::Completed] {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        let mut wakes = s.backend().wakes(Wake::Pending, &[queue(name)]);
        assert_eq!(operate(&s, name, state, Operation::Run, 10).await, 1);
        let hint = tokio::time::timeout(super::wakes::ARRIVAL, wakes.next()).await;
        assert_eq!(hint.expect("a hint arrives"), Some(()), "{state}");
    }
}
