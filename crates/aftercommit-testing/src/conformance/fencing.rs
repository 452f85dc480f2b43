//! Cases about the fence: only the current lease settles, and a refused settle changes nothing.

use std::sync::Arc;

use aftercommit_core::{
    Action, InspectExt, Lease, LeaseLost, LeaseToken, Leased, Outcome, Settlement, State,
};

use super::Stage;
use super::task::{LEASE, RECOVERED, SECOND, complete, every_outcome, id, queue, settlement};

area!(conformance_of_fencing, fencing:
    a_settled_lease_cannot_settle_again,
    a_second_settle_changes_nothing_whatever_it_says,
    the_first_of_two_settles_of_a_lease_in_a_batch_wins,
    a_stale_settle_leaves_the_new_holder_alone,
    a_stale_settle_does_not_keep_others_of_the_batch_out,
    a_late_settle_counts_while_nobody_took_the_task,
    the_found_lease_wins_over_the_late_holder,
    the_late_holder_wins_over_the_found_lease,
    a_made_up_token_cannot_settle,
    a_lease_of_another_task_cannot_settle,
    a_lease_in_an_unknown_queue_cannot_settle,
    a_lease_of_a_deleted_task_cannot_settle_its_successor,
    a_lease_of_a_done_task_cannot_settle_its_successor,
    a_lease_from_before_an_operators_run_cannot_settle,
);

async fn a_settled_lease_cannot_settle_again(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
    assert_eq!(s.settle(&leased, Outcome::Done).await, Err(LeaseLost));
    assert_eq!(s.processed_and_failed("q").await, (1, 0));
}

async fn a_second_settle_changes_nothing_whatever_it_says(s: Stage) {
    for (i, first) in every_outcome(s.now()).into_iter().enumerate() {
        for (j, second) in every_outcome(s.now()).into_iter().enumerate() {
            let name = format!("q{i}-{j}");
            s.put(&name, ["a", "b"]).await;
            let leased = s.take_one(&name).await;
            assert_eq!(s.settle(&leased, first.clone()).await, Ok(()));
            let before = (s.find(&name, "a").await, s.queue_info(&name).await);
            assert_eq!(s.settle(&leased, second.clone()).await, Err(LeaseLost), "{first:?}, {second:?}");
            let after = (s.find(&name, "a").await, s.queue_info(&name).await);
            assert_eq!(after, before, "{first:?}, {second:?}");
        }
    }
}

async fn the_first_of_two_settles_of_a_lease_in_a_batch_wins(s: Stage) {
    for (i, first) in every_outcome(s.now()).into_iter().enumerate() {
        let name = format!("q{i}");
        s.put(&name, ["a"]).await;
        let leased = s.take_one(&name).await;
        let second = if first == Outcome::Done { complete(SECOND) } else { Outcome::Done };
        let batch = [settlement(&leased, first.clone()), settlement(&leased, second)];
        assert_eq!(s.settle_all(&batch).await, [Ok(()), Err(LeaseLost)], "{first:?}");
        assert_eq!(s.find(&name, "a").await.is_none(), first == Outcome::Done, "{first:?}");
    }
}

/// A task that a worker lost and another one holds now: the stale lease and the current one.
async fn lost_and_found(s: &Stage, name: &str) -> (Leased, Leased) {
    s.put(name, ["a"]).await;
    let stale = s.take_one(name).await;
    s.pass(LEASE).await;
    let orphan = s.backend().orphans(&[queue(name)], 1).await.expect("orphans").remove(0);
    assert_eq!(s.settle(&orphan.leased, RECOVERED).await, Ok(()));
    (stale, s.take_one(name).await)
}

async fn a_stale_settle_leaves_the_new_holder_alone(s: Stage) {
    for (i, outcome) in every_outcome(s.now()).into_iter().enumerate() {
        let name = format!("q{i}");
        let (stale, current) = lost_and_found(&s, &name).await;
        let before = (s.info(&name, "a").await, s.queue_info(&name).await);
        assert_eq!(s.settle(&stale, outcome.clone()).await, Err(LeaseLost), "{outcome:?}");
        assert_eq!((s.info(&name, "a").await, s.queue_info(&name).await), before, "{outcome:?}");
        assert_eq!(s.settle(&current, Outcome::Done).await, Ok(()), "{outcome:?}");
    }
}

async fn a_stale_settle_does_not_keep_others_of_the_batch_out(s: Stage) {
    let (stale, current) = lost_and_found(&s, "q").await;
    s.put("r", ["b"]).await;
    let other = s.take_one("r").await;
    let batch = [
        settlement(&stale, complete(SECOND)),
        settlement(&other, Outcome::Done),
        settlement(&current, complete(SECOND)),
        settlement(&stale, Outcome::Done),
    ];
    assert_eq!(s.settle_all(&batch).await, [Err(LeaseLost), Ok(()), Ok(()), Err(LeaseLost)]);
    assert_eq!(s.state("q", "a").await, Some(State::Completed));
    assert_eq!(s.state("r", "b").await, None);
}

