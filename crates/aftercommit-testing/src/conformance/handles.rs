//! Cases with a second handle on the same store, as another process has it, and with a store that is
//! closed and opened again.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Backend, LeaseGrant, LeaseLost, Outcome, Page, Quota, Refusal, State, Wake, WorkerId,
};
use futures_util::StreamExt;

use super::Stage;
use super::stage::{STATES, worker_info};
use super::task::{LEASE, RECOVERED, SECOND, TaskExt, archive, id, queue, settlement, task};

area!(conformance_of_handles, handles:
    another_handle_sees_what_was_stored,
    another_handle_refuses_a_taken_id_and_a_held_lock,
    two_handles_never_give_the_same_task,
    a_lease_settles_through_any_handle_and_once,
    a_pause_holds_for_every_handle,
    an_enqueue_through_another_handle_wakes,
    a_schedule_through_another_handle_wakes_those_who_wait_for_due_times,
    a_worker_is_seen_through_every_handle,
    a_cancellation_reaches_the_listeners_of_every_handle,
    tasks_in_every_state_survive_a_restart,
    counters_pauses_and_locks_survive_a_restart,
    a_lease_survives_a_restart_and_is_fenced_after_it,
);

/// Another handle while the first is open.
pub(super) async fn second(s: &Stage) -> Arc<dyn Backend> {
    (s.fixture.reopen.as_ref().expect("the fixture says how to open the store again"))().await
}

/// Closes the only handle and opens the store again.
pub(super) async fn restarted(s: Stage) -> Stage {
    let super::Fixture { backend, clock, reopen, on_pass, guard } = s.fixture;
    drop(backend);
    let open = reopen.as_ref().expect("the fixture says how to open the store again");
    let backend = open().await;
    Stage::new(super::Fixture { backend, clock, reopen, on_pass, guard })
}

fn grant() -> LeaseGrant {
    LeaseGrant { worker: WorkerId::from_stored("suite:2:other"), duration: LEASE }
}

async fn another_handle_sees_what_was_stored(s: Stage) {
    let other = second(&s).await;
    for state in STATES {
        s.bring(state.as_str(), "a", state).await;
        let seen = other.get(&queue(state.as_str()), &id("a")).await.expect("get");
        assert_eq!(seen, s.find(state.as_str(), "a").await, "{state}");
    }
    assert_eq!(other.queues().await.expect("queues"), s.backend().queues().await.expect("queues"));
}

async fn another_handle_refuses_a_taken_id_and_a_held_lock(s: Stage) {
    let other = second(&s).await;
    assert_eq!(s.enqueue(task("q", "a").unique_for(SECOND * 60)).await, Ok(()));
    let batch = [task("q", "a"), task("q", "b").unique_for(SECOND * 60)];
    let answers = other.enqueue(&batch).await.expect("enqueue");
    assert_eq!(answers, [Err(Refusal::IdConflict), Err(Refusal::Duplicate)]);
}

async fn two_handles_never_give_the_same_task(s: Stage) {
    let other = second(&s).await;
    s.put("q", (0..40).map(|i| i.to_string())).await;
    let mut given = Vec::new();
    for _ in 0..10 {
        let quotas = [Quota { queue: queue("q"), count: 2 }];
        given.extend(s.take("q", 2).await);
        given.extend(other.dequeue(&quotas, &grant()).await.expect("dequeue"));
    }
    let wanted: Vec<String> = (0..40).map(|i| i.to_string()).collect();
    assert_eq!(super::task::ids(&given), wanted);
}

async fn a_lease_settles_through_any_handle_and_once(s: Stage) {
    let other = second(&s).await;
    s.put("q", ["a", "b"]).await;
    let taken = s.take("q", 2).await;
    let batch = [settlement(&taken[0], Outcome::Done), settlement(&taken[1], RECOVERED)];
    assert_eq!(other.settle(&batch).await.expect("settle"), [Ok(()), Ok(())]);
    assert_eq!(s.settle_all(&batch).await, [Err(LeaseLost), Err(LeaseLost)]);
    assert_eq!(s.extend(&[taken[1].lease.clone()], LEASE).await, [Err(LeaseLost)]);
}

async fn a_pause_holds_for_every_handle(s: Stage) {
    let other = second(&s).await;
    s.put("q", ["a"]).await;
    other.pause(&queue("q")).await.expect("pause");
    assert_eq!(s.take("q", 1).await, []);
    other.resume(&queue("q")).await.expect("resume");
    assert_eq!(s.take("q", 1).await.len(), 1);
}

/// How long news may take from one handle to the other, by the machine's clock. Back-ends promise
/// more; this is to fail, not to wait.
const ARRIVAL: Duration = Duration::from_secs(5);

