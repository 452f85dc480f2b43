//! Cases in which a call about a group took effect and its answer was lost, or in which it arrived twice.

use aftercommit_core::{AggregateRefusal, Groups, State};

use super::Stage;
use super::aggregate::{batch, is_as_it_was};
use super::group_steps::{AT_ONCE, HOLD, add, sizes, waiting};
use super::lost_answers::behind;
use super::task::{SECOND, TaskExt, queue, task};
use crate::{Call, Fault};

area!(conformance_of_groups_lost_answers, groups_lost_answers:
    a_batch_that_was_gathered_and_lost_on_the_way_is_reclaimed,
    an_aggregate_repeated_after_a_lost_answer_says_that_the_batch_is_gone,
    an_aggregate_that_never_arrived_is_simply_repeated,
    an_aggregate_that_arrives_twice_stores_one_task,
    a_release_and_a_reclaim_may_be_repeated,
);

async fn a_batch_that_was_gathered_and_lost_on_the_way_is_reclaimed(s: Stage) {
    add(&s, "q", "g", ["a", "b"]).await;
    let faulty = behind(&s, Call::Gather, Fault::LoseAnswer);
    assert!(faulty.gather(&[queue("q")], &AT_ONCE, 10).await.is_err());
    is_as_it_was(&s).await;
    assert_eq!(faulty.gather(&[queue("q")], &AT_ONCE, 10).await.expect("gather").batches, []);
    s.pass(HOLD).await;
    assert_eq!(faulty.reclaim(&[queue("q")], 10).await.expect("reclaim"), 1);
    assert_eq!(waiting(&s, "q", "g").await, ["a", "b"]);
}

async fn an_aggregate_repeated_after_a_lost_answer_says_that_the_batch_is_gone(s: Stage) {
    let key = batch(&s).await.key;
    let faulty = behind(&s, Call::Aggregate, Fault::LoseAnswer);
    let whole = task("q", "whole").unique_for(SECOND * 60);
    assert!(faulty.aggregate(&key, &whole).await.expect_err("the answer is lost").is_transient());
    let again = faulty.aggregate(&key, &whole).await.expect("aggregate");
    assert_eq!(again, Err(AggregateRefusal::BatchLost));
    assert_eq!(s.listed("q", State::Pending).await, ["whole"]);
    assert_eq!(s.queue_info("q").await.counts.total(), 1);
}

async fn an_aggregate_that_never_arrived_is_simply_repeated(s: Stage) {
    let key = batch(&s).await.key;
    let faulty = behind(&s, Call::Aggregate, Fault::Refuse);
    assert!(faulty.aggregate(&key, &task("q", "whole")).await.is_err());
    is_as_it_was(&s).await;
    assert_eq!(faulty.aggregate(&key, &task("q", "whole")).await.expect("aggregate"), Ok(()));
}

async fn an_aggregate_that_arrives_twice_stores_one_task(s: Stage) {
    let key = batch(&s).await.key;
    let faulty = behind(&s, Call::Aggregate, Fault::Twice);
    assert_eq!(faulty.aggregate(&key, &task("q", "whole")).await.expect("aggregate"), Ok(()));
    assert_eq!(s.take("q", 10).await.len(), 1);
}

async fn a_release_and_a_reclaim_may_be_repeated(s: Stage) {
    let key = batch(&s).await.key;
    behind(&s, Call::Release, Fault::Twice).release(&key).await.expect("release");
    assert_eq!(sizes(&s, "q").await, [("g".into(), 2)]);
    super::group_steps::gather_one(&s, "q").await;
    s.pass(HOLD).await;
    let faulty = behind(&s, Call::Reclaim, Fault::LoseAnswer);
    assert!(faulty.reclaim(&[queue("q")], 10).await.is_err());
    assert_eq!(faulty.reclaim(&[queue("q")], 10).await.expect("reclaim"), 0);
    assert_eq!(waiting(&s, "q", "g").await, ["a", "b"]);
}
