//! Cases about what becomes of claimed rows: published, postponed, set aside.

use std::time::Duration;

use aftercommit_core::{Backlog, Error, RowState};

use super::OutboxStage;
use super::stage::{HOLD, LATER, SECOND, ids, keys, new};

outbox_area!(outbox_conformance_of_fates, fates:
    a_marked_row_is_gone,
    a_mark_counts_although_somebody_else_has_claimed_the_row_since,
    a_postponed_row_waits_counts_the_attempt_and_is_claimed_again,
    who_lost_a_row_can_neither_postpone_nor_bury_it,
    a_buried_row_is_kept_with_its_reason_and_stands_in_nobodys_way,
    the_backlog_tells_what_waits_and_since_when,
);

const A_WHILE: Duration = Duration::from_millis(1_500);

async fn a_marked_row_is_gone(s: OutboxStage) {
    s.add(["a", "b", "c"]).await;
    let claim = s.claim(2).await;
    s.mark(&keys(&claim)).await;
    s.mark(&keys(&claim)).await;
    s.mark(&[]).await;
    s.pass(LATER);
    assert_eq!(ids(&s.claim(9).await), ["c"]);
}

async fn a_mark_counts_although_somebody_else_has_claimed_the_row_since(s: OutboxStage) {
    s.add(["a"]).await;
    let slow = s.claim_one().await.key;
    s.pass(LATER);
    let second = s.claim_one().await.key;
    s.mark(&[slow]).await;
    assert_eq!(s.backlog().await, Backlog::default());
    // The other one comes late to all of it.
    s.mark(&[second]).await;
    s.postpone(second, s.after(A_WHILE)).await;
    s.bury(second, "why").await;
    s.keep(second).await;
    s.add(["b"]).await;
    s.mark(&[slow, second]).await;
    assert_eq!(ids(&s.claim(9).await), ["b"], "a number of a row is never used again");
}

async fn a_postponed_row_waits_counts_the_attempt_and_is_claimed_again(s: OutboxStage) {
    s.add(["a"]).await;
    for attempts in 0..3 {
        let row = s.claim_one().await;
        assert_eq!(row.attempts, attempts);
        let until = s.after(A_WHILE);
        s.postpone(row.key, until).await;
        s.postpone(row.key, until).await;
        let early = s.claim(1).await;
        assert_eq!((early.rows.len(), early.next_at), (0, Some(until)));
        s.pass(A_WHILE);
    }
    assert_eq!(s.list(RowState::Waiting).await[0].error.as_deref(), Some("it's \"down\""));
}

async fn who_lost_a_row_can_neither_postpone_nor_bury_it(s: OutboxStage) {
    s.add(["a"]).await;
    let lost = s.claim_one().await.key;
    s.pass(LATER);
    let held = s.claim_one().await;
    s.postpone(lost, s.after(A_WHILE)).await;
    s.bury(lost, "why").await;
    assert_eq!(s.claim(1).await.next_at, Some(s.after(HOLD)), "the claim stands");
    assert_eq!(s.backlog().await.buried, 0);
    s.pass(LATER);
    assert_eq!(s.claim_one().await.attempts, held.attempts);
}

async fn a_buried_row_is_kept_with_its_reason_and_stands_in_nobodys_way(s: OutboxStage) {
    s.add(["poison", "b"]).await;
    let poison = s.claim_one().await;
    s.bury(poison.key, "its lock is taken").await;
    s.postpone(poison.key, s.after(A_WHILE)).await;
    s.pass(LATER);
    assert_eq!(ids(&s.claim(9).await), ["b"]);
    let buried = s.list(RowState::Buried).await;
    assert_eq!((buried[0].error.as_deref(), &*buried[0].id), (Some("its lock is taken"), "poison"));
    let refused = s.commit(vec![new("poison")]).await;
    assert!(matches!(refused[0], Err(Error::IdConflict { .. })), "{refused:?}");
}

async fn the_backlog_tells_what_waits_and_since_when(s: OutboxStage) {
    assert_eq!(s.backlog().await, Backlog::default());
    let first = s.now();
    s.add(["a"]).await;
    s.pass(SECOND);
    let second = s.now();
    s.add(["b", "c"]).await;
    let claim = s.claim(2).await;
    let wanted = Backlog { waiting: 3, oldest_at: Some(first), ..Backlog::default() };
    assert_eq!(s.backlog().await, wanted, "claimed rows still wait");
    assert_eq!(wanted.oldest_age(s.now()), Some(SECOND));
    s.bury(claim.rows[0].key, "why").await;
    let wanted = Backlog { waiting: 2, oldest_at: Some(second), buried: 1, kept: 0 };
    assert_eq!(s.backlog().await, wanted);
    s.keep(claim.rows[1].key).await;
    let wanted = Backlog { waiting: 1, oldest_at: Some(second), buried: 1, kept: 1 };
    assert_eq!(s.backlog().await, wanted);
}
