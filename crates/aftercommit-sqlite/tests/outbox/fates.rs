//! What becomes of claimed rows: published, postponed, set aside.

use std::time::Duration;

use aftercommit_core::{Backlog, Clock, Error, Outbox, Postponed, RowKey};

use crate::support::{HOLD, LATER, Stage, ids, keys, mail};

fn later(stage: &Stage, key: RowKey) -> Postponed {
    let until = stage.clock.now().plus(Duration::from_millis(1_500));
    Postponed { key, until, error: "it's \"down\"".into() }
}

#[tokio::test]
async fn a_marked_row_is_gone() {
    let stage = Stage::with(&["a", "b", "c"]).await;
    let claim = stage.claim(2).await;
    stage.outbox.mark(&keys(&claim)).await.unwrap();
    stage.outbox.mark(&keys(&claim)).await.unwrap();
    stage.outbox.mark(&[]).await.unwrap();
    stage.clock.advance(LATER);
    assert_eq!(ids(&stage.claim(9).await), ["c"]);
}

#[tokio::test]
async fn a_mark_counts_although_somebody_else_has_claimed_the_row_since() {
    let stage = Stage::with(&["a"]).await;
    let slow = stage.claim_one().await.key;
    stage.clock.advance(LATER);
    let second = stage.claim_one().await.key;
    stage.outbox.mark(&[slow]).await.unwrap();
    assert_eq!(stage.outbox.backlog().await.unwrap(), Backlog::default());
    // The other one comes late to all of it.
    stage.outbox.mark(&[second]).await.unwrap();
    stage.outbox.postpone(&[later(&stage, second)]).await.unwrap();
    stage.outbox.bury(&[(second, "why".into())]).await.unwrap();
    stage.add(&["b"]).await;
    stage.outbox.mark(&[slow, second]).await.unwrap();
    assert_eq!(ids(&stage.claim(9).await), ["b"], "a number of a row is never used again");
}

#[tokio::test]
async fn a_postponed_row_waits_counts_the_attempt_and_is_claimed_again() {
    let stage = Stage::with(&["a"]).await;
    for attempts in 0..3 {
        let row = stage.claim_one().await;
        assert_eq!(row.attempts, attempts);
        let later = later(&stage, row.key);
        let until = later.until;
        stage.outbox.postpone(std::slice::from_ref(&later)).await.unwrap();
        stage.outbox.postpone(&[later]).await.unwrap();
        let early = stage.claim(1).await;
        assert_eq!((early.rows.len(), early.next_at), (0, Some(until)));
        stage.clock.set(until);
    }
    let error: String = sqlx::query_scalar("SELECT error FROM aftercommit_outbox")
        .fetch_one(&stage.outbox.pools().readers)
        .await
        .unwrap();
    assert_eq!(error, "it's \"down\"");
}

#[tokio::test]
async fn who_lost_a_row_can_neither_postpone_nor_bury_it() {
    let stage = Stage::with(&["a"]).await;
    let lost = stage.claim_one().await.key;
    stage.clock.advance(LATER);
    let held = stage.claim_one().await;
    stage.outbox.postpone(&[later(&stage, lost)]).await.unwrap();
    stage.outbox.bury(&[(lost, "why".into())]).await.unwrap();
    assert_eq!(stage.claim(1).await.next_at, Some(stage.clock.now().plus(HOLD)), "the claim stands");
    assert_eq!(stage.outbox.backlog().await.unwrap().buried, 0);
    stage.clock.advance(LATER);
    assert_eq!(stage.claim_one().await.attempts, held.attempts);
}

#[tokio::test]
async fn a_buried_row_is_kept_with_its_reason_and_stands_in_nobodys_way() {
    let stage = Stage::with(&["poison", "b"]).await;
    let poison = stage.claim_one().await;
    stage.outbox.bury(&[(poison.key, "its lock is taken".into())]).await.unwrap();
    stage.outbox.postpone(&[later(&stage, poison.key)]).await.unwrap();
    stage.clock.advance(LATER);
    assert_eq!(ids(&stage.claim(9).await), ["b"]);
    let (error, id): (String, String) =
        sqlx::query_as("SELECT error, id FROM aftercommit_outbox WHERE free_at IS NULL")
            .fetch_one(&stage.outbox.pools().readers)
            .await
            .unwrap();
    assert_eq!((error.as_str(), id.as_str()), ("its lock is taken", "poison"));
    let mut tx = stage.outbox.begin().await.unwrap();
    let refused = stage.outbox.enqueue_in(&mut tx, &mail()).id("poison").await;
    assert!(matches!(refused, Err(Error::IdConflict { .. })), "{refused:?}");
}

#[tokio::test]
async fn the_backlog_tells_what_waits_and_since_when() {
    let stage = Stage::new().await;
    assert_eq!(stage.outbox.backlog().await.unwrap(), Backlog::default());
    let first = stage.clock.now();
    stage.add(&["a"]).await;
    stage.clock.advance(Duration::from_secs(1));
    let second = stage.clock.now();
    stage.add(&["b", "c"]).await;
    let claim = stage.claim(2).await;
    let wanted = Backlog { waiting: 3, oldest_at: Some(first), buried: 0 };
    assert_eq!(stage.outbox.backlog().await.unwrap(), wanted, "claimed rows still wait");
    stage.outbox.bury(&[(claim.rows[0].key, "why".into())]).await.unwrap();
    let wanted = Backlog { waiting: 2, oldest_at: Some(second), buried: 1 };
    assert_eq!(stage.outbox.backlog().await.unwrap(), wanted);
}

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
