//! Cases about each outcome: what is written down, what is counted, and where the task stands after.

use std::time::Duration;

use aftercommit_core::{Outcome, Settlement, State};
use bytes::Bytes;

use super::Stage;
use super::task::{
    RECOVERED, RETURNED, SECOND, TaskExt, archive, complete, every_outcome, ids, retry, settlement, snooze,
    task,
};

area!(conformance_of_settle, settle:
    a_done_task_is_gone,
    a_completed_task_is_kept_with_its_result,
    a_completed_task_may_have_no_result,
    a_result_is_kept_byte_for_byte,
    a_failed_task_waits_for_its_next_attempt,
    a_failed_task_counts_its_retries,
    a_snoozed_task_burns_no_attempt,
    an_archived_task_is_kept_with_its_reason,
    a_returned_task_is_as_if_it_had_never_been_taken,
    a_recovered_task_counts_its_recoveries,
    a_requeued_task_goes_to_the_front,
    a_requeued_batch_stands_at_the_front_in_its_order,
    a_requeue_among_other_outcomes_keeps_the_order_too,
    each_outcome_counts_as_it_should,
    an_outcome_changes_nothing_else_about_the_message,
    an_error_text_is_kept_to_the_last_character,
    one_call_settles_several_queues_and_outcomes,
    counts_of_one_call_add_up_for_each_queue,
    five_hundred_are_settled_with_one_call,
    no_settlements_are_no_work,
);

/// Enqueues one task, takes it and settles it.
async fn settled(s: &Stage, outcome: Outcome) {
    s.put("q", ["a"]).await;
    s.pass(SECOND).await;
    let leased = s.take_one("q").await;
    s.pass(SECOND).await;
    assert_eq!(s.settle(&leased, outcome).await, Ok(()));
}

async fn a_done_task_is_gone(s: Stage) {
    settled(&s, Outcome::Done).await;
    assert_eq!(s.find("q", "a").await, None);
    assert_eq!(s.counts("q").await, [0; 6]);
}

async fn a_completed_task_is_kept_with_its_result(s: Stage) {
    settled(&s, complete(SECOND * 60)).await;
    let info = s.info("q", "a").await;
    assert_eq!(info.state, State::Completed);
    assert_eq!(info.ended_at, Some(s.now()));
    assert_eq!(info.result, Some("value".into()));
    assert_eq!((info.lease, info.next_process_at), (None, None));
    assert_eq!(s.counts("q").await, [0, 0, 0, 0, 0, 1]);
}

async fn a_completed_task_may_have_no_result(s: Stage) {
    settled(&s, Outcome::Complete { retention: SECOND, result: None }).await;
    let info = s.info("q", "a").await;
    assert_eq!((info.state, info.result), (State::Completed, None));
}

async fn a_result_is_kept_byte_for_byte(s: Stage) {
    let every_byte: Bytes = (0..=255_u8).cycle().take(100_000).collect();
    settled(&s, Outcome::Complete { retention: SECOND, result: Some(every_byte.clone()) }).await;
    assert!(s.info("q", "a").await.result == Some(every_byte), "the result is the same");
}

async fn a_failed_task_waits_for_its_next_attempt(s: Stage) {
    let due = s.after(Duration::from_millis(65_432));
    settled(&s, retry(due)).await;
    let info = s.info("q", "a").await;
    assert_eq!((info.state, info.next_process_at), (State::Retry, Some(due)));
    assert_eq!((info.message.retried, info.message.recovered), (1, 0));
    assert_eq!(info.message.last_error.as_deref(), Some("it failed"));
    assert_eq!(info.message.last_failed_at, Some(s.now()));
    assert_eq!((info.lease, info.ended_at), (None, None));
}

async fn a_failed_task_counts_its_retries(s: Stage) {
    s.put("q", ["a"]).await;
    for attempt in 1..=4 {
        let leased = s.take_one("q").await;
        assert_eq!(leased.message.retried, attempt - 1);
        let outcome = Outcome::Retry { at: s.now(), error: format!("failure {attempt}") };
        assert_eq!(s.settle(&leased, outcome).await, Ok(()));
        let message = s.info("q", "a").await.message;
        assert_eq!(message.retried, attempt);
        assert_eq!(message.last_error, Some(format!("failure {attempt}")));
        assert_eq!(s.forward("q").await, 1);
    }
}

