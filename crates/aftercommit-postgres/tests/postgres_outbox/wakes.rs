//! Who is told that there is something to claim, across processes.

use std::time::Duration;

use aftercommit_core::{Outbox, Wakes};
use futures_util::{FutureExt, StreamExt};

use crate::kit::{HOLD, Kit, raw};

/// For what has to happen soon; to fail, not to wait.
const SOON: Duration = Duration::from_secs(10);

/// Waits until there is something to claim, by hints alone.
async fn claims_one(outbox: &dyn Outbox, wakes: &mut Wakes) {
    loop {
        let claim = outbox.claim(9, HOLD).await.expect("claim");
        if let [row] = &*claim.rows {
            return outbox.mark(&[row.key]).await.expect("mark");
        }
        tokio::time::timeout(SOON, wakes.next()).await.expect("a hint comes").expect("the stream lives");
    }
}

#[tokio::test]
async fn a_commit_of_another_process_wakes() {
    let kit = Kit::new().await;
    let other = kit.other_process();
    let mut wakes = other.wakes();
    for _ in 0..10 {
        kit.add(1).await;
        claims_one(&other, &mut wakes).await;
    }
}

#[tokio::test]
async fn a_commit_that_nobody_announces_is_noticed() {
    let kit = Kit::new().await;
    let mut wakes = kit.outbox.wakes();
    for _ in 0..5 {
        let mut tx = kit.pool.begin().await.unwrap();
        kit.outbox.enqueue_raw_in(&mut tx, raw()).await.unwrap();
        tx.commit().await.unwrap();
        claims_one(&kit.outbox, &mut wakes).await;
    }
}

#[tokio::test]
async fn a_rollback_wakes_nobody_at_once_and_a_wake_does() {
    let kit = Kit::new().await;
    let mut wakes = kit.outbox.wakes();
    while tokio::time::timeout(Duration::from_millis(500), wakes.next()).await.is_ok() {}
    let mut tx = kit.outbox.begin(&kit.pool).await.unwrap();
    kit.outbox.enqueue_raw_in(&mut tx, raw()).await.unwrap();
    tx.rollback().await.unwrap();
    assert!(wakes.next().now_or_never().is_none());
    kit.outbox.wake();
    assert!(wakes.next().now_or_never().is_some());
}
