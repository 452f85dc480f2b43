//! Relays that die, and relays side by side.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{Error, Router};
use aftercommit_testing::{Call, Fault, Faults, Faulty};

use super::outbox::{FakeOutbox, OutboxCall, Wrong};
use super::{carry, fine, ids, pending, relay, rows};
use crate::harness::{Bench, Note, start};

#[tokio::test(start_paused = true)]
async fn a_task_whose_relay_died_before_the_mark_is_not_stored_again_though_it_has_run() {
    let bench = Bench::new();
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    outbox.goes_wrong(OutboxCall::Mark, Wrong::Hangs, 1);
    outbox.commit(rows("a", 3, fine));
    let dying = carry(relay(&bench, &outbox, Arc::clone(&bench.backend)));
    tokio::time::sleep(Duration::from_millis(100)).await;
    assert_eq!((pending(&bench).await.len(), outbox.rows().len()), (3, 3));
    dying.crash().await;
    let worker = start(bench.worker(Router::new().route(async |_: Note| {})));
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.counts("default").await, (3, 0));
    let next = carry(relay(&bench, &outbox, Arc::clone(&bench.backend)));
    outbox.is_empty().await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(bench.counts("default").await, (3, 0), "none ran twice");
    let counts = next.monitor.counts();
    assert_eq!((counts.published, counts.republished), (0, 3));
    next.shut_down().await;
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_dies_while_it_publishes_loses_nothing() {
    let bench = Bench::new();
    let faulty = Arc::new(Faulty::new(Arc::clone(&bench.backend), Faults::none()));
    faulty.inject(Call::Publish, Fault::Delay(Duration::from_secs(5)));
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    outbox.commit(rows("a", 3, fine));
    let dying = carry(relay(&bench, &outbox, faulty));
    tokio::time::sleep(Duration::from_millis(100)).await;
    dying.crash().await;
    let died = bench.now();
    let next = carry(relay(&bench, &outbox, Arc::clone(&bench.backend)));
    outbox.is_empty().await;
    assert!(bench.now().since(died) <= Duration::from_millis(10_100), "as soon as the claim has ended");
    assert_eq!(pending(&bench).await.len(), 3);
    next.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn two_relays_share_an_outbox_and_publish_each_task_once() {
    let bench = Bench::new();
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    let faulty = || {
        // Each call takes a moment, so that they take turns.
        let mut faults = Faults::none();
        for _ in 0..100 {
            faults = faults.then(Call::Publish, Fault::Delay(Duration::from_millis(3)));
        }
        Arc::new(Faulty::new(Arc::clone(&bench.backend), faults))
    };
    let relays = [(); 2].map(|()| carry(relay(&bench, &outbox, faulty()).batch(100)));
    let tasks = rows("a", 3_000, fine);
    outbox.commit(tasks.clone());
    outbox.is_empty().await;
    let mut published = pending(&bench).await;
    published.sort();
    assert_eq!(published, ids(&tasks));
    let counts = [&relays[0], &relays[1]].map(|relay| relay.monitor.counts());
    assert_eq!(counts[0].published + counts[1].published, 3_000);
    assert_eq!(counts[0].republished + counts[1].republished, 0);
    assert!(counts.iter().all(|counts| counts.published >= 1_000), "both had work: {counts:?}");
    for relay in relays {
        relay.shut_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_panics_ends_with_an_error() {
    let bench = Bench::new();
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    outbox.goes_wrong(OutboxCall::Claim, Wrong::Panics, 1);
    let relay = carry(relay(&bench, &outbox, Arc::clone(&bench.backend)));
    let error = relay.ended.await.unwrap().unwrap_err();
    assert!(matches!(error, Error::LoopDied("relay")), "{error}");
}
