//! Who holds a row, for how long, and in which order rows are given out.

use std::collections::HashSet;
use std::time::Duration;

use aftercommit_core::{Clock, NewTask, Options, Outbox, Postponed, RawTask};

use crate::support::{HOLD, LATER, Stage, ids, keys, new, raw};

#[tokio::test]
async fn rows_are_claimed_in_the_order_in_which_they_were_enqueued() {
    let stage = Stage::with(&["c", "a"]).await;
    stage.add(&["d", "b"]).await;
    assert_eq!(ids(&stage.claim(3).await), ["c", "a", "d"]);
    assert_eq!(ids(&stage.claim(3).await), ["b"]);
    stage.add(&["e"]).await;
    stage.clock.advance(LATER);
    assert_eq!(ids(&stage.claim(9).await), ["c", "a", "d", "b", "e"], "also of those that come back");
}

#[tokio::test]
async fn a_postponed_row_is_claimed_in_its_old_place() {
    let stage = Stage::with(&["a", "b", "c"]).await;
    let claim = stage.claim(3).await;
    let now = stage.clock.now();
    let later: Vec<Postponed> = claim
        .rows
        .iter()
        .zip([30, 20, 10])
        .map(|(row, seconds)| Postponed {
            key: row.key,
            until: now.plus(Duration::from_secs(seconds)),
            error: "down".into(),
        })
        .collect();
    stage.outbox.postpone(&later).await.unwrap();
    stage.add(&["d"]).await;
    stage.clock.advance(Duration::from_secs(20));
    assert_eq!(ids(&stage.claim(2).await), ["b", "c"]);
    stage.clock.advance(Duration::from_secs(10));
    assert_eq!(ids(&stage.claim(1).await), ["a"]);
    assert_eq!(ids(&stage.claim(1).await), ["d"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_claimers_ever_hold_the_same_row() {
    const ROWS: usize = 300;
    let stage = Stage::new().await;
    let names: Vec<String> = (0..ROWS).map(|n| n.to_string()).collect();
    stage.add(&names.iter().map(String::as_str).collect::<Vec<_>>()).await;
    let mut claimers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let outbox = stage.other_process().await;
        claimers.spawn(async move {
            let mut held = Vec::new();
            loop {
                let claim = outbox.claim(7, HOLD).await.unwrap();
                if claim.rows.is_empty() {
                    break held;
                }
                held.extend(keys(&claim));
            }
        });
    }
    let held: Vec<_> = claimers.join_all().await.into_iter().flatten().collect();
    assert_eq!(held.len(), ROWS);
    assert_eq!(held.iter().map(|key| key.seq).collect::<HashSet<_>>().len(), ROWS);
}

#[tokio::test]
async fn a_claim_that_ran_out_is_claimed_again_under_another_number() {
    let stage = Stage::with(&["a"]).await;
    let first = stage.claim_one().await.key;
    let held = stage.other_process().await.claim(1, HOLD).await.unwrap();
    assert_eq!((held.rows.len(), held.next_at), (0, Some(stage.clock.now().plus(HOLD))));
    stage.clock.advance(HOLD);
    let second = stage.claim_one().await.key;
    assert_eq!(first.seq, second.seq);
    assert_ne!(first.epoch, second.epoch);
}

#[tokio::test]
async fn a_claim_says_when_the_next_row_may_be_claimed() {
    let stage = Stage::new().await;
    assert_eq!(stage.claim(1).await.next_at, None);
    stage.add(&["a", "b"]).await;
    assert_eq!(stage.claim(1).await.next_at, None, "what is claimed now, or could be, is not waited for");
    let first_ends = stage.clock.now().plus(HOLD);
    stage.clock.advance(Duration::from_secs(1));
    assert_eq!(stage.claim(1).await.next_at, Some(first_ends));
    assert_eq!(stage.claim(1).await.next_at, Some(first_ends));
    assert_eq!(stage.claim(0).await.next_at, Some(first_ends));
}

#[tokio::test]
async fn a_claim_of_nothing_takes_nothing() {
    let stage = Stage::with(&["a"]).await;
    assert_eq!(stage.claim(0).await.rows, []);
    assert_eq!(ids(&stage.claim(1).await), ["a"]);
}

#[tokio::test]
async fn long_payloads_come_a_few_at_a_time_and_never_none() {
    let stage = Stage::new().await;
    let long = |id: &str, megabytes: usize| {
        let payload = vec![0xff_u8; megabytes * 1024 * 1024].into();
        NewTask::from(RawTask { payload, ..raw() }).with(Options::new().id(id))
    };
    let mut tx = stage.outbox.begin().await.unwrap();
    let batch = vec![new("a"), long("b", 5), long("c", 5), new("d"), long("e", 9), new("f")];
    for answer in stage.outbox.enqueue_batch_in(&mut tx, batch).await.unwrap() {
        answer.unwrap();
    }
    tx.commit().await.unwrap();
    let now = stage.clock.now();
    for wanted in [vec!["a", "b"], vec!["c", "d"], vec!["e"]] {
        let claim = stage.claim(100).await;
        assert_eq!((ids(&claim), claim.next_at), (wanted, Some(now)), "there is more, and it is ready");
    }
    let claim = stage.claim(100).await;
    assert_eq!((ids(&claim), claim.next_at), (vec!["f"], Some(now.plus(HOLD))));
}
