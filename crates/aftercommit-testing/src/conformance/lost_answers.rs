//! Cases in which a call took effect and its answer was lost, or in which it arrived twice: the caller
//! calls again, and that is harmless.

use aftercommit_core::{
    Backend, Broker, LeaseGrant, LeaseLost, Outcome, Quota, Refusal, State, Upkeep, WorkerId,
};

use super::Stage;
use super::task::{LEASE, RECOVERED, SECOND, TaskExt, every_outcome, queue, settlement, task};
use crate::{Call, Fault, Faults, Faulty};

area!(conformance_of_lost_answers, lost_answers:
    a_settle_repeated_after_a_lost_answer_changes_nothing_more,
    a_settled_batch_repeated_after_a_lost_answer_changes_nothing_more,
    a_settle_that_never_arrived_is_simply_repeated,
    a_settle_that_arrives_twice_counts_once,
    a_repeated_settle_does_not_touch_the_next_attempt,
    an_enqueue_repeated_after_a_lost_answer_says_that_it_is_there,
    an_enqueue_that_arrives_twice_stores_one_task,
    a_batch_that_was_taken_and_lost_on_the_way_is_recovered,
    an_extension_may_be_repeated,
    a_forward_whose_answer_is_lost_loses_no_task,
);

/// The stage's back-end behind a connection on which the next call of this kind goes wrong.
pub(super) fn behind(s: &Stage, call: Call, fault: Fault) -> Faulty<dyn Backend> {
    Faulty::new(s.shared(), Faults::none().then(call, fault))
}

async fn a_settle_repeated_after_a_lost_answer_changes_nothing_more(s: Stage) {
    for (i, outcome) in every_outcome(s.now()).into_iter().enumerate() {
        let name = format!("q{i}");
        s.put(&name, ["a", "b"]).await;
        let batch = [settlement(&s.take_one(&name).await, outcome.clone())];
        let faulty = behind(&s, Call::Settle, Fault::LoseAnswer);
        let lost = faulty.settle(&batch).await.expect_err("the answer is lost");
        assert!(lost.is_transient(), "{outcome:?}");
        let before = (s.find(&name, "a").await, s.queue_info(&name).await);
        assert_eq!(faulty.settle(&batch).await.expect("settle"), [Err(LeaseLost)], "{outcome:?}");
        assert_eq!((s.find(&name, "a").await, s.queue_info(&name).await), before, "{outcome:?}");
    }
}

async fn a_settled_batch_repeated_after_a_lost_answer_changes_nothing_more(s: Stage) {
    let outcomes = every_outcome(s.now());
    s.put("q", (0..outcomes.len()).map(|i| i.to_string())).await;
    let taken = s.take("q", outcomes.len()).await;
    let batch: Vec<_> = taken.iter().zip(outcomes).map(|(leased, o)| settlement(leased, o)).collect();
    let faulty = behind(&s, Call::Settle, Fault::LoseAnswer);
    assert!(faulty.settle(&batch).await.is_err());
    let before = (s.listed("q", State::Pending).await, s.queue_info("q").await);
    assert_eq!(faulty.settle(&batch).await.expect("settle"), vec![Err(LeaseLost); batch.len()]);
    assert_eq!((s.listed("q", State::Pending).await, s.queue_info("q").await), before);
}

async fn a_settle_that_never_arrived_is_simply_repeated(s: Stage) {
    s.put("q", ["a"]).await;
    let batch = [settlement(&s.take_one("q").await, Outcome::Done)];
    let faulty = behind(&s, Call::Settle, Fault::Refuse);
    assert!(faulty.settle(&batch).await.is_err());
    assert_eq!(s.state("q", "a").await, Some(State::Active));
    assert_eq!(faulty.settle(&batch).await.expect("settle"), [Ok(())]);
    assert_eq!(s.processed_and_failed("q").await, (1, 0));
}