async fn a_snoozed_task_burns_no_attempt(s: Stage) {
    let due = s.after(SECOND * 90);
    settled(&s, snooze(due)).await;
    let info = s.info("q", "a").await;
    assert_eq!((info.state, info.next_process_at), (State::Retry, Some(due)));
    assert_eq!((info.message.retried, info.message.recovered), (0, 0));
    assert_eq!(info.message.last_error.as_deref(), Some("not now"));
    assert_eq!(info.message.last_failed_at, Some(s.now()));
}

async fn an_archived_task_is_kept_with_its_reason(s: Stage) {
    settled(&s, archive()).await;
    let info = s.info("q", "a").await;
    assert_eq!((info.state, info.ended_at), (State::Archived, Some(s.now())));
    assert_eq!(info.message.last_error.as_deref(), Some("given up"));
    assert_eq!(info.message.last_failed_at, Some(s.now()));
    assert_eq!(info.message.retried, 0);
    assert_eq!((info.lease, info.next_process_at, info.result), (None, None, None));
}

async fn a_returned_task_is_as_if_it_had_never_been_taken(s: Stage) {
    s.put("q", ["a"]).await;
    let before = s.info("q", "a").await;
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, RETURNED).await, Ok(()));
    assert_eq!(s.info("q", "a").await, before);
}

async fn a_recovered_task_counts_its_recoveries(s: Stage) {
    s.put("q", ["a"]).await;
    for recovered in 1..=3 {
        let leased = s.take_one("q").await;
        assert_eq!(s.settle(&leased, RECOVERED).await, Ok(()));
        let info = s.info("q", "a").await;
        assert_eq!((info.state, info.message.recovered), (State::Pending, recovered));
        assert_eq!((info.message.retried, info.message.last_error), (0, None));
    }
    assert_eq!(s.take_one("q").await.message.recovered, 3);
}

async fn a_requeued_task_goes_to_the_front(s: Stage) {
    for outcome in [RETURNED, RECOVERED] {
        let name = format!("{outcome:?}");
        s.put(&name, ["a", "b", "c"]).await;
        let leased = s.take_one(&name).await;
        assert_eq!(s.settle(&leased, outcome).await, Ok(()));
        assert_eq!(ids(&s.take(&name, 3).await), ["a", "b", "c"]);
    }
}

async fn a_requeued_batch_stands_at_the_front_in_its_order(s: Stage) {
    s.put("q", ["a", "b", "c", "d", "e"]).await;
    let taken = s.take("q", 4).await;
    let batch: Vec<_> = taken.iter().map(|leased| settlement(leased, RETURNED)).collect();
    assert_eq!(s.settle_all(&batch).await, [Ok(()); 4]);
    assert_eq!(s.listed("q", State::Pending).await, ["a", "b", "c", "d", "e"]);
    let taken = s.take("q", 2).await;
    let backwards: Vec<_> = taken.iter().rev().map(|leased| settlement(leased, RETURNED)).collect();
    assert_eq!(s.settle_all(&backwards).await, [Ok(()); 2]);
    assert_eq!(ids(&s.take("q", 5).await), ["b", "a", "c", "d", "e"]);
}

async fn a_requeue_among_other_outcomes_keeps_the_order_too(s: Stage) {
    s.put("q", ["a", "b", "c", "d", "e"]).await;
    let taken = s.take("q", 4).await;
    let outcomes = [RETURNED, Outcome::Done, RECOVERED, RETURNED];
    let batch: Vec<_> = taken.iter().zip(outcomes).map(|(leased, o)| settlement(leased, o)).collect();
    assert_eq!(s.settle_all(&batch).await, [Ok(()); 4]);
    assert_eq!(s.listed("q", State::Pending).await, ["a", "c", "d", "e"]);
}

async fn each_outcome_counts_as_it_should(s: Stage) {
    let counted = [(1, 0), (1, 0), (1, 1), (0, 0), (1, 1), (0, 0), (0, 0)];
    for (i, (outcome, wanted)) in every_outcome(s.now()).into_iter().zip(counted).enumerate() {
        let name = format!("q{i}");
        s.put(&name, ["a"]).await;
        let leased = s.take_one(&name).await;
        assert_eq!(s.processed_and_failed(&name).await, (0, 0));
        assert_eq!(s.settle(&leased, outcome.clone()).await, Ok(()));
        assert_eq!(s.processed_and_failed(&name).await, wanted, "{outcome:?}");
    }
}

