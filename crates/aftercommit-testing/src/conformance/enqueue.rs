//! Cases about storing tasks: answers, placement, ids, and that nothing is lost of a task.

use std::time::Duration;

use aftercommit_core::{Action, InspectExt, Outcome, Refusal, State};
use bytes::Bytes;

use super::Stage;
use super::stage::STATES;
use super::task::{SECOND, TaskExt, complete, id, queue, task, task_type};

area!(conformance_of_enqueue, enqueue:
    a_new_task_is_pending_at_once,
    a_task_for_later_is_scheduled_for_its_millisecond,
    a_task_scheduled_for_the_past_is_due_at_once,
    answers_stand_in_the_order_of_the_batch,
    an_empty_batch_is_no_work,
    an_id_is_taken_in_every_state,
    an_id_conflict_changes_nothing_about_the_task_that_has_it,
    an_id_is_free_again_once_the_task_is_done,
    an_id_is_free_again_once_the_task_is_deleted,
    the_same_id_in_another_queue_is_another_task,
    the_second_of_two_equal_ids_in_a_batch_is_refused,
    a_refused_task_does_not_keep_others_of_the_batch_out,
    a_batch_keeps_its_order_though_one_task_must_wait_for_the_fate_of_another,
    five_hundred_tasks_go_in_with_one_call_and_keep_their_order,
    every_field_reads_back_as_it_was_written,
    a_task_without_timeout_or_deadline_keeps_having_none,
    a_payload_is_kept_byte_for_byte,
    a_payload_of_a_megabyte_is_kept,
    headers_are_kept_whatever_their_characters,
    names_are_kept_whatever_their_characters,
    ids_differ_by_case_and_by_blanks,
);

async fn a_new_task_is_pending_at_once(s: Stage) {
    s.put("q", ["a"]).await;
    let info = s.info("q", "a").await;
    assert_eq!(info.state, State::Pending);
    assert_eq!(info.next_process_at, None);
    assert_eq!(info.lease, None);
    assert_eq!((info.ended_at, info.result), (None, None));
}

async fn a_task_for_later_is_scheduled_for_its_millisecond(s: Stage) {
    let due = s.after(Duration::from_millis(12_345));
    assert_eq!(s.enqueue(task("q", "a").at(due)).await, Ok(()));
    let info = s.info("q", "a").await;
    assert_eq!((info.state, info.next_process_at), (State::Scheduled, Some(due)));
}

async fn a_task_scheduled_for_the_past_is_due_at_once(s: Stage) {
    assert_eq!(s.enqueue(task("q", "a").at(s.now().minus(SECOND))).await, Ok(()));
    assert_eq!(s.state("q", "a").await, Some(State::Scheduled));
    assert_eq!(s.forward("q").await, 1);
    assert_eq!(s.state("q", "a").await, Some(State::Pending));
}

async fn answers_stand_in_the_order_of_the_batch(s: Stage) {
    s.put("q", ["taken"]).await;
    assert_eq!(s.enqueue(task("q", "holder").unique_for(SECOND * 60)).await, Ok(()));
    let batch = [
        task("q", "a"),
        task("q", "taken"),
        task("r", "taken"),
        task("q", "other").unique_for(SECOND * 60),
        task("q", "b").at(s.after(SECOND)),
    ];
    let answers = s.enqueue_all(&batch).await;
    assert_eq!(answers, [Ok(()), Err(Refusal::IdConflict), Ok(()), Err(Refusal::Duplicate), Ok(())]);
}

async fn an_empty_batch_is_no_work(s: Stage) {
    assert_eq!(s.enqueue_all(&[]).await, []);
    assert_eq!(s.backend().queues().await.expect("queues"), []);
}

async fn an_id_is_taken_in_every_state(s: Stage) {
    for state in STATES {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        assert_eq!(s.enqueue(task(name, "a")).await, Err(Refusal::IdConflict), "{state}");
        let later = task(name, "a").at(s.after(SECOND));
        assert_eq!(s.enqueue(later).await, Err(Refusal::IdConflict), "{state}, for later");
    }
}

