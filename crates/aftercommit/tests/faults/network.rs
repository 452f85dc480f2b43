//! The network between the library and the store: silent, slow.

use std::time::Duration;

use crate::audit::What;
use crate::kit::{Job, Rig, Setup, play};
use crate::said::said_once_each;
use crate::store::SLOW_ANSWER;
use crate::stories::out_of_order;

const MS: Duration = Duration::from_millis(1);

#[test]
fn half_open_connection() {
    let (verdict, lines) = play(Setup::proxied("half-open for 3 s", 500 * MS), async |rig| {
        let begin = async |rig: &mut Rig| rig.proxy().stall().await;
        out_of_order(rig, begin, 3_000 * MS, async |rig| rig.proxy().open().await).await;
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 1);
}

#[test]
fn slow_network_of_changing_delay() {
    let setup = Setup::proxied("slow, 50 to 200 ms each way", SLOW_ANSWER);
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
