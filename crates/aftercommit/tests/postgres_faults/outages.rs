//! Postgres goes away and comes back: stopped, killed, its sessions ended, frozen.

use std::time::Duration;

use aftercommit_servers::Shutdown;

use crate::kit::{Rig, Setup, play};
use crate::said::{said_once_each, says_little};
use crate::stories;

const MS: Duration = Duration::from_millis(1);

#[test]
fn absent_at_the_start() {
    let (_, lines) = play(Setup::new("absent at the start"), stories::absent_at_the_start);
    said_once_each(&lines, 1);
}

#[test]
fn stopped_and_started_again() {
    let (verdict, lines) = play(Setup::new("stopped (fast), started again"), async |rig| {
        stories::stopped_for_a_while(rig, Rig::stop).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}

#[test]
fn stopped_at_once_and_started_again() {
    let (verdict, lines) = play(Setup::new("stopped (immediate), started again"), async |rig| {
        stories::stopped_for_a_while(rig, |rig| rig.stop_by(Shutdown::Immediate)).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}

#[test]
fn killed_and_restarted() {
    let (verdict, lines) = play(Setup::new("killed, restarted, twice"), stories::killed_twice);
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    says_little(&lines, 2);
}

#[test]
fn sessions_ended_again_and_again() {
    const TIMES: usize = 20;
    let (_, lines) = play(Setup::new("pg_terminate_backend, 20 times"), async |rig| {
        stories::again_and_again(rig, TIMES, 800, Rig::terminate_sessions).await;
    });
    says_little(&lines, TIMES);
}

#[test]
fn frozen_for_longer_than_an_answer_is_waited_for() {
    let setup = Setup::proxied("every process of Postgres frozen for 3 s", 500 * MS);
    let (verdict, lines) = play(setup, async |rig| {
        let begin = async |rig: &mut Rig| rig.store.server.pause();
        stories::out_of_order(rig, begin, 3_000 * MS, async |rig| rig.store.server.resume()).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}
