//! Cases about wake-ups: no change after the subscription is missed, and many changes are few hints.
//! Hints may be false, so only their arrival can be a case, and that there are not too many.

use std::time::Duration;

use aftercommit_core::{InspectExt, Outcome, State, Wake, Wakes};
use futures_util::StreamExt;

use super::Stage;
use super::task::{LEASE, RECOVERED, RETURNED, SECOND, TaskExt, archive, id, queue, retry, snooze, task};

area!(conformance_of_wakes, wakes:
    an_enqueue_wakes_those_who_wait_for_pending_tasks,
    an_enqueue_for_later_wakes_those_who_wait_for_due_times,
    a_change_before_the_first_wait_is_not_missed,
    a_change_while_waiting_is_not_missed,
    each_change_after_a_hint_gives_another_hint,
    a_forward_wakes,
    an_operators_run_wakes,
    a_resume_wakes,
    a_returned_task_wakes,
    a_recovered_task_wakes,
    a_retry_and_a_snooze_wake_those_who_wait_for_due_times,
    a_change_in_any_of_several_queues_wakes,
    every_subscriber_is_woken,
    a_subscriber_that_went_away_does_not_hinder_the_others,
    many_changes_are_few_hints,
    a_quiet_queue_gives_no_stream_of_hints,
);

/// How long a hint may take, by the machine's clock. Back-ends promise more; this is to fail, not to wait.
pub(super) const ARRIVAL: Duration = Duration::from_secs(5);

fn subscribe(s: &Stage, wake: Wake, names: &[&str]) -> Wakes {
    let names: Vec<_> = names.iter().map(|name| queue(name)).collect();
    s.backend().wakes(wake, &names)
}

async fn is_woken(wakes: &mut Wakes) {
    let hint = tokio::time::timeout(ARRIVAL, wakes.next()).await;
    assert_eq!(hint.expect("a hint arrives"), Some(()), "the stream lives until dropped");
}

async fn an_enqueue_wakes_those_who_wait_for_pending_tasks(s: Stage) {
    let mut wakes = subscribe(&s, Wake::Pending, &["q"]);
    s.put("q", ["a"]).await;
    is_woken(&mut wakes).await;
}

async fn an_enqueue_for_later_wakes_those_who_wait_for_due_times(s: Stage) {
    let mut wakes = subscribe(&s, Wake::Due, &["q"]);
    assert_eq!(s.enqueue(task("q", "a").at(s.after(SECOND))).await, Ok(()));
    is_woken(&mut wakes).await;
}

async fn a_change_before_the_first_wait_is_not_missed(s: Stage) {
    let mut wakes = subscribe(&s, Wake::Pending, &["q"]);
    assert_eq!(s.take("q", 1).await, [], "nothing there yet");
    s.put("q", ["a"]).await;
    tokio::task::yield_now().await;
    is_woken(&mut wakes).await;
    assert_eq!(s.take("q", 1).await.len(), 1);
}

async fn a_change_while_waiting_is_not_missed(s: Stage) {
    let mut wakes = subscribe(&s, Wake::Pending, &["q"]);
    let waiting = tokio::spawn(async move { is_woken(&mut wakes).await });
    tokio::task::yield_now().await;
    s.put("q", ["a"]).await;
    waiting.await.expect("it is woken");
}

async fn each_change_after_a_hint_gives_another_hint(s: Stage) {
    let mut wakes = subscribe(&s, Wake::Pending, &["q"]);
    for i in 0..20 {
        s.put("q", [i.to_string()]).await;
        is_woken(&mut wakes).await;
        assert_eq!(s.take("q", 1).await.len(), 1, "round {i}");
    }
}

async fn a_forward_wakes(s: Stage) {
    assert_eq!(s.enqueue(task("q", "a").at(s.after(SECOND))).await, Ok(()));
    s.pass(SECOND).await;
    let mut wakes = subscribe(&s, Wake::Pending, &["q"]);
    assert_eq!(s.forward("q").await, 1);
    is_woken(&mut wakes).await;
}

async fn an_operators_run_wakes(s: Stage) {
    for state in [State::Scheduled, State::Retry, State::Archived, State::Completed] {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        let mut wakes = subscribe(&s, Wake::Pending, &[name]);
        s.backend().run(&queue(name), &id("a")).await.expect("run");
        is_woken(&mut wakes).await;
    }
}

