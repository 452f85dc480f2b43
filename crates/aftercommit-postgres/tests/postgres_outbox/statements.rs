//! A batch costs one statement, however large it is. What writes is counted by the server: outside of an explicit
//! transaction, each statement that writes is a transaction with a number of its own.

use aftercommit_core::{Kept, Observed, Outbox, Postponed, RowKey, RowOperation, Rows, Sight, Timestamp};

use crate::kit::{HOLD, Kit, keys};

/// How many statements that write a call needed.
async fn counted<T>(kit: &Kit, call: impl Future<Output = T>) -> (i64, T) {
    let before = written(kit).await;
    let answer = call.await;
    (written(kit).await - before - 1, answer)
}

/// How many transactions have written so far, this one included.
async fn written(kit: &Kit) -> i64 {
    sqlx::query_scalar("SELECT txid_current()").fetch_one(&kit.pool).await.expect("it works")
}

#[tokio::test]
async fn each_call_needs_one_statement_that_writes_however_many_rows_there_are() {
    let kit = Kit::alone().await;
    for size in [1, 700] {
        // The server writes something of its own now and then.
        let mut least = [i64::MAX; 7];
        for _ in 0..4 {
            for (least, now) in least.iter_mut().zip(round(&kit, size).await) {
                *least = now.min(*least);
            }
        }
        // What is to be published again is news, which is told in a transaction of its own, sooner or later.
        let again = std::mem::replace(&mut least[4], 1);
        assert!(again <= 2, "{size} rows: {again} to publish again");
        assert_eq!(least, [1; 7], "{size} rows: claim, keep, watch, observe, (publish again), bury, mark");
    }
}

async fn round(kit: &Kit, size: usize) -> [i64; 7] {
    // In a transaction of the host's own: nobody is told of its commit, which would be a transaction too.
    let mut tx = kit.pool.begin().await.expect("it works");
    let tasks = (0..size).map(|n| crate::kit::new(&format!("{size}-{n}"))).collect();
    kit.outbox.enqueue_batch_in(&mut tx, tasks).await.expect("it works");
    tx.commit().await.expect("it works");
    let moment = Timestamp::from_millis(1);
    let (claim, claimed) = counted(kit, kit.claim(size)).await;
    assert_eq!(claimed.rows.len(), size);
    let kept: Vec<_> =
        claimed.rows.iter().map(|row| Kept { key: row.key, seen_at: moment, look_at: moment }).collect();
    let (keep, done) = counted(kit, kit.outbox.keep(&kept)).await;
    done.expect("it works");
    let (watch, watched) = counted(kit, kit.outbox.watch(size, HOLD)).await;
    let keys: Vec<RowKey> = watched.expect("it works").rows.iter().map(|row| row.key).collect();
    assert_eq!(keys.len(), size);
    let observed: Vec<_> =
        keys.iter().map(|key| Observed { key: *key, sight: Sight::Seen(moment), look_at: moment }).collect();
    let (observe, done) = counted(kit, kit.outbox.observe(&observed)).await;
    done.expect("it works");
    let keys: Vec<RowKey> =
        kit.outbox.watch(size, HOLD).await.expect("it works").rows.iter().map(|row| row.key).collect();
    let (again, done) = counted(kit, kit.outbox.publish_again(&keys)).await;
    done.expect("it works");
    let keys = self::keys(&kit.claim(size).await);
    let buried: Vec<_> = keys.iter().map(|key| (*key, "why".to_owned())).collect();
    let (bury, done) = counted(kit, kit.outbox.bury(&buried)).await;
    done.expect("it works");
    let (mark, done) = counted(kit, kit.outbox.mark(&keys)).await;
    done.expect("it works");
    [claim, keep, watch, observe, again, bury, mark]
}

#[tokio::test]
async fn an_enqueue_is_one_statement_and_takes_no_transaction_of_its_own() {
    let kit = Kit::new().await;
    let mut tx = kit.pool.begin().await.expect("it works");
    let before: i64 =
        sqlx::query_scalar("SELECT txid_current()").fetch_one(&mut *tx).await.expect("it works");
    let tasks = (0..500).map(|n| crate::kit::new(&n.to_string())).collect();
    kit.outbox.enqueue_batch_in(&mut tx, tasks).await.expect("it works");
    // Rows of one statement have one command number; those of the next have another one.
    let commands: i64 = sqlx::query_scalar("SELECT count(DISTINCT cmin::text) FROM aftercommit.outbox")
        .fetch_one(&mut *tx)
        .await
        .expect("it works");
    let listening: i64 = sqlx::query_scalar(
        "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'object'",
    )
    .fetch_one(&mut *tx)
    .await
    .expect("it works");
    let after: i64 = sqlx::query_scalar("SELECT txid_current()").fetch_one(&mut *tx).await.expect("it works");
    assert_eq!((commands, listening, after), (1, 0, before), "one statement, no notification, no savepoint");
    tx.commit().await.expect("it works");
    assert_eq!(kit.waiting().await, 500);
}

#[tokio::test]
async fn what_does_nothing_asks_nothing() {
    let kit = Kit::new().await;
    kit.outbox.close().await;
    kit.outbox.mark(&[]).await.expect("it works");
    kit.outbox.keep(&[]).await.expect("it works");
    kit.outbox.observe(&[]).await.expect("it works");
    kit.outbox.bury(&[]).await.expect("it works");
    kit.outbox.postpone(&Vec::<Postponed>::new()).await.expect("it works");
    assert_eq!(kit.outbox.operate(&Rows::Buried, RowOperation::Delete, 0).await.expect("it works"), 0);
    assert!(kit.outbox.claim(1, HOLD).await.is_err(), "it is closed");
}
