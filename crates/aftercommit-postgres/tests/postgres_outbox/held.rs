//! Somebody holds a transaction open, so that nothing that is gone can be cleaned away; and relays side by side.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use aftercommit_core::Outbox;
use sqlx::Connection;

use crate::kit::{HOLD, Kit, keys};

const BATCH: usize = 500;
const BATCHES: usize = 120;

#[tokio::test]
async fn claims_do_not_become_slower_with_every_row_that_has_gone_while_a_transaction_is_held_open() {
    let kit = Kit::new().await;
    let mut holder = sqlx::PgConnection::connect(&kit.url()).await.unwrap();
    let mut held = holder.begin().await.unwrap();
    sqlx::query("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ").execute(&mut *held).await.unwrap();
    sqlx::query("SELECT txid_current()").execute(&mut *held).await.unwrap();

    for _ in 0..BATCHES / 10 {
        kit.add(10 * BATCH).await;
    }
    let mut times = Vec::with_capacity(BATCHES);
    for _ in 0..BATCHES {
        let began = Instant::now();
        let claim = kit.claim(BATCH).await;
        times.push(began.elapsed());
        assert_eq!(claim.rows.len(), BATCH);
        kit.outbox.mark(&keys(&claim)).await.unwrap();
    }
    assert_eq!(kit.waiting().await, 0);
    let typical = |times: &mut [Duration]| {
        times.sort_unstable();
        times[times.len() / 2]
    };
    let (early, late) = times.split_at_mut(BATCHES / 2);
    let (early, late) = (typical(&mut early[..20]), typical(&mut late[BATCHES / 2 - 20..]));
    println!(
        "a claim of {BATCH} rows: {early:.1?} at first, {late:.1?} behind {} rows that have gone",
        BATCH * (BATCHES - 20)
    );
    assert!(late < early * 3 + Duration::from_millis(10), "{early:?} at first, {late:?} at last");
    held.rollback().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn relays_side_by_side_publish_each_row_once_while_others_commit() {
    const ROWS: usize = 6_000;
    let kit = Kit::new().await;
    let mut relays = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let outbox = kit.other_process();
        relays.spawn(async move {
            let mut published = Vec::new();
            let mut wakes = outbox.wakes();
            loop {
                let claim = outbox.claim(100, HOLD).await.expect("claim");
                let keys = keys(&claim);
                outbox.mark(&keys).await.expect("mark");
                let stop = claim.rows.iter().any(|row| row.task.message.queue.as_str() == "stop");
                published.extend(keys.into_iter().map(|key| key.seq));
                if stop {
                    break published;
                }
                if claim.rows.is_empty() {
                    let hint = futures_util::StreamExt::next(&mut wakes);
                    let _ = tokio::time::timeout(Duration::from_millis(50), hint).await;
                }
            }
        });
    }
    for _ in 0..ROWS / 100 {
        kit.add(100).await;
    }
    while kit.waiting().await > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut tx = kit.outbox.begin(&kit.pool).await.unwrap();
    for _ in 0..4 {
        kit.outbox.enqueue_raw_in(&mut tx, crate::kit::raw()).queue("stop").await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut published = Vec::new();
    // Whoever got more than one of the last rows leaves others without; they are told by more of them.
    while let Some(done) = relays.join_next().await {
        published.extend(done.expect("a relay ends"));
        let mut tx = kit.outbox.begin(&kit.pool).await.unwrap();
        kit.outbox.enqueue_raw_in(&mut tx, crate::kit::raw()).queue("stop").await.unwrap();
        tx.commit().await.unwrap();
    }
    let distinct: HashSet<i64> = published.iter().copied().collect();
    assert_eq!(distinct.len(), published.len(), "none twice");
    assert!(published.len() >= ROWS, "{} of {ROWS}", published.len());
}
