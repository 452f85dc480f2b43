//! Postgres goes away and comes back: stopped, killed, its sessions ended, frozen, full.

use std::time::Duration;

use aftercommit_servers::Shutdown;

use crate::audit::What;
use crate::kit::{Job, Network, Rig, Setup, play};
use crate::said::{said_once_each, says_little};

const MS: Duration = Duration::from_millis(1);

#[test]
fn absent_at_the_start() {
    let (_, lines) = play(Setup::new("absent at the start"), async |rig| {
        rig.stop_postgres(Shutdown::Fast);
        let error = rig.client.enqueue(&Job::Short).await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        let worker = rig.work(20, 5 * MS);
        let producer = rig.produce(10, MS);
        let lines = rig.lines.clone();
        while lines.with(&["lost its store"]) == 0 {
            tokio::time::sleep(MS).await;
        }
        rig.start_postgres();
        rig.healed();
        rig.enqueue(500, Job::Short).await;
        producer.await.unwrap();
        rig.drained().await;
        worker.shut_down().await;
    });
    said_once_each(&lines, 1);
}

/// Postgres is stopped while tasks run and end, and comes back later.
async fn stopped_for_a_while(rig: &mut Rig, how: Shutdown) {
    let worker = rig.work(20, 10 * MS);
    let held = rig.enqueue(4, Job::Held).await;
    rig.enqueue(800, Job::Short).await;
    let producer = rig.produce(100, 5 * MS);
    rig.until(What::Finished, 100).await;
    rig.stop_postgres(how);
    // The outage lasts while handlers end, so that there are outcomes to keep.
    tokio::time::sleep(1_500 * MS).await;
    assert!(held.is_subset(&rig.ledger.running()), "what runs goes on");
    rig.start_postgres();
    rig.healed();
    producer.await.unwrap();
    rig.let_go();
    rig.drained().await;
    worker.shut_down().await;
}

#[test]
fn stopped_and_started_again() {
    let (verdict, lines) = play(Setup::new("stopped (fast), started again"), async |rig| {
        stopped_for_a_while(rig, Shutdown::Fast).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}

#[test]
fn stopped_at_once_and_started_again() {
    let (verdict, lines) = play(Setup::new("stopped (immediate), started again"), async |rig| {
        stopped_for_a_while(rig, Shutdown::Immediate).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}

#[test]
fn killed_and_restarted() {
    let (verdict, lines) = play(Setup::new("killed, restarted, twice"), async |rig| {
        let worker = rig.work(20, 10 * MS);
        rig.enqueue(4, Job::Held).await;
        rig.enqueue(800, Job::Short).await;
        let producer = rig.produce(100, 5 * MS);
        rig.until(What::Finished, 100).await;
        for round in 0..2 {
            rig.kill_postgres();
            rig.start_postgres();
            if round == 1 {
                rig.healed();
            }
            let done = rig.ledger.count(What::Finished);
            rig.until(What::Finished, done + 100).await;
        }
        producer.await.unwrap();
        rig.let_go();
        rig.drained().await;
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    says_little(&lines, 2);
}

#[test]
fn sessions_ended_again_and_again() {
    const TIMES: usize = 20;
    let (_, lines) = play(Setup::new("pg_terminate_backend, 20 times"), async |rig| {
        let worker = rig.work(20, 10 * MS);
        rig.enqueue(800, Job::Short).await;
        let producer = rig.produce(100, 5 * MS);
        for _ in 0..TIMES {
            let done = rig.ledger.count(What::Finished);
            rig.until(What::Finished, (done + 10).min(800)).await;
            rig.terminate_sessions();
        }
        rig.healed();
        producer.await.unwrap();
        rig.drained().await;
        worker.shut_down().await;
    });
    says_little(&lines, TIMES);
}

#[test]
fn frozen_for_longer_than_an_answer_is_waited_for() {
    let mut setup = Setup::new("every process of Postgres frozen for 3 s");
    setup.network = Network::Proxied(500 * MS);
    let (verdict, lines) = play(setup, async |rig| {
        let worker = rig.work(20, 10 * MS);
        let held = rig.enqueue(4, Job::Held).await;
        rig.enqueue(500, Job::Short).await;
        rig.until(What::Finished, 100).await;
        rig.server.pause();
        let producer = rig.produce(50, MS);
        tokio::time::sleep(3_000 * MS).await;
        assert!(held.is_subset(&rig.ledger.running()), "what runs goes on");
        rig.server.resume();
        rig.healed();
        producer.await.unwrap();
        rig.let_go();
        rig.drained().await;
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}
