//! Cases about finding the tasks of workers that are gone, before their leases end.

use std::time::Duration;

use aftercommit_core::{Orphan, OrphanCause, Presence, State, WorkerId};

use super::Stage;
use super::orphans::{names, orphans};
use super::stage::worker_info;
use super::task::{RECOVERED, queue};

area!(conformance_of_dead_workers, dead_workers:
    the_tasks_of_a_dead_worker_are_found_before_their_leases_end,
    the_tasks_of_a_worker_that_left_are_found,
    the_tasks_of_a_live_worker_are_its_own,
    a_worker_that_beats_again_keeps_its_tasks,
    an_expired_lease_is_found_though_its_worker_lives,
);

const TTL: Duration = Duration::from_secs(9);
const LONG: Duration = Duration::from_secs(3_600);

/// A worker that is alive for one TTL and holds the task `a` of a queue for much longer.
async fn worker_with_task(s: &Stage, presence: &dyn Presence, name: &str) -> WorkerId {
    let worker = WorkerId::from_stored(&format!("suite-host:1:{name}"));
    presence.beat(&worker_info(&worker, s.now()), TTL).await.expect("beat");
    s.put(name, ["a"]).await;
    assert_eq!(s.take_as(&worker, &[(name, 1)], LONG).await.len(), 1);
    worker
}

/// Looks a few times, a TTL apart, because a back-end may want to see a worker missing more than once.
async fn found_soon(s: &Stage, name: &str) -> Vec<Orphan> {
    for _ in 0..3 {
        let found = orphans(s, &[name], 10).await;
        if !found.is_empty() {
            return found;
        }
        s.pass(TTL).await;
    }
    Vec::new()
}

async fn the_tasks_of_a_dead_worker_are_found_before_their_leases_end(s: Stage) {
    let presence = s.presence();
    worker_with_task(&s, presence, "q").await;
    s.pass(TTL - s.margin()).await;
    assert_eq!(orphans(&s, &["q"], 10).await, [], "it may still be alive");
    s.pass(s.margin()).await;
    let found = found_soon(&s, "q").await;
    assert_eq!(names(&found), ["a"]);
    assert_eq!(found[0].cause, OrphanCause::WorkerDead);
    assert_eq!(s.settle(&found[0].leased, RECOVERED).await, Ok(()));
    assert_eq!(s.state("q", "a").await, Some(State::Pending));
}

async fn the_tasks_of_a_worker_that_left_are_found(s: Stage) {
    let presence = s.presence();
    let worker = worker_with_task(&s, presence, "q").await;
    presence.leave(&worker).await.expect("leave");
    let found = found_soon(&s, "q").await;
    assert_eq!(names(&found), ["a"]);
    assert_eq!(found[0].cause, OrphanCause::WorkerDead);
}

async fn the_tasks_of_a_live_worker_are_its_own(s: Stage) {
    let presence = s.presence();
    let alive = worker_with_task(&s, presence, "q").await;
    worker_with_task(&s, presence, "r").await;
    for _ in 0..10 {
        presence.beat(&worker_info(&alive, s.now()), TTL).await.expect("beat");
        s.pass(TTL / 3).await;
        let found = orphans(&s, &["q", "r"], 10).await;
        assert!(found.iter().all(|orphan| orphan.leased.lease.queue == queue("r")), "{found:?}");
    }
    assert_eq!(names(&orphans(&s, &["q", "r"], 10).await).len(), 1, "only the other one's");
}

async fn a_worker_that_beats_again_keeps_its_tasks(s: Stage) {
    let presence = s.presence();
    let worker = worker_with_task(&s, presence, "q").await;
    s.pass(TTL * 2).await;
    presence.beat(&worker_info(&worker, s.now()), TTL).await.expect("beat");
    assert_eq!(orphans(&s, &["q"], 10).await, []);
}

async fn an_expired_lease_is_found_though_its_worker_lives(s: Stage) {
    let presence = s.presence();
    let worker = worker_with_task(&s, presence, "q").await;
    presence.beat(&worker_info(&worker, s.now()), LONG * 2).await.expect("beat");
    s.pass(LONG).await;
    let found = orphans(&s, &["q"], 10).await;
    assert_eq!(found[0].cause, OrphanCause::LeaseExpired);
}
