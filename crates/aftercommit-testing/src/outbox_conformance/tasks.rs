//! Cases about what is stored of a task, and which tasks are refused.

use std::time::Duration;

use aftercommit_core::{Enqueue, Error, NewTask, Options, Placement, RawTask, TaskType};
use bytes::Bytes;

use super::OutboxStage;
use super::stage::{HOLD, ids, new, raw};

outbox_area!(outbox_conformance_of_tasks, tasks:
    an_id_is_taken_once_in_each_queue,
    a_batch_answers_for_each_of_its_tasks,
    a_claimed_task_is_what_was_enqueued_to_the_last_option,
);

async fn an_id_is_taken_once_in_each_queue(s: OutboxStage) {
    s.add(["a"]).await;
    let other = NewTask::from(raw()).with(Options::new().id("a").queue("other"));
    let answers = s.commit(vec![new("a"), other]).await;
    assert!(matches!(answers[0], Err(Error::IdConflict { .. })), "{answers:?}");
    assert!(answers[1].is_ok(), "{answers:?}");
    let claim = s.claim(9).await;
    assert_eq!(ids(&claim), ["a", "a"]);
    s.mark(&[claim.rows[0].key]).await;
    s.add(["a"]).await;
    assert_eq!(s.backlog().await.waiting, 2, "a published task has left its id to the other back-end");
}

async fn a_batch_answers_for_each_of_its_tasks(s: OutboxStage) {
    s.add(["taken"]).await;
    let batch = ["b", "taken", "c", "b", "c", "d"].map(new);
    let invalid = new("e").with(Options::new().queue(" "));
    let answers = s.commit(batch.into_iter().chain([invalid, new("f")]).collect()).await;
    let told: Vec<_> = answers
        .iter()
        .map(|answer| match answer {
            Ok(enqueued) => enqueued.id.as_str(),
            Err(Error::IdConflict { .. }) => "conflict",
            Err(Error::Invalid { .. }) => "invalid",
            Err(other) => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(told, ["b", "conflict", "c", "conflict", "conflict", "d", "invalid", "f"]);
    let again = s.commit(["b", "f"].map(new).into()).await;
    assert!(again.iter().all(|answer| matches!(answer, Err(Error::IdConflict { .. }))));
    assert!(s.commit(Vec::new()).await.is_empty());
    assert_eq!(ids(&s.claim(9).await), ["taken", "b", "c", "d", "f"]);
}

/// Tasks that use every option, and unusual values of them.
fn tasks(s: &OutboxStage) -> Vec<NewTask> {
    let now = s.now().to_system_time();
    let raw = |payload: Bytes| RawTask {
        task_type: TaskType::new("ünusual:täsk").expect("a valid type"),
        payload,
    };
    let every_byte: Vec<u8> = (0..=255).collect();
    let full = Options::new()
        .id("line\nbreak, \"quote\", {brace}, ☃")
        .queue("critical")
        .max_retry(3)
        .timeout(Duration::from_millis(1_501))
        .deadline(now + Duration::from_millis(99_999))
        .process_in(Duration::from_millis(1_234))
        .unique_for(Duration::from_millis(60_001))
        .retention(Duration::from_millis(7))
        .group("gröup")
        .header("traceparent", "00-\"abc\"")
        .header("", "\0");
    let only_a_deadline = Options::new().id("a").deadline(now);
    vec![
        NewTask::from(raw(every_byte.into())).with(full),
        NewTask::from(raw(Bytes::new())).with(only_a_deadline),
        NewTask::from(raw("{}".into())).with(Options::new().id("b").group("g").max_retry(0)),
        NewTask::from(raw(Bytes::from_static(&[0]))).with(Options::new().id("c").unique_for(HOLD)),
    ]
}

async fn a_claimed_task_is_what_was_enqueued_to_the_last_option(s: OutboxStage) {
    let new = tasks(&s);
    let resolve = |task: &NewTask| task.clone().resolve(&Options::new(), s.now()).expect("it is valid");
    let wanted: Vec<Enqueue> = new.iter().map(resolve).collect();
    for answer in s.commit(new).await {
        answer.expect("it is stored");
    }
    let enqueued_at = s.now();
    s.pass(HOLD);
    let claim = s.claim(9).await;
    let stored: Vec<Enqueue> = claim.rows.iter().map(|row| row.task.clone()).collect();
    assert_eq!(stored, wanted);
    assert!(matches!(wanted[0].placement, Placement::At(_)));
    let fresh =
        claim.rows.iter().all(|row| (row.attempts, row.losses, row.enqueued_at) == (0, 0, enqueued_at));
    assert!(fresh, "{:?}", claim.rows);
}
