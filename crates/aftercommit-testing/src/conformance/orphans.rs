//! Cases about finding tasks that are nobody's, by their leases.

use aftercommit_core::{Orphan, OrphanCause, QueueName, State};

use super::Stage;
use super::stage::STATES;
use super::task::{LEASE, MILLI, RECOVERED, SECOND, every_outcome, ids, queue};

area!(conformance_of_orphans, orphans:
    a_task_is_nobodys_exactly_when_its_lease_ends,
    an_orphan_comes_with_its_message_and_its_lease_as_they_stand,
    looking_for_orphans_changes_nothing,
    a_settled_orphan_is_none_any_more,
    a_recovered_orphan_runs_before_those_who_waited,
    only_active_tasks_are_orphans,
    no_more_than_the_limit_are_listed,
    orphans_of_several_queues_come_together,
    other_queues_are_not_looked_at,
    orphans_of_a_paused_queue_are_found,
);

pub(super) async fn orphans(s: &Stage, names: &[&str], limit: usize) -> Vec<Orphan> {
    let names: Vec<QueueName> = names.iter().map(|name| queue(name)).collect();
    s.backend().orphans(&names, limit).await.expect("orphans")
}

pub(super) fn names(orphans: &[Orphan]) -> Vec<String> {
    let leased: Vec<_> = orphans.iter().map(|orphan| orphan.leased.clone()).collect();
    let mut names = ids(&leased);
    names.sort();
    names
}

async fn a_task_is_nobodys_exactly_when_its_lease_ends(s: Stage) {
    s.put("q", ["a"]).await;
    s.take_one("q").await;
    s.pass(LEASE - MILLI).await;
    assert_eq!(orphans(&s, &["q"], 10).await, [], "a millisecond before");
    s.pass(MILLI).await;
    let found = orphans(&s, &["q"], 10).await;
    assert_eq!(names(&found), ["a"]);
    assert_eq!(found[0].cause, OrphanCause::LeaseExpired);
}

async fn an_orphan_comes_with_its_message_and_its_lease_as_they_stand(s: Stage) {
    s.put("q", ["a"]).await;
    let mut leased = s.take_one("q").await;
    s.pass(SECOND).await;
    let answers = s.extend(std::slice::from_ref(&leased.lease), LEASE).await;
    leased.lease.expires_at = answers[0].expect("the lease is current");
    s.pass(LEASE).await;
    assert_eq!(orphans(&s, &["q"], 10).await[0].leased, leased);
}

async fn looking_for_orphans_changes_nothing(s: Stage) {
    s.put("q", ["a", "b"]).await;
    s.take("q", 2).await;
    s.pass(LEASE).await;
    let before = (s.list("q", State::Active).await, s.queue_info("q").await);
    let first = orphans(&s, &["q"], 10).await;
    assert_eq!(orphans(&s, &["q"], 10).await, first);
    assert_eq!((s.list("q", State::Active).await, s.queue_info("q").await), before);
}

async fn a_settled_orphan_is_none_any_more(s: Stage) {
    for (i, outcome) in every_outcome(s.now()).into_iter().enumerate() {
        let name = format!("q{i}");
        s.put(&name, ["a"]).await;
        s.take_one(&name).await;
        s.pass(LEASE).await;
        let found = orphans(&s, &[&name], 10).await;
        assert_eq!(s.settle(&found[0].leased, outcome.clone()).await, Ok(()), "{outcome:?}");
        assert_eq!(orphans(&s, &[&name], 10).await, [], "{outcome:?}");
    }
}

async fn a_recovered_orphan_runs_before_those_who_waited(s: Stage) {
    s.put("q", ["a", "b"]).await;
    s.take_one("q").await;
    s.pass(LEASE).await;
    let found = orphans(&s, &["q"], 10).await;
    assert_eq!(s.settle(&found[0].leased, RECOVERED).await, Ok(()));
    let again = s.take("q", 2).await;
    assert_eq!(ids(&again), ["a", "b"]);
    assert_eq!((again[0].message.recovered, again[0].message.retried), (1, 0));
}

async fn only_active_tasks_are_orphans(s: Stage) {
    for state in STATES {
        s.bring(state.as_str(), "a", state).await;
    }
    s.pass(LEASE * 100).await;
    let names: Vec<&str> = STATES.iter().map(|state| state.as_str()).collect();
    let found = orphans(&s, &names, 10).await;
    let found: Vec<&str> = found.iter().map(|orphan| orphan.leased.lease.queue.as_str()).collect();
    assert_eq!(found, ["active"]);
}

async fn no_more_than_the_limit_are_listed(s: Stage) {
    s.put("q", (0..10).map(|i| i.to_string())).await;
    s.put("r", (0..10).map(|i| i.to_string())).await;
    assert_eq!(s.take_from(&[("q", 10), ("r", 10)]).await.len(), 20);
    s.pass(LEASE).await;
    assert_eq!(orphans(&s, &["q"], 4).await.len(), 4);
    assert_eq!(orphans(&s, &["q", "r"], 15).await.len(), 15);
    assert_eq!(orphans(&s, &["q", "r"], 0).await.len(), 0);
    assert_eq!(orphans(&s, &["q", "r"], 500).await.len(), 20);
}

async fn orphans_of_several_queues_come_together(s: Stage) {
    s.put("q", ["a"]).await;
    s.put("r", ["b"]).await;
    s.take_from(&[("q", 1), ("r", 1)]).await;
    s.pass(LEASE).await;
    assert_eq!(names(&orphans(&s, &["q", "r", "nowhere"], 10).await), ["a", "b"]);
}

async fn other_queues_are_not_looked_at(s: Stage) {
    s.put("q", ["a"]).await;
    s.put("r", ["b"]).await;
    s.take_from(&[("q", 1), ("r", 1)]).await;
    s.pass(LEASE).await;
    assert_eq!(names(&orphans(&s, &["r"], 10).await), ["b"]);
    assert_eq!(orphans(&s, &[], 10).await, []);
}

async fn orphans_of_a_paused_queue_are_found(s: Stage) {
    s.put("q", ["a"]).await;
    s.take_one("q").await;
    s.backend().pause(&queue("q")).await.expect("pause");
    s.pass(LEASE).await;
    assert_eq!(names(&orphans(&s, &["q"], 10).await), ["a"]);
}
