//! Cases about what a relay brings: stored once even if it is brought twice, also long after it has finished.

use aftercommit_core::{
    Action, Enqueue, Operation, Outcome, Published, Publisher, QueueName, Refusal, State, TaskId, Wake,
};
use futures_util::StreamExt;

use super::Stage;
use super::lost_answers::behind;
use super::task::{SECOND, TaskExt, archive, complete, id, queue, retry, task};
use crate::{Call, Fault};

area!(conformance_of_publish, publish:
    what_is_brought_is_stored_as_if_it_were_enqueued,
    what_is_brought_again_is_left_alone,
    what_is_brought_again_after_it_is_gone_is_not_stored_again,
    what_is_brought_twice_in_one_batch_is_stored_once,
    a_task_is_known_by_its_queue_and_its_id,
    a_batch_keeps_its_order_among_new_known_and_refused_tasks,
    placement_and_unique_locks_are_those_of_an_enqueue,
    an_empty_batch_is_no_fault,
    what_is_brought_wakes,
    a_batch_repeated_after_a_lost_answer_says_that_it_is_known,
    many_relays_store_each_task_once,
    a_look_tells_the_state_of_each_task_in_its_order,
    a_look_at_a_task_that_is_gone_tells_nothing,
    a_look_at_many_tasks_tells_of_each,
);

pub(super) async fn publish_all(s: &Stage, batch: &[Enqueue]) -> Vec<Result<Published, Refusal>> {
    let answers = s.publisher().publish(batch).await.expect("publish");
    assert_eq!(answers.len(), batch.len(), "publish answers for each item");
    answers
}

pub(super) async fn publish(s: &Stage, task: Enqueue) -> Result<Published, Refusal> {
    publish_all(s, &[task]).await[0]
}

pub(super) async fn forget(s: &Stage, tasks: &[(&str, &str)]) {
    let tasks: Vec<(QueueName, TaskId)> = tasks.iter().map(|(name, task)| (queue(name), id(task))).collect();
    s.publisher().forget(&tasks).await.expect("forget");
}

/// Runs the next task of a queue to its end.
pub(super) async fn finish(s: &Stage, name: &str) {
    let leased = s.take_one(name).await;
    assert_eq!(s.settle(&leased, Outcome::Done).await, Ok(()));
}

async fn what_is_brought_is_stored_as_if_it_were_enqueued(s: Stage) {
    let headers = [("k".into(), "v".into())].into();
    let new = task("q", "a").with(|message| message.headers = headers);
    assert_eq!(publish(&s, new.clone()).await, Ok(Published::Now));
    assert_eq!(s.queue_info("q").await.oldest_pending_since, Some(s.now()));
    assert_eq!(s.take_one("q").await.message, new.message);
}

async fn what_is_brought_again_is_left_alone(s: Stage) {
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Now));
    let before = (s.info("q", "a").await, s.queue_info("q").await);
    let changed = task("q", "a").with(|message| message.payload = "other".into()).at(s.after(SECOND));
    assert_eq!(publish(&s, changed).await, Ok(Published::Before));
    assert_eq!((s.info("q", "a").await, s.queue_info("q").await), before);
    s.take_one("q").await;
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Before), "while it runs");
    assert_eq!(s.counts("q").await, [0, 1, 0, 0, 0, 0]);
}

async fn what_is_brought_again_after_it_is_gone_is_not_stored_again(s: Stage) {
    for (name, outcome) in [("done", Outcome::Done), ("kept", complete(SECOND * 60))] {
        assert_eq!(publish(&s, task(name, "a")).await, Ok(Published::Now));
        let leased = s.take_one(name).await;
        assert_eq!(s.settle(&leased, outcome).await, Ok(()));
        assert_eq!(publish(&s, task(name, "a")).await, Ok(Published::Before), "{name}");
        s.pass(SECOND * 60).await;
        s.backend().delete_expired(&[queue(name)], 10).await.expect("delete expired");
        assert_eq!(publish(&s, task(name, "a")).await, Ok(Published::Before), "{name}, later");
        assert_eq!(s.queue_info(name).await.counts.total(), 0, "{name}");
    }
}

async fn what_is_brought_twice_in_one_batch_is_stored_once(s: Stage) {
    let answers = publish_all(&s, &[task("q", "a"), task("q", "b"), task("q", "a")]).await;
    assert_eq!(answers, [Ok(Published::Now), Ok(Published::Now), Ok(Published::Before)]);
    assert_eq!(s.listed("q", State::Pending).await, ["a", "b"]);
}

