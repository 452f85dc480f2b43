//! Cases about what operators see of an outbox and do to it.

use aftercommit_core::{Backlog, Page, RowOperation, RowState, Rows};

use super::OutboxStage;
use super::stage::{LATER, SECOND, ids, keys, of_task};

outbox_area!(outbox_conformance_of_operators, operators:
    rows_are_listed_by_state_in_pages_in_their_order,
    a_revived_row_is_published_as_if_it_were_new,
    all_buried_rows_are_revived_in_bounded_steps,
    only_a_buried_row_can_be_revived,
    a_row_is_deleted_in_whatever_state_it_is,
    all_buried_rows_are_deleted_and_no_others,
    a_row_is_found_by_its_task,
);

/// Buries the next rows.
async fn bury(s: &OutboxStage, count: usize) {
    for row in s.claim(count).await.rows {
        s.bury(row.key, "why").await;
    }
}

async fn operate(s: &OutboxStage, rows: &Rows, operation: RowOperation, limit: usize) -> usize {
    s.outbox().operate(rows, operation, limit).await.expect("operate")
}

async fn rows_are_listed_by_state_in_pages_in_their_order(s: OutboxStage) {
    s.add(["d", "c", "b", "a", "kept", "waiting", "held"]).await;
    let enqueued = s.now();
    bury(&s, 4).await;
    let key = s.claim_one().await.key;
    s.keep(key).await;
    assert_eq!(s.listed(RowState::Buried).await, ["d", "c", "b", "a"]);
    assert_eq!(s.listed(RowState::Kept).await, ["kept"]);
    s.claim_one().await;
    assert_eq!(s.listed(RowState::Waiting).await, ["waiting", "held"]);
    let page = Page { offset: 1, limit: 2 };
    let middle = s.outbox().list(RowState::Buried, page).await.expect("list");
    assert_eq!(middle.iter().map(|row| &*row.id).collect::<Vec<_>>(), ["c", "b"]);
    let row = &middle[0];
    assert_eq!((&*row.queue, &*row.task_type, row.state), ("default", "test:raw", RowState::Buried));
    assert_eq!((row.enqueued_at, row.published_at, row.attempts), (enqueued, None, 0));
    assert_eq!(s.outbox().list(RowState::Buried, Page { offset: 4, limit: 9 }).await.expect("list"), []);
}

async fn a_revived_row_is_published_as_if_it_were_new(s: OutboxStage) {
    s.add(["a", "b"]).await;
    let row = s.claim_one().await;
    s.postpone(row.key, s.after(SECOND)).await;
    s.pass(SECOND);
    let row = s.claim_one().await;
    s.bury(row.key, "why").await;
    let seq = s.list(RowState::Buried).await[0].seq;
    assert_eq!(operate(&s, &Rows::One(seq), RowOperation::Revive, 9).await, 1);
    // Who held it once has nothing to say any more.
    s.bury(row.key, "late").await;
    let claim = s.claim(9).await;
    assert_eq!((ids(&claim), claim.rows[0].attempts), (vec!["a", "b"], 0));
    assert_eq!(s.backlog().await.buried, 0);
}

async fn all_buried_rows_are_revived_in_bounded_steps(s: OutboxStage) {
    s.add(["a", "b", "c", "d", "e"]).await;
    bury(&s, 5).await;
    let mut revived = Vec::new();
    for _ in 0..3 {
        revived.push(operate(&s, &Rows::Buried, RowOperation::Revive, 2).await);
    }
    assert_eq!(revived, [2, 2, 1]);
    assert_eq!(operate(&s, &Rows::Buried, RowOperation::Revive, 2).await, 0);
    assert_eq!(ids(&s.claim(9).await), ["a", "b", "c", "d", "e"]);
}

async fn only_a_buried_row_can_be_revived(s: OutboxStage) {
    s.add(["kept", "held"]).await;
    let claim = s.claim(2).await;
    s.keep(claim.rows[0].key).await;
    for seq in keys(&claim).iter().map(|key| key.seq) {
        assert_eq!(operate(&s, &Rows::One(seq), RowOperation::Revive, 9).await, 0);
    }
    assert_eq!(operate(&s, &Rows::One(i64::MAX), RowOperation::Revive, 9).await, 0);
    assert_eq!(s.claim(9).await.rows, []);
    assert_eq!(s.backlog().await.kept, 1);
}

async fn a_row_is_deleted_in_whatever_state_it_is(s: OutboxStage) {
    s.add(["buried", "kept", "held", "waiting"]).await;
    bury(&s, 1).await;
    let claim = s.claim(2).await;
    s.keep(claim.rows[0].key).await;
    for state in [RowState::Buried, RowState::Kept, RowState::Waiting, RowState::Waiting] {
        let seq = s.list(state).await[0].seq;
        assert_eq!(operate(&s, &Rows::One(seq), RowOperation::Delete, 0).await, 0);
        assert_eq!(operate(&s, &Rows::One(seq), RowOperation::Delete, 9).await, 1);
    }
    assert_eq!(s.backlog().await, Backlog::default());
    s.pass(LATER);
    assert_eq!((s.claim(9).await.rows.len(), s.watch(9).await.rows.len()), (0, 0));
}

async fn all_buried_rows_are_deleted_and_no_others(s: OutboxStage) {
    s.add(["a", "b", "c"]).await;
    bury(&s, 2).await;
    assert_eq!(operate(&s, &Rows::Buried, RowOperation::Delete, 9).await, 2);
    assert_eq!(ids(&s.claim(9).await), ["c"]);
}

async fn a_row_is_found_by_its_task(s: OutboxStage) {
    s.add(["a", "b"]).await;
    bury(&s, 2).await;
    let (queue, id) = of_task("b");
    let row = Rows::OfTask(queue, id);
    assert_eq!(operate(&s, &row, RowOperation::Revive, 9).await, 1);
    assert_eq!(operate(&s, &row, RowOperation::Delete, 9).await, 1);
    assert_eq!(operate(&s, &row, RowOperation::Delete, 9).await, 0);
    assert_eq!(s.listed(RowState::Buried).await, ["a"]);
}