async fn an_enqueue_through_another_handle_wakes(s: Stage) {
    let other = second(&s).await;
    let mut wakes = s.backend().wakes(Wake::Pending, &[queue("q")]);
    assert_eq!(s.take("q", 1).await, []);
    assert_eq!(other.enqueue(&[task("q", "a")]).await.expect("enqueue"), [Ok(())]);
    let hint = tokio::time::timeout(ARRIVAL, wakes.next()).await;
    assert_eq!(hint.expect("a hint arrives"), Some(()));
    assert_eq!(s.take("q", 1).await.len(), 1);
}

async fn a_schedule_through_another_handle_wakes_those_who_wait_for_due_times(s: Stage) {
    let other = second(&s).await;
    let mut wakes = s.backend().wakes(Wake::Due, &[queue("q")]);
    let batch = [task("q", "a").at(s.after(SECOND))];
    assert_eq!(other.enqueue(&batch).await.expect("enqueue"), [Ok(())]);
    let hint = tokio::time::timeout(ARRIVAL, wakes.next()).await;
    assert_eq!(hint.expect("a hint arrives"), Some(()));
}

async fn a_worker_is_seen_through_every_handle(s: Stage) {
    let other = second(&s).await;
    let Some(here) = s.backend().presence() else { return };
    let there = other.presence().expect("every handle has the same abilities");
    let info = worker_info(&WorkerId::from_stored("suite-host:1:a"), s.now());
    here.beat(&info, SECOND * 9).await.expect("beat");
    assert_eq!(there.workers().await.expect("workers"), std::slice::from_ref(&info));
    there.leave(&info.id).await.expect("leave");
    assert_eq!(here.workers().await.expect("workers"), []);
}

async fn a_cancellation_reaches_the_listeners_of_every_handle(s: Stage) {
    let other = second(&s).await;
    let Some(here) = s.backend().presence() else { return };
    let there = other.presence().expect("every handle has the same abilities");
    let mut listeners = [here.cancellations(), there.cancellations()];
    there.cancel(&queue("q"), &id("a")).await.expect("cancel");
    for listener in &mut listeners {
        let heard = tokio::time::timeout(ARRIVAL, listener.next()).await.expect("it arrives");
        assert_eq!(heard.map(|cancellation| cancellation.id), Some(id("a")));
    }
}

async fn tasks_in_every_state_survive_a_restart(s: Stage) {
    let mut before = Vec::new();
    for state in STATES {
        for task_id in ["b", "a"] {
            s.bring(state.as_str(), task_id, state).await;
            s.pass(SECOND).await;
            if state == State::Pending {
                break;
            }
        }
        before.push((s.list(state.as_str(), state).await, s.queue_info(state.as_str()).await));
    }
    let s = restarted(s).await;
    for (state, (list, info)) in STATES.into_iter().zip(before) {
        let name = queue(state.as_str());
        let found = s.backend().list(&name, &state.into(), Page::first(10)).await.expect("list");
        assert_eq!(found, list, "{state}");
        assert_eq!(s.queue_info(state.as_str()).await, info, "{state}");
    }
}

async fn counters_pauses_and_locks_survive_a_restart(s: Stage) {
    s.put("q", ["a", "b"]).await;
    let taken = s.take("q", 2).await;
    let batch = [settlement(&taken[0], Outcome::Done), settlement(&taken[1], archive())];
    assert_eq!(s.settle_all(&batch).await, [Ok(()), Ok(())]);
    assert_eq!(s.enqueue(task("q", "holder").unique_for(SECOND * 60)).await, Ok(()));
    s.backend().pause(&queue("q")).await.expect("pause");
    let before = (s.queue_info("q").await, s.backend().history(&queue("q"), 2).await.expect("history"));
    let s = restarted(s).await;
    let after = (s.queue_info("q").await, s.backend().history(&queue("q"), 2).await.expect("history"));
    assert_eq!(after, before);
    assert_eq!(s.take("q", 1).await, [], "it is still paused");
    assert_eq!(s.enqueue(task("q", "second").unique_for(SECOND)).await, Err(Refusal::Duplicate));
    s.pass(SECOND * 60).await;
    assert_eq!(s.enqueue(task("q", "second").unique_for(SECOND)).await, Ok(()));
}

async fn a_lease_survives_a_restart_and_is_fenced_after_it(s: Stage) {
    s.put("q", ["kept", "lost"]).await;
    let taken = s.take("q", 2).await;
    let s = restarted(s).await;
    assert_eq!(s.extend(&[taken[0].lease.clone()], LEASE).await, [Ok(s.after(LEASE))]);
    assert_eq!(s.settle(&taken[0], Outcome::Done).await, Ok(()));
    assert_eq!(s.settle(&taken[1], RECOVERED).await, Ok(()));
    let again = s.take_one("q").await;
    assert_ne!(again.lease.token, taken[1].lease.token, "a token is never used again");
    assert_eq!(s.settle(&taken[1], Outcome::Done).await, Err(LeaseLost));
}
