//! Cases about rows whose tasks the back-end has lost.

use aftercommit_core::{Backlog, RowState};

use super::OutboxStage;
use super::stage::{SECOND, ids};

outbox_area!(outbox_conformance_of_losses, losses:
    a_lost_task_is_published_again_and_the_loss_is_counted,
    a_lost_task_keeps_its_old_place,
    saying_again_that_a_task_is_lost_changes_nothing,
    a_row_that_is_lost_too_often_can_be_set_aside,
);

/// Commits a task, publishes it and loses it.
async fn lose_one(s: &OutboxStage) {
    let key = s.claim_one().await.key;
    s.keep(key).await;
    s.pass(SECOND);
    let watched = s.watch_one().await.key;
    s.outbox().publish_again(&[watched]).await.expect("publish again");
}

async fn a_lost_task_is_published_again_and_the_loss_is_counted(s: OutboxStage) {
    s.add(["a"]).await;
    let task = s.claim_one().await.task;
    s.pass(SECOND * 60);
    for losses in 1..4 {
        lose_one(&s).await;
        assert_eq!(s.backlog().await.waiting, 1);
        assert_eq!(s.watch(9).await.next_at, None);
        let row = s.claim_one().await;
        assert_eq!((row.losses, row.attempts, &row.task), (losses, 0, &task));
        s.pass(SECOND * 60);
    }
}

async fn a_lost_task_keeps_its_old_place(s: OutboxStage) {
    s.add(["a", "b"]).await;
    lose_one(&s).await;
    assert_eq!(ids(&s.claim(9).await), ["a", "b"]);
}

async fn saying_again_that_a_task_is_lost_changes_nothing(s: OutboxStage) {
    s.add(["a"]).await;
    let key = s.claim_one().await.key;
    s.outbox().publish_again(&[key]).await.expect("publish again");
    assert_eq!(s.claim(9).await.rows, [], "a row that is not kept is left alone");
    s.keep(key).await;
    s.pass(SECOND);
    let watched = s.watch_one().await.key;
    for _ in 0..2 {
        s.outbox().publish_again(&[watched]).await.expect("publish again");
    }
    s.outbox().publish_again(&[]).await.expect("publish again");
    assert_eq!(s.claim_one().await.losses, 1);
}

async fn a_row_that_is_lost_too_often_can_be_set_aside(s: OutboxStage) {
    s.add(["a"]).await;
    let key = s.claim_one().await.key;
    s.keep(key).await;
    s.pass(SECOND);
    let watched = s.watch_one().await.key;
    s.bury(watched, "it vanishes").await;
    assert_eq!(s.backlog().await, Backlog { buried: 1, ..Backlog::default() });
    assert_eq!(s.list(RowState::Buried).await[0].error.as_deref(), Some("it vanishes"));
    s.pass(SECOND * 60);
    assert_eq!((s.watch(9).await.next_at, s.claim(9).await.next_at), (None, None));
}