async fn a_resume_wakes(s: Stage) {
    s.put("q", ["a"]).await;
    s.backend().pause(&queue("q")).await.expect("pause");
    let mut wakes = subscribe(&s, Wake::Pending, &["q"]);
    s.backend().resume(&queue("q")).await.expect("resume");
    is_woken(&mut wakes).await;
}

async fn a_returned_task_wakes(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    let mut wakes = subscribe(&s, Wake::Pending, &["q"]);
    assert_eq!(s.settle(&leased, RETURNED).await, Ok(()));
    is_woken(&mut wakes).await;
}

async fn a_recovered_task_wakes(s: Stage) {
    s.put("q", ["a"]).await;
    s.take_one("q").await;
    s.pass(LEASE).await;
    let orphan = s.backend().orphans(&[queue("q")], 1).await.expect("orphans").remove(0);
    let mut wakes = subscribe(&s, Wake::Pending, &["q"]);
    assert_eq!(s.settle(&orphan.leased, RECOVERED).await, Ok(()));
    is_woken(&mut wakes).await;
}

async fn a_retry_and_a_snooze_wake_those_who_wait_for_due_times(s: Stage) {
    for outcome in [retry(s.after(SECOND)), snooze(s.after(SECOND))] {
        s.put("q", ["a"]).await;
        let leased = s.take_one("q").await;
        let mut wakes = subscribe(&s, Wake::Due, &["q"]);
        assert_eq!(s.settle(&leased, outcome).await, Ok(()));
        is_woken(&mut wakes).await;
        s.backend().delete(&queue("q"), &id("a")).await.expect("delete");
    }
}

async fn a_change_in_any_of_several_queues_wakes(s: Stage) {
    let mut wakes = subscribe(&s, Wake::Pending, &["q", "r", "t"]);
    for name in ["t", "q", "r"] {
        s.put(name, ["a"]).await;
        is_woken(&mut wakes).await;
    }
}

async fn every_subscriber_is_woken(s: Stage) {
    let mut all: Vec<Wakes> = (0..5).map(|_| subscribe(&s, Wake::Pending, &["q"])).collect();
    s.put("q", ["a"]).await;
    for wakes in &mut all {
        is_woken(wakes).await;
    }
}

async fn a_subscriber_that_went_away_does_not_hinder_the_others(s: Stage) {
    let gone = subscribe(&s, Wake::Pending, &["q"]);
    let mut stays = subscribe(&s, Wake::Pending, &["q"]);
    drop(gone);
    s.put("q", ["a"]).await;
    is_woken(&mut stays).await;
}

/// How many hints come within [`WHILE`]. Not until there is none for a while: a back-end whose net is a poll may say at
/// each look that tasks are waiting.
async fn hints(wakes: &mut Wakes) -> usize {
    let mut hints = 0;
    let end = tokio::time::Instant::now() + WHILE;
    while tokio::time::timeout_at(end, wakes.next()).await.is_ok() {
        hints += 1;
        assert!(hints < 1_000, "the hints never end");
    }
    hints
}

const WHILE: Duration = Duration::from_millis(300);

async fn many_changes_are_few_hints(s: Stage) {
    let mut wakes = subscribe(&s, Wake::Pending, &["q", "r"]);
    for i in 0..100 {
        s.put("q", [i.to_string()]).await;
        s.put("r", [i.to_string()]).await;
    }
    let hints = hints(&mut wakes).await;
    assert!((1..=10).contains(&hints), "{hints} hints for 200 changes");
}

async fn a_quiet_queue_gives_no_stream_of_hints(s: Stage) {
    for outcome in [Outcome::Done, archive(), retry(s.after(SECOND * 60))] {
        s.put("q", ["a"]).await;
        let leased = s.take_one("q").await;
        assert_eq!(s.settle(&leased, outcome).await, Ok(()));
        s.backend().delete(&queue("q"), &id("a")).await.expect("delete");
    }
    for wake in [Wake::Pending, Wake::Due] {
        let hints = hints(&mut subscribe(&s, wake, &["q"])).await;
        assert!(hints <= 3, "{hints} hints about {wake:?} although nothing happened");
    }
}
