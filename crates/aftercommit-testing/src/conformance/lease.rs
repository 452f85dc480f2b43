//! Cases about extending leases.

use aftercommit_core::{Lease, LeaseLost, LeaseToken, Outcome, State};

use super::Stage;
use super::task::{LEASE, RECOVERED, SECOND, every_outcome, id, queue, settlement};

area!(conformance_of_lease, lease:
    an_extension_lasts_from_now,
    an_extension_may_shorten_a_lease,
    an_extension_leaves_the_token_and_the_task_alone,
    an_extended_lease_settles_with_the_expiry_it_had_before,
    an_extended_lease_is_no_orphan_until_its_new_end,
    an_expired_lease_may_be_extended_while_nobody_took_the_task,
    a_settled_lease_cannot_be_extended,
    a_recovered_lease_cannot_be_extended,
    a_refused_extension_leaves_the_new_holder_alone,
    a_lease_of_a_task_that_does_not_exist_cannot_be_extended,
    a_made_up_token_cannot_extend,
    a_batch_answers_for_each_lease_in_order,
    the_leases_of_several_queues_are_extended_together,
    five_hundred_leases_are_extended_with_one_call,
    no_leases_are_no_work,
);

async fn an_extension_lasts_from_now(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    s.pass(SECOND * 10).await;
    let until = s.after(LEASE);
    assert_eq!(s.extend(&[leased.lease], LEASE).await, [Ok(until)]);
    let lease = s.info("q", "a").await.lease.expect("an active task has a lease");
    assert_eq!(lease.expires_at, until);
}

async fn an_extension_may_shorten_a_lease(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    assert_eq!(s.extend(&[leased.lease], SECOND).await, [Ok(s.after(SECOND))]);
}

async fn an_extension_leaves_the_token_and_the_task_alone(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    let before = s.info("q", "a").await;
    s.pass(SECOND).await;
    let answers = s.extend(std::slice::from_ref(&leased.lease), LEASE).await;
    let mut wanted = before.clone();
    if let (Some(lease), Ok(until)) = (&mut wanted.lease, answers[0]) {
        lease.expires_at = until;
    }
    assert_ne!(wanted, before);
    assert_eq!(s.info("q", "a").await, wanted);
}

async fn an_extended_lease_settles_with_the_expiry_it_had_before(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    for _ in 0..3 {
        s.pass(SECOND * 20).await;
        assert!(s.extend(std::slice::from_ref(&leased.lease), LEASE).await[0].is_ok());
    }
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
    assert_eq!(s.state("q", "a").await, None);
}

async fn an_extended_lease_is_no_orphan_until_its_new_end(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    s.pass(SECOND * 29).await;
    assert!(s.extend(&[leased.lease], LEASE).await[0].is_ok());
    s.pass(SECOND * 29).await;
    assert_eq!(s.backend().orphans(&[queue("q")], 10).await.expect("orphans"), []);
    s.pass(SECOND).await;
    assert_eq!(s.backend().orphans(&[queue("q")], 10).await.expect("orphans").len(), 1);
}

async fn an_expired_lease_may_be_extended_while_nobody_took_the_task(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    s.pass(LEASE * 2).await;
    assert_eq!(s.extend(&[leased.lease], LEASE).await, [Ok(s.after(LEASE))]);
    assert_eq!(s.backend().orphans(&[queue("q")], 10).await.expect("orphans"), []);
}

async fn a_settled_lease_cannot_be_extended(s: Stage) {
    for (i, outcome) in every_outcome(s.now()).into_iter().enumerate() {
        let name = format!("q{i}");
        s.put(&name, ["a"]).await;
        let leased = s.take_one(&name).await;
        assert_eq!(s.settle(&leased, outcome.clone()).await, Ok(()));
        let before = s.find(&name, "a").await;
        assert_eq!(s.extend(&[leased.lease], LEASE).await, [Err(LeaseLost)], "{outcome:?}");
        assert_eq!(s.find(&name, "a").await, before, "{outcome:?}");
    }
}

