//! Redis is there and refuses to write.

use std::time::Duration;

use crate::audit::What;
use crate::kit::{Job, Rig, Setup, play};
use crate::said::{said_once_each, says_little};
use crate::stories::out_of_order;

const MS: Duration = Duration::from_millis(1);

#[test]
fn replica_for_a_while() {
    let (verdict, lines) = play(Setup::new("READONLY, a replica for 1.5 s"), async |rig| {
        // Of a primary that does not exist: the data stay.
        let begin = async |rig: &mut Rig| drop(rig.redis(&["REPLICAOF", "127.0.0.1", "1"]));
        let end = async |rig: &mut Rig| drop(rig.redis(&["REPLICAOF", "NO", "ONE"]));
        out_of_order(rig, begin, 1_500 * MS, end).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}

#[test]
fn out_of_memory_for_a_while() {
    let (verdict, lines) = play(Setup::new("OOM for 2 s"), async |rig| {
        let begin = async |rig: &mut Rig| drop(rig.redis(&["CONFIG", "SET", "maxmemory", "1"]));
        let end = async |rig: &mut Rig| {
            // Nothing new is stored; what waits is worked off, and that makes room.
            rig.until_redis_says(&["LLEN", "asynq:{default}:active"], "4").await;
            rig.redis(&["CONFIG", "SET", "maxmemory", "0"]);
        };
        out_of_order(rig, begin, 2_000 * MS, end).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    says_little(&lines, 1);
}

#[test]
fn no_writes_for_longer_than_a_worker_is_believed() {
    let (verdict, lines) = play(Setup::new("NOREPLICAS for 12 s, two workers"), async |rig| {
        let held = rig.enqueue(20, Job::Held).await;
        let (first, second) = (rig.work(20, 10 * MS), rig.work_on(rig.another_backend(), 20, 10 * MS));
        rig.until(What::Started, 20).await;
        rig.enqueue(300, Job::Short).await;
        // Long enough that each of the two knows the other.
        tokio::time::sleep(Duration::from_secs(10)).await;
        rig.redis(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
        tokio::time::sleep(Duration::from_secs(12)).await;
        rig.redis(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
        rig.healed();
        rig.enqueue(100, Job::Short).await;
        // Nobody could say that he was alive, and nobody may conclude that the others are not.
        tokio::time::sleep(Duration::from_secs(5)).await;
        assert!(held.is_subset(&rig.ledger.running()), "what runs goes on");
        rig.let_go();
        rig.drained().await;
        first.shut_down().await;
        second.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "no live worker was taken for dead");
    says_little(&lines, 2);
}
