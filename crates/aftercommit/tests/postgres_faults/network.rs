//! The network between the library and Postgres: silent, slow.

use std::time::Duration;

use crate::audit::What;
use crate::kit::{Job, Network, Setup, play};
use crate::said::said_once_each;

const MS: Duration = Duration::from_millis(1);

#[test]
fn half_open_connection() {
    let mut setup = Setup::new("half-open for 3 s");
    setup.network = Network::Proxied(500 * MS);
    let (verdict, lines) = play(setup, async |rig| {
        let worker = rig.work(20, 10 * MS);
        let held = rig.enqueue(4, Job::Held).await;
        rig.enqueue(500, Job::Short).await;
        rig.until(What::Finished, 100).await;
        rig.proxy().stall().await;
        let producer = rig.produce(50, MS);
        tokio::time::sleep(3_000 * MS).await;
        assert!(held.is_subset(&rig.ledger.running()), "what runs goes on");
        rig.proxy().open().await;
        rig.healed();
        producer.await.unwrap();
        rig.let_go();
        rig.drained().await;
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}

#[test]
fn slow_network_of_changing_delay() {
    let mut setup = Setup::new("slow, 50 to 200 ms each way");
    setup.network = Network::Proxied(Duration::from_secs(5));
    let (verdict, lines) = play(setup, async |rig| {
        let worker = rig.work(50, 5 * MS);
        rig.enqueue(1_000, Job::Short).await;
        let producer = rig.produce(10, MS);
        for delay in [50, 200, 100, 150, 50] {
            rig.proxy().delay(delay * MS).await;
            let done = rig.ledger.count(What::Finished);
            rig.until(What::Finished, (done + 100).min(1_000)).await;
        }
        producer.await.unwrap();
        rig.drained().await;
        worker.shut_down().await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 0);
}