async fn an_id_conflict_changes_nothing_about_the_task_that_has_it(s: Stage) {
    for state in STATES {
        let name = state.as_str();
        s.bring(name, "a", state).await;
        let before = (s.info(name, "a").await, s.queue_info(name).await);
        let other = task(name, "a").with(|message| message.payload = "other".into());
        assert_eq!(s.enqueue(other).await, Err(Refusal::IdConflict));
        assert_eq!((s.info(name, "a").await, s.queue_info(name).await), before, "{state}");
    }
}

async fn an_id_is_free_again_once_the_task_is_done(s: Stage) {
    s.put("q", ["a"]).await;
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
    s.put("q", ["a"]).await;
    assert_eq!(s.state("q", "a").await, Some(State::Pending));
}

async fn an_id_is_free_again_once_the_task_is_deleted(s: Stage) {
    for state in STATES {
        let name = state.as_str();
        if state == State::Active {
            continue;
        }
        s.bring(name, "a", state).await;
        let deleted = s.backend().delete(&queue(name), &id("a")).await.expect("delete");
        assert_eq!(deleted, Action::Applied, "{state}");
        assert_eq!(s.enqueue(task(name, "a")).await, Ok(()), "{state}");
    }
}

async fn the_same_id_in_another_queue_is_another_task(s: Stage) {
    s.put("q", ["a"]).await;
    s.put("r", ["a"]).await;
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, complete(SECOND)).await, Ok(()));
    assert_eq!(s.state("q", "a").await, Some(State::Completed));
    assert_eq!(s.state("r", "a").await, Some(State::Pending));
}

async fn the_second_of_two_equal_ids_in_a_batch_is_refused(s: Stage) {
    let second = task("q", "a").with(|message| message.payload = "second".into());
    let answers = s.enqueue_all(&[task("q", "a"), second]).await;
    assert_eq!(answers, [Ok(()), Err(Refusal::IdConflict)]);
    assert_eq!(s.info("q", "a").await.message.payload, "{}");
    assert_eq!(s.counts("q").await, [1, 0, 0, 0, 0, 0]);
}

async fn a_refused_task_does_not_keep_others_of_the_batch_out(s: Stage) {
    s.put("q", ["b"]).await;
    s.enqueue_all(&[task("q", "a"), task("q", "b"), task("q", "c")]).await;
    assert_eq!(s.listed("q", State::Pending).await, ["b", "a", "c"]);
}

/// Whether the second task gets the lock depends on whether the first one, which asks for it too, is refused
/// for its id. A back-end that stores batches in several statements must not let it fall behind.
async fn a_batch_keeps_its_order_though_one_task_must_wait_for_the_fate_of_another(s: Stage) {
    s.put("q", ["taken"]).await;
    let unique = |task_id: &str| task("q", task_id).unique_for(SECOND * 60);
    let answers = s.enqueue_all(&[unique("taken"), unique("a"), task("q", "b"), unique("c")]).await;
    assert_eq!(answers, [Err(Refusal::IdConflict), Ok(()), Ok(()), Err(Refusal::Duplicate)]);
    assert_eq!(s.listed("q", State::Pending).await, ["taken", "a", "b"]);
    assert_eq!(super::task::ids(&s.take("q", 10).await), ["taken", "a", "b"]);
}

async fn five_hundred_tasks_go_in_with_one_call_and_keep_their_order(s: Stage) {
    let names: Vec<String> = (0..500).map(|i| format!("task-{}", (i * 7) % 500)).collect();
    s.put("q", &names).await;
    assert_eq!(s.listed("q", State::Pending).await, names);
}

