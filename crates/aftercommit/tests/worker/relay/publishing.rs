//! What a relay does when all is well, or a task is refused for what it is.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{Error, Options, QueueName, Relay, RelayCounts, TaskId};
use aftercommit_core::{Published, Publisher, Refusal};
use aftercommit_testing::{Call, Fault, Faults, Faulty};

use super::outbox::{FakeOutbox, OutboxCall, Wrong};
use super::{carry, fine, ids, pending, relay, rows};
use crate::harness::{Bench, note};
use crate::spy::{Abilities, Spy};

#[tokio::test(start_paused = true)]
async fn committed_tasks_are_published_in_full_batches_and_in_their_order() {
    let (bench, spy) = Spy::bench(Abilities::All);
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    let tasks = rows("a", 1_200, fine);
    outbox.commit(tasks.clone());
    let relay = carry(relay(&bench, &outbox, Arc::clone(&spy) as _));
    outbox.is_empty().await;
    assert_eq!(pending(&bench).await, ids(&tasks));
    assert_eq!(spy.seen().published, [500, 500, 200]);
    assert_eq!(outbox.calls(OutboxCall::Mark), 3);
    let counts = relay.monitor.counts();
    assert_eq!((counts.batches, counts.published, counts.republished), (3, 1_200, 0));
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn the_next_batch_is_claimed_while_one_is_on_its_way_and_a_stop_finishes_both() {
    let (bench, spy) = Spy::bench(Abilities::All);
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    let relay = carry(relay(&bench, &outbox, Arc::clone(&spy) as _));
    // After one that went well.
    outbox.commit(rows("first", 1, fine));
    outbox.is_empty().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let before = outbox.calls(OutboxCall::Claim);
    let claims = || outbox.calls(OutboxCall::Claim) - before;
    outbox.goes_wrong(OutboxCall::Mark, Wrong::Late(Duration::from_secs(3)), 1);
    let tasks = rows("next", 1_700, fine);
    outbox.commit(tasks.clone());
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!((claims(), spy.seen().published.as_slice()), (2, [1, 500].as_slice()));
    relay.shut_down().await;
    assert_eq!(pending(&bench).await[1..], ids(&tasks[..1_000]));
    assert_eq!((claims(), outbox.rows().len()), (2, 700));
}

#[tokio::test(start_paused = true)]
async fn an_idle_relay_is_woken_by_a_commit_and_does_not_ask_meanwhile() {
    let bench = Bench::new();
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    let relay = carry(relay(&bench, &outbox, Arc::clone(&bench.backend)));
    for i in 0..10 {
        tokio::time::sleep(Duration::from_millis(777)).await;
        outbox.commit(rows(&i.to_string(), 1, fine));
        tokio::time::sleep(Duration::from_millis(1)).await;
        assert_eq!(pending(&bench).await.len(), i + 1, "it is published at once");
    }
    assert!(outbox.calls(OutboxCall::Claim) <= 23, "{} claims", outbox.calls(OutboxCall::Claim));
    relay.shut_down().await;
}

/// Publishes one task over a connection, and says what becomes of it if it is brought again when it has gone.
async fn brought_again(
    publish: Faults,
    outbox: &Arc<FakeOutbox>,
    bench: &Bench,
) -> Result<Published, Refusal> {
    outbox.commit(rows("a", 1, fine));
    let task = outbox.rows()[0].task.clone();
    let relay = carry(relay(bench, outbox, Arc::new(Faulty::new(Arc::clone(&bench.backend), publish))));
    outbox.is_empty().await;
    relay.shut_down().await;
    let id = TaskId::new("a-0000").unwrap();
    aftercommit::InspectExt::delete(bench.backend.as_ref(), &QueueName::default(), &id).await.unwrap();
    let publisher: &dyn Publisher = bench.backend.publisher().unwrap();
    publisher.publish(&[task]).await.unwrap()[0]
}

#[tokio::test(start_paused = true)]
async fn a_marked_task_leaves_no_marker_behind() {
    let bench = Bench::new();
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    assert_eq!(brought_again(Faults::none(), &outbox, &bench).await, Ok(Published::Now));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_a_call_without_an_answer_may_still_bring_keeps_its_marker() {
    let bench = Bench::new();
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    let lost = Faults::none().then(Call::Publish, Fault::Refuse);
    assert_eq!(brought_again(lost, &outbox, &bench).await, Ok(Published::Before));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_another_relay_may_have_claimed_meanwhile_keeps_its_marker() {
    let bench = Bench::new();
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    outbox.goes_wrong(OutboxCall::Mark, Wrong::Late(Duration::from_secs(11)), 1);
    assert_eq!(brought_again(Faults::none(), &outbox, &bench).await, Ok(Published::Before));
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_unique_lock_is_held_is_not_wanted_any_more() {
    let bench = Bench::new();
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    let unique = Options::new().unique_for(Duration::from_secs(60));
    outbox.commit_with(rows("a", 3, fine), &unique);
    let relay = carry(relay(&bench, &outbox, Arc::clone(&bench.backend)));
    outbox.is_empty().await;
    assert_eq!(pending(&bench).await, ["a-0000"]);
    let counts = relay.monitor.counts();
    assert_eq!((counts.published, counts.duplicates, counts.buried), (1, 2, 0));
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_whose_id_another_one_has_is_set_aside_with_the_reason() {
    let bench = Bench::new();
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    bench.client.enqueue(&note("another")).id("a-0001").await.unwrap();
    outbox.commit(rows("a", 3, fine));
    let relay = carry(relay(&bench, &outbox, Arc::clone(&bench.backend)));
    outbox.reaches("one left", |rows| rows.len() == 1).await;
    let left = outbox.rows();
    assert!(left[0].buried);
    assert_eq!(left[0].error.as_deref(), Some("task id a-0001 is taken in queue default"));
    let counts = relay.monitor.counts();
    assert_eq!((counts.published, counts.buried), (2, 1));
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_lets_the_batch_in_hand_be_finished() {
    let bench = Bench::new();
    let faulty = Arc::new(Faulty::new(Arc::clone(&bench.backend), Faults::none()));
    faulty.inject(Call::Publish, Fault::Delay(Duration::from_secs(2)));
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    outbox.commit(rows("a", 10, fine));
    let relay = carry(relay(&bench, &outbox, faulty));
    tokio::time::sleep(Duration::from_millis(500)).await;
    relay.shut_down().await;
    assert_eq!(outbox.rows().len(), 0, "published and marked");
    assert_eq!(pending(&bench).await.len(), 10);
}

#[tokio::test(start_paused = true)]
async fn a_quiet_relay_claims_nothing_and_stays() {
    let bench = Bench::new();
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    let relay = carry(relay(&bench, &outbox, Arc::clone(&bench.backend)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    relay.stop.quiet();
    tokio::time::sleep(Duration::from_secs(1)).await;
    outbox.commit(rows("a", 1, fine));
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(outbox.rows().len(), 1);
    assert!(!relay.ended.is_finished());
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_call_that_hangs_does_not_keep_a_stop_from_ending() {
    let bench = Bench::new();
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    outbox.goes_wrong(OutboxCall::Claim, Wrong::Hangs, 1);
    let relay = carry(relay(&bench, &outbox, Arc::clone(&bench.backend)));
    tokio::time::sleep(Duration::from_secs(1)).await;
    let asked = bench.now();
    relay.shut_down().await;
    assert!(bench.now().since(asked) <= Duration::from_secs(12));
}

#[tokio::test(start_paused = true)]
async fn what_cannot_work_is_said_before_the_start() {
    let (bench, spy) = Spy::bench(Abilities::None);
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    let built = Relay::builder(outbox, spy).batch(0).hold(Duration::ZERO).max_attempts(0).build();
    let Err(Error::Assembly(faults)) = built else { panic!("it was built") };
    for fault in ["takes no tasks from relays", "1 to 10000 rows", "shorter than 1s", "no attempt"] {
        assert!(faults.contains(fault), "{faults}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_nobody_needed_to_split_is_counted_once() {
    let bench = Bench::new();
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    outbox.commit(rows("a", 7, fine));
    let relay = carry(relay(&bench, &outbox, Arc::clone(&bench.backend)).batch(7));
    outbox.is_empty().await;
    let counts = relay.monitor.counts();
    assert_eq!((counts.batches, counts.published, counts.postponed), (1, 7, 0));
    assert_ne!(counts, RelayCounts::default());
    relay.shut_down().await;
}