async fn a_recovered_lease_cannot_be_extended(s: Stage) {
    s.put("q", ["a"]).await;
    let late = s.take_one("q").await;
    s.pass(LEASE).await;
    let orphan = s.backend().orphans(&[queue("q")], 1).await.expect("orphans").remove(0);
    assert_eq!(s.settle(&orphan.leased, RECOVERED).await, Ok(()));
    assert_eq!(s.extend(&[late.lease], LEASE).await, [Err(LeaseLost)]);
    assert_eq!(s.state("q", "a").await, Some(State::Pending));
}

async fn a_refused_extension_leaves_the_new_holder_alone(s: Stage) {
    s.put("q", ["a"]).await;
    let late = s.take_one("q").await;
    assert_eq!(s.settle(&late, RECOVERED).await, Ok(()));
    let holder = s.take_one("q").await;
    s.pass(SECOND).await;
    let before = s.info("q", "a").await;
    assert_eq!(s.extend(&[late.lease], LEASE * 2).await, [Err(LeaseLost)]);
    assert_eq!(s.info("q", "a").await, before);
    assert!(s.extend(&[holder.lease], LEASE).await[0].is_ok());
}

async fn a_lease_of_a_task_that_does_not_exist_cannot_be_extended(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    let elsewhere = Lease { queue: queue("nowhere"), ..leased.lease.clone() };
    let other = Lease { id: id("b"), ..leased.lease };
    assert_eq!(s.extend(&[elsewhere, other], LEASE).await, [Err(LeaseLost), Err(LeaseLost)]);
    assert_eq!(s.backend().queues().await.expect("queues"), [queue("q")]);
}

async fn a_made_up_token_cannot_extend(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    for token in [leased.lease.token.get().wrapping_add(1), 0, u64::MAX] {
        let forged = Lease { token: LeaseToken::new(token), ..leased.lease.clone() };
        assert_eq!(s.extend(&[forged], LEASE * 9).await, [Err(LeaseLost)], "token {token}");
    }
    assert_eq!(s.info("q", "a").await.lease, Some(leased.lease));
}

async fn a_batch_answers_for_each_lease_in_order(s: Stage) {
    s.put("q", ["a", "b", "c", "d"]).await;
    let taken = s.take("q", 4).await;
    let settled = [settlement(&taken[0], Outcome::Done), settlement(&taken[2], RECOVERED)];
    assert_eq!(s.settle_all(&settled).await, [Ok(()), Ok(())]);
    let leases: Vec<_> = taken.into_iter().map(|leased| leased.lease).collect();
    let until = Ok(s.after(LEASE));
    assert_eq!(s.extend(&leases, LEASE).await, [Err(LeaseLost), until, Err(LeaseLost), until]);
}

async fn the_leases_of_several_queues_are_extended_together(s: Stage) {
    s.put("q", ["a"]).await;
    s.put("r", ["a"]).await;
    let taken = s.take_from(&[("q", 1), ("r", 1)]).await;
    assert_eq!(taken.len(), 2);
    s.pass(SECOND).await;
    let until = s.after(LEASE);
    let leases: Vec<_> = taken.into_iter().map(|leased| leased.lease).collect();
    assert_eq!(s.extend(&leases, LEASE).await, [Ok(until), Ok(until)]);
    for name in ["q", "r"] {
        let lease = s.info(name, "a").await.lease.expect("an active task has a lease");
        assert_eq!(lease.expires_at, until);
    }
}

async fn five_hundred_leases_are_extended_with_one_call(s: Stage) {
    s.put("q", (0..500).map(|i| format!("t{i}"))).await;
    let leases: Vec<_> = s.take("q", 500).await.into_iter().map(|leased| leased.lease).collect();
    s.pass(SECOND).await;
    assert_eq!(s.extend(&leases, LEASE).await, vec![Ok(s.after(LEASE)); 500]);
}

async fn no_leases_are_no_work(s: Stage) {
    assert_eq!(s.extend(&[], LEASE).await, []);
}
