//! What the clients and workers do while a store goes wrong in one way or the other.

use std::time::Duration;

use crate::audit::What;
use crate::kit::{Job, Rig};

const MS: Duration = Duration::from_millis(1);

/// The store is not there when everybody begins, and comes later.
pub(crate) async fn absent_at_the_start(rig: &mut Rig) {
    rig.stop();
    let error = rig.client.enqueue(&Job::Short).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    let worker = rig.work(20, 5 * MS);
    let producer = rig.produce(10, MS);
    rig.until_said(|lines| lines.with(&["lost its store"]) > 0).await;
    rig.start_again();
    rig.healed();
    rig.enqueue(500, Job::Short).await;
    producer.await.unwrap();
    rig.drained().await;
    worker.shut_down().await;
}

/// The store is stopped while tasks are stored, run and end, and comes back later.
pub(crate) async fn stopped_for_a_while(rig: &mut Rig, stop: impl FnOnce(&mut Rig)) {
    let worker = rig.work(20, 10 * MS);
    let held = rig.enqueue(4, Job::Held).await;
    rig.enqueue(800, Job::Short).await;
    let producer = rig.produce(100, 5 * MS);
    rig.until(What::Finished, 100).await;
    stop(rig);
    // The outage lasts while handlers end, so that there are outcomes to keep.
    tokio::time::sleep(1_500 * MS).await;
    assert!(held.is_subset(&rig.ledger.running()), "what runs goes on");
    rig.start_again();
    rig.healed();
    producer.await.unwrap();
    rig.let_go();
    rig.drained().await;
    worker.shut_down().await;
}

/// The store is killed and is there again at once, twice.
pub(crate) async fn killed_twice(rig: &mut Rig) {
    let worker = rig.work(20, 10 * MS);
    rig.enqueue(4, Job::Held).await;
    rig.enqueue(800, Job::Short).await;
    let producer = rig.produce(100, 5 * MS);
    rig.until(What::Finished, 100).await;
    for round in 0..2 {
        rig.kill();
        rig.start_again();
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
}

/// Something happens again and again while so many tasks are worked off.
pub(crate) async fn again_and_again(rig: &Rig, times: usize, tasks: usize, strike: impl Fn(&Rig)) {
    let worker = rig.work(20, 10 * MS);
    rig.enqueue(tasks, Job::Short).await;
    let producer = rig.produce(100, 5 * MS);
    for _ in 0..times {
        let done = rig.ledger.count(What::Finished);
        rig.until(What::Finished, (done + 10).min(tasks)).await;
        strike(rig);
    }
    rig.healed();
    producer.await.unwrap();
    rig.drained().await;
    worker.shut_down().await;
}

/// Something is out of order in the middle of the work, and a producer begins while it is.
pub(crate) async fn out_of_order(
    rig: &mut Rig,
    begin: impl AsyncFnOnce(&mut Rig),
    lasts: Duration,
    end: impl AsyncFnOnce(&mut Rig),
) {
    let worker = rig.work(20, 10 * MS);
    let held = rig.enqueue(4, Job::Held).await;
    rig.enqueue(500, Job::Short).await;
    rig.until(What::Finished, 100).await;
    begin(rig).await;
    let producer = rig.produce(50, MS);
    tokio::time::sleep(lasts).await;
    assert!(held.is_subset(&rig.ledger.running()), "what runs goes on");
    end(rig).await;
    rig.healed();
    producer.await.unwrap();
    rig.let_go();
    rig.drained().await;
    worker.shut_down().await;
}
