//! Cases about who is told that there is something to claim. Each listens first until it has nothing left to hear.

use std::time::Duration;

use aftercommit_core::{RowOperation, Rows, Wakes};
use futures_util::{FutureExt, StreamExt};

use super::OutboxStage;
use super::stage::SECOND;

outbox_area!(outbox_conformance_of_wakes, wakes:
    a_commit_wakes_the_relay_of_its_process,
    a_lost_task_wakes,
    a_revived_row_wakes,
);

/// For what has to happen soon; to fail, not to wait.
const SOON: Duration = Duration::from_secs(10);

/// How long nothing has to come before nothing more is expected.
const QUIET: Duration = Duration::from_millis(200);

async fn is_woken(wakes: &mut Wakes) {
    tokio::time::timeout(SOON, wakes.next()).await.expect("a hint comes").expect("the stream lives");
}

/// Hears what is still to be heard of the past.
async fn listens(wakes: &mut Wakes) {
    while tokio::time::timeout(QUIET, wakes.next()).await.is_ok() {}
}

async fn a_commit_wakes_the_relay_of_its_process(s: OutboxStage) {
    let mut wakes = s.outbox().wakes();
    listens(&mut wakes).await;
    s.add(["a"]).await;
    assert!(wakes.next().now_or_never().is_some(), "at once");
}

async fn a_lost_task_wakes(s: OutboxStage) {
    s.add(["a"]).await;
    let key = s.claim_one().await.key;
    s.keep(key).await;
    s.pass(SECOND);
    let watched = s.watch_one().await.key;
    let mut wakes = s.outbox().wakes();
    listens(&mut wakes).await;
    s.outbox().publish_again(&[watched]).await.expect("publish again");
    is_woken(&mut wakes).await;
}

async fn a_revived_row_wakes(s: OutboxStage) {
    s.add(["a"]).await;
    let key = s.claim_one().await.key;
    s.bury(key, "why").await;
    let mut wakes = s.outbox().wakes();
    listens(&mut wakes).await;
    assert_eq!(s.outbox().operate(&Rows::Buried, RowOperation::Revive, 9).await.expect("revive"), 1);
    is_woken(&mut wakes).await;
}
