//! A task enqueued in a transaction is in the outbox exactly if the transaction commits.

use std::time::Duration;

use aftercommit_core::{Backlog, Clock, Error, Options, Outbox, State, SystemClock};
use sqlx::Connection;

use crate::kit::{HOLD, Kit, ids, keys, mail, new, raw};

#[tokio::test]
async fn a_task_is_nowhere_to_be_seen_before_the_commit() {
    let kit = Kit::new().await;
    let other = kit.other_process();
    let mut tx = kit.outbox.begin(&kit.pool).await.unwrap();
    kit.outbox.enqueue_in(&mut tx, &mail()).id("a").await.unwrap();
    assert_eq!(other.backlog().await.unwrap().waiting, 0);
    assert_eq!(ids(&other.claim(1, HOLD).await.unwrap()), [""; 0]);
    tx.commit().await.unwrap();
    assert_eq!(ids(&other.claim(1, HOLD).await.unwrap()), ["a"]);
}

#[tokio::test]
async fn a_task_of_a_rolled_back_transaction_never_existed() {
    let kit = Kit::new().await;
    for explicit in [true, false] {
        let mut tx = kit.outbox.begin(&kit.pool).await.unwrap();
        kit.outbox.enqueue_in(&mut tx, &mail()).id("a").await.unwrap();
        if explicit {
            tx.rollback().await.unwrap()
        } else {
            drop(tx)
        }
        assert_eq!(kit.outbox.backlog().await.unwrap(), Backlog::default());
    }
}

#[tokio::test]
async fn a_savepoint_takes_its_own_tasks_back_and_no_others() {
    let kit = Kit::new().await;
    let mut tx = kit.outbox.begin(&kit.pool).await.unwrap();
    kit.outbox.enqueue_in(&mut tx, &mail()).id("outer").await.unwrap();
    for (task, keep) in [("dropped", false), ("kept", true)] {
        let mut savepoint = tx.begin().await.unwrap();
        kit.outbox.enqueue_in(&mut savepoint, &mail()).id(task).await.unwrap();
        if keep { savepoint.commit().await.unwrap() } else { savepoint.rollback().await.unwrap() }
    }
    tx.commit().await.unwrap();
    assert_eq!(ids(&kit.claim(9).await), ["outer", "kept"]);
}

#[tokio::test]
async fn the_hosts_rows_and_the_task_share_their_fate() {
    let kit = Kit::new().await;
    kit.execute("CREATE TABLE users (name text)").await;
    for commit in [false, true] {
        // The host's own kind of transaction, not the outbox's.
        let mut tx = kit.pool.begin().await.unwrap();
        sqlx::query("INSERT INTO users (name) VALUES ('alice')").execute(&mut *tx).await.unwrap();
        kit.outbox.enqueue_in(&mut tx, &mail()).id("a").await.unwrap();
        if commit {
            tx.commit().await.unwrap()
        } else {
            tx.rollback().await.unwrap()
        }
        let users: i64 = sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(&kit.pool).await.unwrap();
        assert_eq!((users == 1, kit.waiting().await == 1), (commit, commit));
    }
}

#[tokio::test]
async fn a_refused_task_leaves_the_transaction_as_it_was() {
    let kit = Kit::new().await;
    let mut tx = kit.outbox.begin(&kit.pool).await.unwrap();
    kit.outbox.enqueue_in(&mut tx, &mail()).id("a").await.unwrap();
    let refused = kit.outbox.enqueue_in(&mut tx, &mail()).id("a").await.unwrap_err();
    assert!(matches!(refused, Error::IdConflict { .. }), "{refused:?}");
    let refused = kit.outbox.enqueue_in(&mut tx, &mail()).id("nul \0").await.unwrap_err();
    assert!(matches!(refused, Error::Invalid { .. }), "{refused:?}");
    kit.outbox.enqueue_in(&mut tx, &mail()).id("b").await.unwrap();
    tx.commit().await.unwrap();
    assert_eq!(ids(&kit.claim(9).await), ["a", "b"]);
}

#[tokio::test]
async fn a_row_that_commits_after_a_later_one_was_published_is_published_too() {
    let kit = Kit::new().await;
    let mut slow = kit.outbox.begin(&kit.pool).await.unwrap();
    kit.outbox.enqueue_raw_in(&mut slow, raw()).id("overtaken").await.unwrap();
    // So many that the outbox does not look at its beginning each time.
    for _ in 0..8 {
        kit.add(1_000).await;
        let claim = kit.claim(1_000).await;
        assert_eq!(claim.rows.len(), 1_000);
        kit.outbox.mark(&keys(&claim)).await.unwrap();
    }
    slow.commit().await.unwrap();
    let found = async {
        loop {
            let claim = kit.claim(500).await;
            match claim.next_at {
                _ if !claim.rows.is_empty() => break claim,
                Some(at) => tokio::time::sleep(at.since(SystemClock.now())).await,
                None => panic!("there is a row, and nobody is told to look for it"),
            }
        }
    };
    let claim = tokio::time::timeout(Duration::from_secs(20), found).await.expect("it is found");
    assert_eq!(ids(&claim), ["overtaken"]);
}

#[tokio::test]
async fn the_call_wins_over_the_type_and_the_type_over_the_handle() {
    let kit = Kit::new().await;
    let outbox = kit.outbox.clone().with_defaults(Options::new().queue("handle").max_retry(1));
    let mut tx = outbox.begin(&kit.pool).await.unwrap();
    let one = outbox.enqueue_in(&mut tx, &mail()).await.unwrap();
    assert_eq!((one.queue.as_str(), one.max_retry, one.state), ("handle", 7, State::Pending));
    let two = outbox.enqueue_in(&mut tx, &mail()).queue("call").max_retry(2).group("g").await.unwrap();
    assert_eq!((two.queue.as_str(), two.max_retry, two.state), ("call", 2, State::Aggregating));
    let three = outbox.enqueue_raw_in(&mut tx, raw()).process_in(HOLD).await.unwrap();
    assert_eq!((three.max_retry, three.state), (1, State::Scheduled));
    tx.commit().await.unwrap();
    assert_eq!(kit.waiting().await, 3);
}

#[tokio::test]
async fn tasks_of_transactions_that_overlap_are_all_published() {
    let kit = Kit::new().await;
    let mut first = kit.outbox.begin(&kit.pool).await.unwrap();
    let mut second = kit.outbox.begin(&kit.pool).await.unwrap();
    kit.outbox.enqueue_batch_in(&mut first, vec![new("a"), new("b")]).await.unwrap();
    kit.outbox.enqueue_batch_in(&mut second, vec![new("c")]).await.unwrap();
    kit.outbox.enqueue_batch_in(&mut first, vec![new("d")]).await.unwrap();
    second.commit().await.unwrap();
    assert_eq!(ids(&kit.claim(9).await), ["c"]);
    first.commit().await.unwrap();
    assert_eq!(ids(&kit.claim(9).await), ["a", "b", "d"]);
}
