//! Redis goes away and comes back: stopped, killed, its connections cut, its scripts forgotten, silent.

use std::time::Duration;

use aftercommit_servers::{AppendFsync, RedisServer};

use crate::audit::What;
use crate::kit::{Job, Rig, Setup, play};
use crate::said::{said_once_each, says_little};
use crate::stories;

const MS: Duration = Duration::from_millis(1);

/// A Redis that writes to its disk so often.
fn durable(fault: &'static str, fsync: AppendFsync) -> Setup {
    Setup { server: RedisServer::builder().append_only(fsync), ..Setup::new(fault) }
}

#[test]
fn absent_at_the_start() {
    let (_, lines) = play(Setup::new("absent at the start"), stories::absent_at_the_start);
    said_once_each(&lines, 1);
}

#[test]
fn stopped_and_started_again() {
    let setup = durable("stopped, started again (AOF always)", AppendFsync::Always);
    let (verdict, lines) = play(setup, async |rig| {
        stories::stopped_for_a_while(rig, Rig::stop).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}

#[test]
fn killed_and_restarted_with_every_write_on_disk() {
    let setup = durable("killed, restarted (AOF always)", AppendFsync::Always);
    let (verdict, lines) = play(setup, stories::killed_twice);
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    says_little(&lines, 2);
}

#[test]
fn killed_and_restarted_with_the_writes_of_each_second_on_disk() {
    let mut setup = durable("killed, restarted (AOF everysec)", AppendFsync::EverySecond);
    // Redis may put a write off while an older one is on its way to the disk, for two seconds at most.
    setup.forgets = Duration::from_secs(3);
    let (_, lines) = play(setup, async |rig| {
        rig.enqueue(4, Job::Held).await;
        rig.enqueue(1_000, Job::Short).await;
        tokio::time::sleep(Duration::from_secs(3)).await;
        let worker = rig.work(20, 10 * MS);
        rig.until(What::Finished, 200).await;
        rig.kill();
        rig.start_again();
        rig.healed();
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
        let kill = |rig: &Rig| drop(rig.redis(&["CLIENT", "KILL", "TYPE", "normal"]));
        stories::again_and_again(rig, TIMES, 800, kill).await;
    });
    says_little(&lines, TIMES);
}

#[test]
fn scripts_forgotten_again_and_again() {
    let (verdict, lines) = play(Setup::new("SCRIPT FLUSH, 50 times"), async |rig| {
        let forget = |rig: &Rig| drop(rig.redis(&["SCRIPT", "FLUSH"]));
        stories::again_and_again(rig, 50, 1_000, forget).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 0);
}

#[test]
fn paused_for_longer_than_an_answer_is_waited_for() {
    let setup = Setup::proxied("CLIENT PAUSE, longer than the read timeout", 500 * MS);
    let (verdict, lines) = play(setup, async |rig| {
        let begin = async |rig: &mut Rig| drop(rig.redis(&["CLIENT", "PAUSE", "2000", "ALL"]));
        // It ends by itself.
        stories::out_of_order(rig, begin, 2_000 * MS, async |_| ()).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}