async fn a_task_is_known_by_its_queue_and_its_id(s: Stage) {
    let names = [("q", "a"), ("r", "a"), ("q", "a:b"), ("q:a", "b"), ("q", "it's ☃")];
    for (name, task_id) in names {
        assert_eq!(publish(&s, task(name, task_id)).await, Ok(Published::Now), "{name} {task_id}");
    }
    for (name, task_id) in names {
        assert_eq!(publish(&s, task(name, task_id)).await, Ok(Published::Before), "{name} {task_id}");
    }
    forget(&s, &[("r", "a")]).await;
    finish(&s, "r").await;
    finish(&s, "q").await;
    assert_eq!(publish(&s, task("r", "a")).await, Ok(Published::Now));
    assert_eq!(publish(&s, task("q", "a")).await, Ok(Published::Before));
}

async fn a_batch_keeps_its_order_among_new_known_and_refused_tasks(s: Stage) {
    s.put("q", ["taken"]).await;
    assert_eq!(publish(&s, task("q", "known")).await, Ok(Published::Now));
    let unique = |task_id: &str| task("q", task_id).unique_for(SECOND * 60);
    let batch = [
        task("q", "z"),
        task("q", "known"),
        unique("m"),
        unique("duplicate"),
        task("q", "taken"),
        task("q", "a"),
        task("r", "x"),
        task("q", "b"),
    ];
    let wanted = [
        Ok(Published::Now),
        Ok(Published::Before),
        Ok(Published::Now),
        Err(Refusal::Duplicate),
        Err(Refusal::IdConflict),
        Ok(Published::Now),
        Ok(Published::Now),
        Ok(Published::Now),
    ];
    assert_eq!(publish_all(&s, &batch).await, wanted);
    assert_eq!(s.listed("q", State::Pending).await, ["taken", "known", "z", "m", "a", "b"]);
    assert_eq!(s.listed("r", State::Pending).await, ["x"]);
}

async fn placement_and_unique_locks_are_those_of_an_enqueue(s: Stage) {
    let later = task("q", "later").at(s.after(SECOND)).unique_for(SECOND * 60);
    assert_eq!(publish(&s, later).await, Ok(Published::Now));
    assert_eq!(s.info("q", "later").await.next_process_at, Some(s.after(SECOND)));
    assert_eq!(s.enqueue(task("q", "b").unique_for(SECOND)).await, Err(Refusal::Duplicate));
    let deleted = s.backend().operate(&queue("q"), &id("later"), Operation::Delete).await;
    assert_eq!(deleted.expect("delete"), Action::Applied);
    assert_eq!(s.enqueue(task("q", "b").unique_for(SECOND)).await, Ok(()));
    if s.backend().groups().is_some() {
        assert_eq!(publish(&s, task("q", "grouped").of("g")).await, Ok(Published::Now));
        assert_eq!(s.state("q", "grouped").await, Some(State::Aggregating));
        assert_eq!(publish(&s, task("q", "grouped").of("g")).await, Ok(Published::Before));
        assert_eq!(super::group_steps::waiting(&s, "q", "g").await, ["grouped"]);
    }
}

async fn look(s: &Stage, tasks: &[(&str, &str)]) -> Vec<Option<State>> {
    let tasks: Vec<(QueueName, TaskId)> = tasks.iter().map(|(name, task)| (queue(name), id(task))).collect();
    let states = s.publisher().look(&tasks).await.expect("look");
    assert_eq!(states.len(), tasks.len(), "look answers for each task");
    states
}

async fn a_look_tells_the_state_of_each_task_in_its_order(s: Stage) {
    assert_eq!(publish(&s, task("q", "completed")).await, Ok(Published::Now));
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, complete(SECOND * 60)).await, Ok(()));
    assert_eq!(publish(&s, task("q", "archived")).await, Ok(Published::Now));
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, archive()).await, Ok(()));
    assert_eq!(publish(&s, task("q", "retry")).await, Ok(Published::Now));
    let leased = s.take_one("q").await;
    assert_eq!(s.settle(&leased, retry(s.after(SECOND * 60))).await, Ok(()));
    assert_eq!(publish(&s, task("q", "active")).await, Ok(Published::Now));
    s.take_one("q").await;
    let later = task("r", "later").at(s.after(SECOND * 60));
    assert_eq!(publish_all(&s, &[task("q", "waiting"), later]).await, [Ok(Published::Now); 2]);
    let tasks = [
        ("r", "later"),
        ("q", "completed"),
        ("q", "nobody"),
        ("q", "active"),
        ("q", "retry"),
        ("r", "waiting"),
        ("q", "archived"),
        ("q", "waiting"),
        ("nowhere", "waiting"),
    ];
    let wanted = [
        Some(State::Scheduled),
        Some(State::Completed),
        None,
        Some(State::Active),
        Some(State::Retry),
        None,
        Some(State::Archived),
        Some(State::Pending),
        None,
    ];
    assert_eq!(look(&s, &tasks).await, wanted);
    assert_eq!(look(&s, &[]).await, []);
    if s.backend().groups().is_some() {
        assert_eq!(publish(&s, task("q", "grouped").of("g")).await, Ok(Published::Now));
        assert_eq!(look(&s, &[("q", "grouped")]).await, [Some(State::Aggregating)]);
    }
}