async fn a_late_settle_counts_while_nobody_took_the_task(s: Stage) {
    s.put("q", ["a"]).await;
    let late = s.take_one("q").await;
    s.pass(LEASE * 3).await;
    assert_eq!(s.settle(&late, Outcome::Done).await, Ok(()));
    assert_eq!(s.state("q", "a").await, None);
}

async fn the_found_lease_wins_over_the_late_holder(s: Stage) {
    s.put("q", ["a"]).await;
    let late = s.take_one("q").await;
    s.pass(LEASE).await;
    let found = s.backend().orphans(&[queue("q")], 1).await.expect("orphans").remove(0);
    assert_eq!(s.settle(&found.leased, RECOVERED).await, Ok(()));
    assert_eq!(s.settle(&late, Outcome::Done).await, Err(LeaseLost));
    assert_eq!(s.state("q", "a").await, Some(State::Pending));
}

async fn the_late_holder_wins_over_the_found_lease(s: Stage) {
    s.put("q", ["a"]).await;
    let late = s.take_one("q").await;
    s.pass(LEASE).await;
    let found = s.backend().orphans(&[queue("q")], 1).await.expect("orphans").remove(0);
    assert_eq!(s.settle(&late, complete(SECOND)).await, Ok(()));
    assert_eq!(s.settle(&found.leased, RECOVERED).await, Err(LeaseLost));
    assert_eq!(s.state("q", "a").await, Some(State::Completed));
}

fn with_lease(leased: &Leased, lease: Lease) -> Settlement {
    let leased = Leased { message: leased.message.clone(), lease, stored: leased.stored.clone() };
    Settlement { leased: Arc::new(leased), outcome: Outcome::Done }
}

async fn a_made_up_token_cannot_settle(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    let before = s.info("q", "a").await;
    for token in [leased.lease.token.get().wrapping_add(1), 0, u64::MAX] {
        let forged = Lease { token: LeaseToken::new(token), ..leased.lease.clone() };
        assert_eq!(s.settle_all(&[with_lease(&leased, forged)]).await, [Err(LeaseLost)], "token {token}");
    }
    assert_eq!(s.info("q", "a").await, before);
}

async fn a_lease_of_another_task_cannot_settle(s: Stage) {
    s.put("q", ["a", "b"]).await;
    let leased = s.take_one("q").await;
    let other = Lease { id: id("b"), ..leased.lease.clone() };
    let missing = Lease { id: id("c"), ..leased.lease.clone() };
    let batch = [with_lease(&leased, other), with_lease(&leased, missing)];
    assert_eq!(s.settle_all(&batch).await, [Err(LeaseLost), Err(LeaseLost)]);
    assert_eq!(s.counts("q").await, [1, 1, 0, 0, 0, 0]);
}

async fn a_lease_in_an_unknown_queue_cannot_settle(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    let elsewhere = Lease { queue: queue("nowhere"), ..leased.lease.clone() };
    assert_eq!(s.settle_all(&[with_lease(&leased, elsewhere)]).await, [Err(LeaseLost)]);
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
    assert_eq!(s.state("q", "a").await, Some(State::Active));
}

async fn a_lease_of_a_deleted_task_cannot_settle_its_successor(s: Stage) {
    s.put("q", ["a"]).await;
    let stale = s.take_one("q").await;
    assert_eq!(s.settle(&stale, RECOVERED).await, Ok(()));
    let deleted = s.backend().delete(&queue("q"), &id("a")).await.expect("delete");
    assert_eq!(deleted, Action::Applied);
    s.put("q", ["a"]).await;
    let successor = s.take_one("q").await;
    assert_eq!(s.settle(&stale, Outcome::Done).await, Err(LeaseLost));
    assert_eq!(s.extend(std::slice::from_ref(&stale.lease), LEASE).await, [Err(LeaseLost)]);
    assert_eq!(s.settle(&successor, Outcome::Done).await, Ok(()));
}

async fn a_lease_of_a_done_task_cannot_settle_its_successor(s: Stage) {
    s.put("q", ["a"]).await;
    let done = s.take_one("q").await;
    assert_eq!(s.settle(&done, Outcome::Done).await, Ok(()));
    s.put("q", ["a"]).await;
    let successor = s.take_one("q").await;
    assert_eq!(s.settle(&done, Outcome::Done).await, Err(LeaseLost), "a settle repeated too late");
    assert_eq!(s.settle(&successor, complete(SECOND)).await, Ok(()));
}

async fn a_lease_from_before_an_operators_run_cannot_settle(s: Stage) {
    s.put("q", ["a"]).await;
    let first = s.take_one("q").await;
    assert_eq!(s.settle(&first, complete(SECOND)).await, Ok(()));
    let run = s.backend().run(&queue("q"), &id("a")).await.expect("run");
    assert_eq!(run, Action::Applied);
    assert_eq!(s.settle(&first, Outcome::Done).await, Err(LeaseLost));
    let second = s.take_one("q").await;
    assert_eq!(s.settle(&first, Outcome::Done).await, Err(LeaseLost));
    assert_eq!(s.settle(&second, Outcome::Done).await, Ok(()));
}