async fn an_outcome_changes_nothing_else_about_the_message(s: Stage) {
    for (i, outcome) in every_outcome(s.now()).into_iter().enumerate() {
        let name = format!("q{i}");
        let full = task(&name, "a").with(|message| {
            message.payload = vec![0, 1, 255].into();
            message.headers = [("trace".into(), "sn☃w".into())].into();
            message.retention = SECOND * 7;
            message.deadline = Some(s.after(SECOND * 500));
            message.max_retry = 9;
        });
        assert_eq!(s.enqueue(full.clone()).await, Ok(()));
        let leased = s.take_one(&name).await;
        assert_eq!(s.settle(&leased, outcome.clone()).await, Ok(()));
        let Some(info) = s.find(&name, "a").await else {
            assert_eq!(outcome, Outcome::Done);
            continue;
        };
        let mut wanted = full.message;
        wanted.retried = info.message.retried;
        wanted.recovered = info.message.recovered;
        wanted.last_error.clone_from(&info.message.last_error);
        wanted.last_failed_at = info.message.last_failed_at;
        assert_eq!(info.message, wanted, "{outcome:?}");
    }
}

async fn an_error_text_is_kept_to_the_last_character(s: Stage) {
    let error = format!("it's \"broken\" {}", "é☃🦀".repeat(450));
    settled(&s, Outcome::Archive { error: error.clone() }).await;
    assert_eq!(s.info("q", "a").await.message.last_error, Some(error));
}

async fn one_call_settles_several_queues_and_outcomes(s: Stage) {
    let outcomes = every_outcome(s.now());
    let mut batch = Vec::new();
    for name in ["q", "r"] {
        s.put(name, (0..outcomes.len()).map(|i| i.to_string())).await;
        let taken = s.take(name, outcomes.len()).await;
        batch.extend(taken.iter().zip(&outcomes).map(|(leased, o)| settlement(leased, o.clone())));
    }
    assert_eq!(s.settle_all(&batch).await, [Ok(()); 14]);
    let states = [
        None,
        Some(State::Completed),
        Some(State::Retry),
        Some(State::Retry),
        Some(State::Archived),
        Some(State::Pending),
        Some(State::Pending),
    ];
    for name in ["q", "r"] {
        for (i, wanted) in states.into_iter().enumerate() {
            assert_eq!(s.state(name, &i.to_string()).await, wanted, "{:?}", outcomes[i]);
        }
        assert_eq!(s.counts(name).await, [2, 0, 0, 2, 1, 1]);
    }
}

async fn counts_of_one_call_add_up_for_each_queue(s: Stage) {
    let mut batch = Vec::new();
    for (name, failures) in [("q", 3), ("r", 1)] {
        s.put(name, (0..5).map(|i| i.to_string())).await;
        for (i, leased) in s.take(name, 5).await.iter().enumerate() {
            batch.push(settlement(leased, if i < failures { archive() } else { Outcome::Done }));
        }
    }
    assert_eq!(s.settle_all(&batch).await, [Ok(()); 10]);
    assert_eq!(s.processed_and_failed("q").await, (5, 3));
    assert_eq!(s.processed_and_failed("r").await, (5, 1));
}

async fn five_hundred_are_settled_with_one_call(s: Stage) {
    s.put("q", (0..500).map(|i| i.to_string())).await;
    let taken = s.take("q", 500).await;
    let batch: Vec<Settlement> = taken
        .iter()
        .zip(every_outcome(s.now()).into_iter().cycle())
        .map(|(leased, outcome)| settlement(leased, outcome))
        .collect();
    assert_eq!(s.settle_all(&batch).await, vec![Ok(()); 500]);
    let counts = s.counts("q").await;
    assert_eq!(counts, [142, 0, 0, 143, 71, 72]);
    assert_eq!(s.processed_and_failed("q").await, (72 + 72 + 72 + 71, 72 + 71));
}

async fn no_settlements_are_no_work(s: Stage) {
    assert_eq!(s.settle_all(&[]).await, []);
}