async fn a_look_at_a_task_that_is_gone_tells_nothing(s: Stage) {
    assert_eq!(publish_all(&s, &[task("q", "done"), task("q", "deleted")]).await, [Ok(Published::Now); 2]);
    finish(&s, "q").await;
    let deleted = s.backend().operate(&queue("q"), &id("deleted"), Operation::Delete).await;
    assert_eq!(deleted.expect("delete"), Action::Applied);
    assert_eq!(
        look(&s, &[("q", "done"), ("q", "deleted")]).await,
        [None, None],
        "whatever their markers say"
    );
}

async fn a_look_at_many_tasks_tells_of_each(s: Stage) {
    let names: Vec<String> = (0..1_200).map(|i| format!("{i:04}")).collect();
    let batch: Vec<Enqueue> = names.iter().step_by(2).map(|name| task("q", name)).collect();
    assert!(publish_all(&s, &batch).await.iter().all(Result::is_ok));
    let tasks: Vec<(&str, &str)> = names.iter().map(|name| ("q", &**name)).collect();
    for (place, state) in look(&s, &tasks).await.into_iter().enumerate() {
        assert_eq!(state, (place % 2 == 0).then_some(State::Pending), "{place}");
    }
}

async fn an_empty_batch_is_no_fault(s: Stage) {
    assert_eq!(publish_all(&s, &[]).await, []);
    assert_eq!(s.backend().queues().await.expect("queues"), []);
}

async fn what_is_brought_wakes(s: Stage) {
    for (wake, new) in [(Wake::Pending, task("q", "a")), (Wake::Due, task("q", "b").at(s.after(SECOND)))] {
        let mut wakes = s.backend().wakes(wake, &[queue("q")]);
        assert_eq!(publish(&s, new).await, Ok(Published::Now));
        let hint = tokio::time::timeout(super::wakes::ARRIVAL, wakes.next()).await;
        assert_eq!(hint.expect("a hint arrives"), Some(()), "{wake:?}");
    }
}

async fn a_batch_repeated_after_a_lost_answer_says_that_it_is_known(s: Stage) {
    let batch = [task("q", "a").unique_for(SECOND * 60), task("q", "b").at(s.after(SECOND))];
    let faulty = behind(&s, Call::Publish, Fault::LoseAnswer);
    assert!(faulty.publish(&batch).await.expect_err("the answer is lost").is_transient());
    finish(&s, "q").await;
    let again = faulty.publish(&batch).await.expect("publish");
    assert_eq!(again, [Ok(Published::Before), Ok(Published::Before)]);
    assert_eq!(s.counts("q").await, [0, 0, 1, 0, 0, 0]);
    let tasks = [(queue("q"), id("a")), (queue("q"), id("b"))];
    behind(&s, Call::Forget, Fault::Twice).forget(&tasks).await.expect("forgetting twice is no fault");
}

async fn many_relays_store_each_task_once(s: Stage) {
    let batch: Vec<Enqueue> = (0..50).map(|i| task("q", &format!("{i:02}"))).collect();
    let relay = || {
        let (backend, batch) = (s.shared(), batch.clone());
        tokio::spawn(async move {
            let publisher = backend.publisher().expect("the back-end stores what a relay brings");
            publisher.publish(&batch).await.expect("publish")
        })
    };
    let mut stored = 0;
    for relay in [(); 4].map(|()| relay()) {
        let answers = relay.await.expect("no relay fails");
        assert!(answers.iter().all(Result::is_ok), "{answers:?}");
        stored += answers.iter().filter(|answer| **answer == Ok(Published::Now)).count();
    }
    assert_eq!(stored, 50);
    assert_eq!(s.take("q", 100).await.len(), 50);
}
