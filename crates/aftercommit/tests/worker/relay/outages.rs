//! Stores that go away, come back, or lose an answer.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::Backend;
use aftercommit_testing::{Call, Fault, Faults, Faulty, Odds};

use super::outbox::{FakeOutbox, OutboxCall, Wrong};
use super::{carry, fine, ids, pending, relay, rows};
use crate::harness::Bench;
use crate::lines::Lines;

fn bench() -> (Bench, Arc<Faulty<dyn Backend>>, Arc<FakeOutbox>) {
    let bench = Bench::new();
    let faulty = Arc::new(Faulty::new(Arc::clone(&bench.backend), Faults::none()));
    let outbox = FakeOutbox::new(Arc::clone(&bench.clock));
    (bench, faulty, outbox)
}

fn refuse(faulty: &Faulty<dyn Backend>, times: usize) {
    for _ in 0..times {
        faulty.inject(Call::Publish, Fault::Refuse);
    }
}

#[tokio::test(start_paused = true)]
async fn a_back_end_that_is_away_is_said_once_and_costs_nothing_but_time() {
    let lines = Lines::listen();
    let (bench, faulty, outbox) = bench();
    refuse(&faulty, 10_000);
    let tasks = rows("a", 1_200, fine);
    outbox.commit(tasks.clone());
    let relay = carry(relay(&bench, &outbox, Arc::clone(&faulty) as _));
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    assert!(faulty.injected(Call::Publish) <= 5_400, "{} calls in an hour", faulty.injected(Call::Publish));
    assert!(outbox.calls(OutboxCall::Claim) <= 363, "{} claims", outbox.calls(OutboxCall::Claim));
    assert!(outbox.rows().iter().all(|row| row.attempts == 0 && !row.buried), "no row is to blame");
    faulty.heal();
    let back = bench.now();
    outbox.is_empty().await;
    assert!(bench.now().since(back) <= Duration::from_secs(12), "took {:?}", bench.now().since(back));
    let mut published = pending(&bench).await;
    published.sort();
    assert_eq!(published, ids(&tasks));
    assert_eq!(lines.with("relay lost the back-end"), 1, "{:#?}", lines.all());
    assert_eq!(lines.with("relay reached the back-end again"), 1);
    assert_eq!(lines.with("refuse"), 0);
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_short_outage_keeps_the_order() {
    let (bench, faulty, outbox) = bench();
    refuse(&faulty, 9);
    let tasks = rows("a", 700, fine);
    outbox.commit(tasks.clone());
    let relay = carry(relay(&bench, &outbox, Arc::clone(&faulty) as _));
    outbox.is_empty().await;
    assert_eq!(pending(&bench).await, ids(&tasks));
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_slow_back_end_takes_its_own_time_and_no_batch_waits_for_another() {
    let (bench, faulty, outbox) = bench();
    let began = bench.now();
    for _ in 0..20 {
        faulty.inject(Call::Publish, Fault::Delay(Duration::from_secs(6)));
    }
    let tasks = rows("a", 2_200, fine);
    outbox.commit(tasks.clone());
    let relay = carry(relay(&bench, &outbox, Arc::clone(&faulty) as _));
    outbox.is_empty().await;
    assert_eq!(pending(&bench).await, ids(&tasks));
    let took = bench.now().since(began);
    assert!(took <= Duration::from_secs(5 * 6 + 1), "took {took:?}");
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_during_an_outage_is_immediate() {
    let (bench, faulty, outbox) = bench();
    refuse(&faulty, 10_000);
    outbox.commit(rows("a", 10, fine));
    let relay = carry(relay(&bench, &outbox, Arc::clone(&faulty) as _));
    tokio::time::sleep(Duration::from_secs(25)).await;
    let asked = bench.now();
    relay.shut_down().await;
    assert!(bench.now().since(asked) <= Duration::from_millis(10));
    assert_eq!(outbox.rows().len(), 10);
}

#[tokio::test(start_paused = true)]
async fn tasks_whose_acknowledgement_was_lost_are_recognised() {
    let (bench, faulty, outbox) = bench();
    faulty.inject(Call::Publish, Fault::LoseAnswer);
    outbox.commit(rows("a", 1, fine));
    let relay = carry(relay(&bench, &outbox, Arc::clone(&faulty) as _));
    outbox.is_empty().await;
    assert_eq!(pending(&bench).await, ["a-0000"]);
    let counts = relay.monitor.counts();
    assert_eq!((counts.published, counts.republished), (0, 1));
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_back_end_that_never_answers_is_given_up_when_the_claim_ends() {
    let (bench, faulty, outbox) = bench();
    faulty.inject(Call::Publish, Fault::Delay(Duration::from_secs(3_600)));
    outbox.commit(rows("a", 1, fine));
    let relay = carry(relay(&bench, &outbox, Arc::clone(&faulty) as _));
    tokio::time::sleep(Duration::from_secs(15)).await;
    assert_eq!(pending(&bench).await, ["a-0000"]);
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_outbox_that_is_away_is_said_once_and_asked_again() {
    let lines = Lines::listen();
    let (bench, faulty, outbox) = bench();
    outbox.goes_wrong(OutboxCall::Claim, Wrong::Refused, 30);
    outbox.commit(rows("a", 3, fine));
    let relay = carry(relay(&bench, &outbox, faulty));
    outbox.is_empty().await;
    assert_eq!(lines.with("relay lost its outbox"), 1, "{:#?}", lines.all());
    assert_eq!(lines.with("relay reached its outbox again"), 1);
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_fails_is_made_again_and_nothing_is_published_twice() {
    let (bench, faulty, outbox) = bench();
    outbox.goes_wrong(OutboxCall::Mark, Wrong::Refused, 40);
    outbox.commit(rows("a", 3, fine));
    let relay = carry(relay(&bench, &outbox, faulty));
    outbox.is_empty().await;
    assert_eq!(pending(&bench).await.len(), 3);
    assert_eq!(relay.monitor.counts().published, 3);
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn under_random_faults_every_task_is_published_once() {
    for seed in 0..20 {
        let (bench, _, outbox) = bench();
        let odds = Odds { refuse: 0.2, lose_answer: 0.2, ..Odds::default() };
        let faulty = Arc::new(Faulty::new(Arc::clone(&bench.backend), Faults::random(seed, odds)));
        for call in [OutboxCall::Claim, OutboxCall::Mark] {
            outbox.goes_wrong(call, Wrong::Refused, 5);
        }
        let relays = [(); 2].map(|()| carry(relay(&bench, &outbox, Arc::clone(&faulty) as _).batch(10)));
        let mut tasks = Vec::new();
        for i in 0..40 {
            let some = rows(&format!("{i:02}"), 5, fine);
            outbox.commit(some.clone());
            tasks.extend(ids(&some));
            tokio::time::sleep(Duration::from_millis(40)).await;
        }
        faulty.heal();
        outbox.is_empty().await;
        let mut published = pending(&bench).await;
        published.sort();
        assert_eq!(published, tasks, "seed {seed}");
        for relay in relays {
            relay.shut_down().await;
        }
    }
}