async fn every_field_reads_back_as_it_was_written(s: Stage) {
    let deadline = s.after(Duration::from_secs(3_600));
    let full = task("q", "a").with(|message| {
        message.task_type = task_type("email:send");
        message.payload = r#"{"to":"alice"}"#.into();
        message.headers = [("trace".into(), "00-ab".into()), ("tenant".into(), "7".into())].into();
        message.max_retry = 25;
        message.timeout = Some(Duration::from_secs(90));
        message.deadline = Some(deadline);
        message.retention = Duration::from_secs(86_400);
        message.retried = 4;
        message.last_error = Some("it failed before".into());
        message.last_failed_at = Some(deadline.minus(SECOND * 7_200));
    });
    assert_eq!(s.enqueue(full.clone()).await, Ok(()));
    assert_eq!(s.info("q", "a").await.message, full.message);
    assert_eq!(s.list("q", State::Pending).await[0].message, full.message);
    assert_eq!(s.take_one("q").await.message, full.message);
}

async fn a_task_without_timeout_or_deadline_keeps_having_none(s: Stage) {
    let bare = task("q", "a").with(|message| {
        message.timeout = None;
        message.max_retry = 0;
        message.payload = Bytes::new();
    });
    assert_eq!(s.enqueue(bare.clone()).await, Ok(()));
    assert_eq!(s.take_one("q").await.message, bare.message);
}

async fn a_payload_is_kept_byte_for_byte(s: Stage) {
    let every_byte: Vec<u8> = (0..=255).collect();
    let payloads: [Bytes; 5] =
        [Bytes::new(), vec![0].into(), every_byte.into(), "naïve ☃ 🦀".into(), vec![0xff, 0xfe, 0].into()];
    for (i, payload) in payloads.into_iter().enumerate() {
        let name = format!("q{i}");
        let wanted = payload.clone();
        assert_eq!(s.enqueue(task(&name, "a").with(|m| m.payload = payload)).await, Ok(()));
        assert_eq!(s.take_one(&name).await.message.payload, wanted);
        assert_eq!(s.info(&name, "a").await.message.payload, wanted);
    }
}

async fn a_payload_of_a_megabyte_is_kept(s: Stage) {
    let payload: Bytes = (0..1_048_576_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let wanted = payload.clone();
    assert_eq!(s.enqueue(task("q", "a").with(|message| message.payload = payload)).await, Ok(()));
    assert!(s.take_one("q").await.message.payload == wanted, "the payload is the same");
}

async fn headers_are_kept_whatever_their_characters(s: Stage) {
    let odd = task("q", "a").with(|message| {
        message.headers = [
            (String::new(), "an empty key".into()),
            ("empty value".into(), String::new()),
            ("sn☃w".into(), "crab 🦀".into()),
            ("quote\"'`\\".into(), "line\nbreak\ttab".into()),
        ]
        .into();
    });
    assert_eq!(s.enqueue(odd.clone()).await, Ok(()));
    assert_eq!(s.take_one("q").await.message.headers, odd.message.headers);
}

async fn names_are_kept_whatever_their_characters(s: Stage) {
    let long = "é".repeat(127);
    for (i, name) in
        ["a:b", "{a}", "it's; \"--", "sn☃w 🦀", "%_*?[x]", "a/../b", long.as_str()].iter().enumerate()
    {
        let name = format!("{name}{i}");
        let odd = task(&name, &name).with(|message| message.task_type = task_type(&name));
        assert_eq!(s.enqueue(odd.clone()).await, Ok(()));
        assert_eq!(s.info(&name, &name).await.message, odd.message);
        assert_eq!(s.take_one(&name).await.message, odd.message);
        assert!(s.backend().queues().await.expect("queues").contains(&queue(&name)));
    }
}

async fn ids_differ_by_case_and_by_blanks(s: Stage) {
    let names = ["a", "A", " a", "a ", "á", "a\u{301}"];
    s.put("q", names).await;
    assert_eq!(s.listed("q", State::Pending).await, names);
}