async fn a_settle_that_arrives_twice_counts_once(s: Stage) {
    let counted = [(1, 0), (1, 0), (1, 1), (0, 0), (1, 1), (0, 0), (0, 0)];
    for (i, (outcome, wanted)) in every_outcome(s.now()).into_iter().zip(counted).enumerate() {
        let name = format!("q{i}");
        s.put(&name, ["a"]).await;
        let batch = [settlement(&s.take_one(&name).await, outcome.clone())];
        let faulty = behind(&s, Call::Settle, Fault::Twice);
        assert_eq!(faulty.settle(&batch).await.expect("settle"), [Ok(())], "{outcome:?}");
        assert_eq!(s.processed_and_failed(&name).await, wanted, "{outcome:?}");
        if let Some(info) = s.find(&name, "a").await {
            assert!(info.message.retried + info.message.recovered <= 1, "{outcome:?}");
        }
    }
}

async fn a_repeated_settle_does_not_touch_the_next_attempt(s: Stage) {
    s.put("q", ["a"]).await;
    let batch = [settlement(&s.take_one("q").await, RECOVERED)];
    let faulty = behind(&s, Call::Settle, Fault::LoseAnswer);
    assert!(faulty.settle(&batch).await.is_err());
    let next = s.take_one("q").await;
    let before = s.info("q", "a").await;
    assert_eq!(faulty.settle(&batch).await.expect("settle"), [Err(LeaseLost)]);
    assert_eq!(s.info("q", "a").await, before);
    assert_eq!(s.settle(&next, Outcome::Done).await, Ok(()));
}

async fn an_enqueue_repeated_after_a_lost_answer_says_that_it_is_there(s: Stage) {
    let batch = [task("q", "a").unique_for(SECOND * 60), task("q", "b").at(s.after(SECOND))];
    let faulty = behind(&s, Call::Enqueue, Fault::LoseAnswer);
    assert!(faulty.enqueue(&batch).await.expect_err("the answer is lost").is_transient());
    let answers = faulty.enqueue(&batch).await.expect("enqueue");
    assert_eq!(answers, [Err(Refusal::IdConflict), Err(Refusal::IdConflict)]);
    assert_eq!(s.counts("q").await, [1, 0, 1, 0, 0, 0]);
}

async fn an_enqueue_that_arrives_twice_stores_one_task(s: Stage) {
    let faulty = behind(&s, Call::Enqueue, Fault::Twice);
    assert_eq!(faulty.enqueue(&[task("q", "a")]).await.expect("enqueue"), [Ok(())]);
    assert_eq!(s.take("q", 10).await.len(), 1);
}

async fn a_batch_that_was_taken_and_lost_on_the_way_is_recovered(s: Stage) {
    s.put("q", ["a", "b"]).await;
    let faulty = behind(&s, Call::Dequeue, Fault::LoseAnswer);
    let grant = LeaseGrant { worker: WorkerId::from_stored("suite:1:worker"), duration: LEASE };
    let quotas = [Quota { queue: queue("q"), count: 2 }];
    assert!(faulty.dequeue(&quotas, &grant).await.is_err());
    assert_eq!(s.counts("q").await, [0, 2, 0, 0, 0, 0]);
    s.pass(LEASE).await;
    let orphans = faulty.orphans(&[queue("q")], 10).await.expect("orphans");
    let batch: Vec<_> = orphans.iter().map(|orphan| settlement(&orphan.leased, RECOVERED)).collect();
    assert_eq!(faulty.settle(&batch).await.expect("settle"), [Ok(()), Ok(())]);
    assert_eq!(faulty.dequeue(&quotas, &grant).await.expect("dequeue").len(), 2);
}

async fn an_extension_may_be_repeated(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    let faulty = behind(&s, Call::Extend, Fault::LoseAnswer);
    let leases = [leased.lease.clone()];
    s.pass(SECOND).await;
    assert!(faulty.extend(&leases, LEASE).await.is_err());
    assert_eq!(faulty.extend(&leases, LEASE).await.expect("extend"), [Ok(s.after(LEASE))]);
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
}

async fn a_forward_whose_answer_is_lost_loses_no_task(s: Stage) {
    assert_eq!(s.enqueue(task("q", "a").at(s.after(SECOND))).await, Ok(()));
    s.pass(SECOND).await;
    let faulty = behind(&s, Call::Forward, Fault::LoseAnswer);
    assert!(faulty.forward(&[queue("q")], 10).await.is_err());
    assert_eq!(faulty.forward(&[queue("q")], 10).await.expect("forward").moved, 0);
    assert_eq!(s.state("q", "a").await, Some(State::Pending));
}
