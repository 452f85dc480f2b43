//! Looks for tasks that are nobody's when there is much to look at, and when several processes look at once.

use aftercommit_core::{OrphanCause, QueueName, Upkeep};

use crate::kit::Kit;

/// So many tasks, each taken alone by a worker that has a row, and the time has come to look at all of them.
const MANY: &str = "
    INSERT INTO aftercommit.workers (id, seen_at) VALUES ('h:1:w', 0);
    INSERT INTO aftercommit.tasks (state, leased_until, epoch, claim, pos, at, queue, id, task_type, payload)
    SELECT 2, CASE WHEN n % 100 = 0 THEN 1 ELSE 99999999999999 END, 1, n, n, n, 'default', n::text, 't', '{}'
      FROM generate_series(1, 20000) AS n;
    INSERT INTO aftercommit.claims (key, worker, look_at, seqs, queues)
    SELECT t.claim, w.key, 1, ARRAY[t.seq], ARRAY[t.queue] FROM aftercommit.tasks AS t, aftercommit.workers AS w";

#[tokio::test]
async fn look_at_many_claims_at_once_reads_each_of_them_once() {
    let kit = Kit::new().await;
    sqlx::raw_sql(MANY).execute(&kit.pool).await.expect("they are there");
    let orphans = kit.queue.orphans(&[QueueName::default()], 500).await.expect("a look");
    assert_eq!(orphans.len(), 200, "those whose leases have run out");
    assert!(orphans.iter().all(|orphan| orphan.cause == OrphanCause::LeaseExpired));
    let due = "SELECT count(*) FROM aftercommit.claims WHERE look_at <= aftercommit.moment(NULL)";
    assert_eq!(kit.number(due).await, 200, "the others are looked at later");
    sqlx::raw_sql("DELETE FROM aftercommit.tasks; UPDATE aftercommit.claims SET look_at = 1")
        .execute(&kit.pool)
        .await
        .expect("they are over");
    assert_eq!(kit.queue.orphans(&[QueueName::default()], 500).await.expect("a look"), []);
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.claims").await, 0, "and forgotten");
}

/// Leased for long, by a worker that has no row any more, and it is not yet time to look.
const LEFT: &str = "
    INSERT INTO aftercommit.tasks (state, leased_until, epoch, claim, pos, at, queue, id, task_type, payload)
    SELECT 2, 99999999999999, 1, 1 + n % 2, n, n, 'default', n::text, 't', '{}' FROM generate_series(1, 10) AS n;
    INSERT INTO aftercommit.claims (key, worker, look_at, seqs, queues)
    SELECT claim, 77, CASE claim WHEN 1 THEN 1 ELSE 99999999999999 END, array_agg(seq), '{default}'
      FROM aftercommit.tasks GROUP BY claim";

#[tokio::test]
async fn tasks_of_a_worker_that_has_left_are_seen_by_all_who_look_at_once() {
    let kit = Kit::new().await;
    sqlx::raw_sql(LEFT).execute(&kit.pool).await.expect("they are there");
    // Another process is just looking.
    let mut other = kit.pool.begin().await.expect("a transaction");
    sqlx::raw_sql("SELECT FROM aftercommit.claims FOR UPDATE").execute(&mut *other).await.expect("it locks");
    let orphans = kit.queue.orphans(&[QueueName::default()], 500).await.expect("a look");
    assert_eq!(orphans.len(), 10);
    assert!(orphans.iter().all(|orphan| orphan.cause == OrphanCause::WorkerDead));
    let another = QueueName::new("another").expect("a name");
    assert_eq!(kit.queue.orphans(&[another], 500).await.expect("a look"), []);
}
