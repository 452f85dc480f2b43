//! Rows that another program wrote, or wrote over.

use aftercommit_core::{Outbox, Page, RowState};

use crate::kit::{Kit, ids, new};

#[tokio::test]
async fn a_row_that_cannot_be_read_is_set_aside_and_the_others_go_on() {
    let kit = Kit::new().await;
    let mut tx = kit.outbox.begin(&kit.pool).await.unwrap();
    let tasks = ["a", "options", "queue", "group", "b"].map(new).into();
    kit.outbox.enqueue_batch_in(&mut tx, tasks).await.unwrap();
    tx.commit().await.unwrap();
    kit.execute(
        "UPDATE aftercommit.outbox SET options = '{' WHERE id = 'options'; \
         UPDATE aftercommit.outbox SET queue = ' ' WHERE id = 'queue'; \
         UPDATE aftercommit.outbox SET group_name = '' WHERE id = 'group'",
    )
    .await;
    let claim = kit.claim(4).await;
    assert_eq!(ids(&claim), ["a"]);
    assert!(claim.next_at.is_some(), "there is more, and it is ready");
    assert_eq!(ids(&kit.claim(4).await), ["b"]);
    let buried = kit.outbox.list(RowState::Buried, Page::first(9)).await.unwrap();
    let errors: Vec<String> = buried.into_iter().filter_map(|row| row.error).collect();
    assert_eq!(errors.len(), 3);
    assert!(errors.iter().all(|error| error.starts_with("the row cannot be read: ")), "{errors:?}");
}
