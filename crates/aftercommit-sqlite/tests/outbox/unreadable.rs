//! Rows that another program wrote, or wrote over.

use aftercommit_core::{Clock, Outbox};

use crate::support::{Stage, ids};

#[tokio::test]
async fn a_row_that_cannot_be_read_is_set_aside_and_the_others_go_on() {
    let stage = Stage::with(&["a", "options", "queue", "bytes", "group", "b"]).await;
    let spoil = "UPDATE aftercommit_outbox SET options = '{' WHERE id = 'options'; \
                 UPDATE aftercommit_outbox SET queue = ' ' WHERE id = 'queue'; \
                 UPDATE aftercommit_outbox SET task_type = CAST(x'0aff' AS TEXT) WHERE id = 'bytes'; \
                 UPDATE aftercommit_outbox SET group_name = '' WHERE id = 'group'";
    sqlx::raw_sql(spoil).execute(&stage.outbox.pools().writer).await.unwrap();
    let claim = stage.claim(5).await;
    assert_eq!(
        (ids(&claim), claim.next_at),
        (vec!["a"], Some(stage.clock.now())),
        "there is more, and it is ready"
    );
    assert_eq!(ids(&stage.claim(5).await), ["b"]);
    assert_eq!(stage.outbox.backlog().await.unwrap().buried, 4);
    let errors: Vec<String> =
        sqlx::query_scalar("SELECT error FROM aftercommit_outbox WHERE free_at IS NULL")
            .fetch_all(&stage.outbox.pools().readers)
            .await
            .unwrap();
    assert!(errors.iter().all(|error| error.starts_with("the row cannot be read: ")), "{errors:?}");
}
