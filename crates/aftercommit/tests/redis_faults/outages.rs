//! Redis goes away and comes back: stopped, killed, its connections cut, its scripts forgotten, silent.

use std::time::Duration;

use aftercommit_servers::{AppendFsync, RedisServer};

use crate::audit::What;
use crate::kit::{Job, Network, Setup, play, said_once_each, says_little};

const MS: Duration = Duration::from_millis(1);

#[test]
fn absent_at_the_start() {
    let (_, lines) = play(Setup::new("absent at the start"), async |rig| {
        rig.stop_redis();
        let error = rig.client.enqueue(&Job::Short).await.unwrap_err();
        assert!(error.is_transient(), "{error:?}");
        let worker = rig.work(20, 5 * MS);
        let producer = rig.produce(10, MS);
        let lines = rig.lines.clone();
        while lines.with(&["lost its store"]) == 0 {
            tokio::time::sleep(MS).await;
        }
        rig.start_redis();
        rig.enqueue(500, Job::Short).await;
        producer.await.unwrap();
        rig.drained().await;
        worker.shut_down().await;
    });
    said_once_each(&lines, 1);
}

#[test]
fn stopped_and_started_again() {
    let mut setup = Setup::new("stopped, started again (AOF always)");
    setup.redis = RedisServer::builder().append_only(AppendFsync::Always);
    let (verdict, lines) = play(setup, async |rig| {
        let worker = rig.work(20, 10 * MS);
        let held = rig.enqueue(4, Job::Held).await;
        rig.enqueue(800, Job::Short).await;
        let producer = rig.produce(100, 5 * MS);
        rig.until(What::Finished, 100).await;
        rig.stop_redis();
        // The outage lasts while handlers end, so that there are outcomes to keep.
        tokio::time::sleep(1_500 * MS).await;
        assert!(held.is_subset(&rig.ledger.running()), "what runs goes on");
        rig.start_redis();
        producer.await.unwrap();
        rig.let_go();
        rig.drained().await;
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}

#[test]
fn killed_and_restarted_with_every_write_on_disk() {
    let mut setup = Setup::new("killed, restarted (AOF always)");
    setup.redis = RedisServer::builder().append_only(AppendFsync::Always);
    let (verdict, lines) = play(setup, async |rig| {
        let worker = rig.work(20, 10 * MS);
        rig.enqueue(4, Job::Held).await;
        rig.enqueue(800, Job::Short).await;
        let producer = rig.produce(100, 5 * MS);
        rig.until(What::Finished, 100).await;
        for _ in 0..2 {
            rig.kill_redis();
            rig.start_redis();
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
fn killed_and_restarted_with_the_writes_of_each_second_on_disk() {
    let mut setup = Setup::new("killed, restarted (AOF everysec)");
    setup.redis = RedisServer::builder().append_only(AppendFsync::EverySecond);
    // Redis may put a write off while an older one is on its way to the disk, for two seconds at most.
    setup.forgets = Duration::from_secs(3);
    let (_, lines) = play(setup, async |rig| {
        rig.enqueue(4, Job::Held).await;
        rig.enqueue(1_000, Job::Short).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let worker = rig.work(20, 10 * MS);
        rig.until(What::Finished, 200).await;
        rig.kill_redis();
        rig.start_redis();
        rig.let_go();
        rig.drained().await;
        worker.shut_down().await;
    });
    said_once_each(&lines, 1);
}

#[test]
fn clients_killed_again_and_again() {
    const TIMES: usize = 20;
    let (_, lines) = play(Setup::new("CLIENT KILL, 20 times"), async |rig| {
        let worker = rig.work(20, 10 * MS);
        rig.enqueue(800, Job::Short).await;
        let producer = rig.produce(100, 5 * MS);
        for _ in 0..TIMES {
            let done = rig.ledger.count(What::Finished);
            rig.until(What::Finished, (done + 10).min(800)).await;
            rig.redis(&["CLIENT", "KILL", "TYPE", "normal"]);
            rig.healed();
        }
        producer.await.unwrap();
        rig.drained().await;
        worker.shut_down().await;
    });
    says_little(&lines, TIMES);
}

#[test]
fn scripts_forgotten_again_and_again() {
    let (verdict, lines) = play(Setup::new("SCRIPT FLUSH, 50 times"), async |rig| {
        let worker = rig.work(20, 5 * MS);
        rig.enqueue(1_000, Job::Short).await;
        let producer = rig.produce(100, 2 * MS);
        for _ in 0..50 {
            let done = rig.ledger.count(What::Finished);
            rig.until(What::Finished, (done + 10).min(1_000)).await;
            rig.redis(&["SCRIPT", "FLUSH"]);
            rig.healed();
        }
        producer.await.unwrap();
        rig.drained().await;
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 0);
}

#[test]
fn paused_for_longer_than_an_answer_is_waited_for() {
    let mut setup = Setup::new("CLIENT PAUSE, longer than the read timeout");
    setup.network = Network::Proxied(500 * MS);
    let (verdict, lines) = play(setup, async |rig| {
        let worker = rig.work(20, 10 * MS);
        let held = rig.enqueue(4, Job::Held).await;
        rig.enqueue(500, Job::Short).await;
        rig.until(What::Finished, 100).await;
        rig.redis(&["CLIENT", "PAUSE", "2000", "ALL"]);
        let producer = rig.produce(50, MS);
        tokio::time::sleep(2_000 * MS).await;
        rig.healed();
        assert!(held.is_subset(&rig.ledger.running()), "what runs goes on");
        producer.await.unwrap();
        rig.let_go();
        rig.drained().await;
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}
