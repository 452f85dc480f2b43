//! Postgres is there and refuses.

use std::time::Duration;

use crate::kit::{Job, Rig, Setup, play};
use crate::said::{said_once_each, says_little};
use crate::stories::out_of_order;

const MS: Duration = Duration::from_millis(1);

fn read_only(rig: &Rig, on_or_off: &str) {
    rig.sql(&format!("ALTER SYSTEM SET default_transaction_read_only = {on_or_off}"));
    rig.sql("SELECT pg_reload_conf()");
}

#[test]
fn read_only_for_a_while() {
    let (verdict, lines) = play(Setup::new("read-only for 1.5 s"), async |rig| {
        let begin = async |rig: &mut Rig| read_only(rig, "on");
        out_of_order(rig, begin, 1_500 * MS, async |rig| read_only(rig, "off")).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    says_little(&lines, 1);
    assert_eq!(lines.with(&["postgres is not reachable"]), 0, "it was");
}

#[test]
fn no_connection_left_at_the_start() {
    let mut setup = Setup::new("max_connections exhausted for 1.5 s");
    setup.server = setup.server.set("max_connections", "20").set("superuser_reserved_connections", "0");
    let (verdict, lines) = play(setup, async |rig| {
        rig.enqueue(100, Job::Short).await;
        // Whatever the library had is taken from it, and others take all there is.
        let others = rig.take_all_connections().await;
        let worker = rig.work(20, 10 * MS);
        let producer = rig.produce(50, MS);
        tokio::time::sleep(1_500 * MS).await;
        drop(others);
        rig.healed();
        producer.await.unwrap();
        rig.drained().await;
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}
