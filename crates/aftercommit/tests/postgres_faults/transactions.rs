//! Transactions of the host that take their time.

use std::time::Duration;

use crate::audit::What;
use crate::kit::{Job, Setup, play};
use crate::said::said_once_each;

const MS: Duration = Duration::from_millis(1);

#[test]
fn transaction_held_open_for_the_whole_run() {
    let (verdict, lines) = play(Setup::new("a transaction held open, 20,000 tasks"), async |rig| {
        let pool = rig.host_pool();
        let mut old = pool.begin().await.unwrap();
        sqlx::query("SELECT txid_current()").execute(&mut *old).await.unwrap();
        let worker = rig.work(100, Duration::ZERO);
        rig.enqueue(20_000, Job::Short).await;
        rig.until(What::Finished, 20_000).await;
        rig.healed();
        rig.produce(20, 20 * MS).await.unwrap();
        rig.drained().await;
        worker.shut_down().await;
        old.rollback().await.unwrap();
    });
    assert_eq!(verdict.explained, 0, "nothing ran twice");
    said_once_each(&lines, 0);
}
