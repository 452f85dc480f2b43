//! Cases about who holds a row, for how long, and in which order rows are given out.

use std::collections::HashSet;
use std::time::Duration;

use aftercommit_core::{NewTask, Options, Postponed, RawTask, RowKey};

use super::OutboxStage;
use super::stage::{HOLD, LATER, SECOND, ids, keys, new, raw};

outbox_area!(outbox_conformance_of_claims, claims:
    rows_are_claimed_in_the_order_in_which_they_were_enqueued,
    a_postponed_row_is_claimed_in_its_old_place,
    no_two_claimers_ever_hold_the_same_row,
    a_claim_that_ran_out_is_claimed_again_under_another_number,
    a_claim_says_when_the_next_row_may_be_claimed,
    a_claim_of_nothing_takes_nothing,
    long_payloads_come_a_few_at_a_time_and_never_none,
    many_batches_empty_the_outbox_in_order,
);

async fn rows_are_claimed_in_the_order_in_which_they_were_enqueued(s: OutboxStage) {
    s.add(["c", "a"]).await;
    s.add(["d", "b"]).await;
    assert_eq!(ids(&s.claim(3).await), ["c", "a", "d"]);
    assert_eq!(ids(&s.claim(3).await), ["b"]);
    s.add(["e"]).await;
    s.pass(LATER);
    assert_eq!(ids(&s.claim(9).await), ["c", "a", "d", "b", "e"], "also of those that come back");
}

async fn a_postponed_row_is_claimed_in_its_old_place(s: OutboxStage) {
    s.add(["a", "b", "c"]).await;
    let claim = s.claim(3).await;
    let later: Vec<Postponed> = claim
        .rows
        .iter()
        .zip([30, 20, 10])
        .map(|(row, seconds)| Postponed {
            key: row.key,
            until: s.after(Duration::from_secs(seconds)),
            error: "down".into(),
        })
        .collect();
    s.outbox().postpone(&later).await.expect("postpone");
    s.add(["d"]).await;
    s.pass(SECOND * 20);
    assert_eq!(ids(&s.claim(2).await), ["b", "c"]);
    s.pass(SECOND * 10);
    assert_eq!(ids(&s.claim(1).await), ["a"]);
    assert_eq!(ids(&s.claim(1).await), ["d"]);
}

async fn no_two_claimers_ever_hold_the_same_row(s: OutboxStage) {
    const ROWS: usize = 300;
    s.add((0..ROWS).map(|n| n.to_string())).await;
    let mut claimers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let outbox = s.other_process().await;
        claimers.spawn(async move {
            let mut held = Vec::new();
            // A row that another one is just claiming is passed over, so that one empty answer may come early.
            loop {
                let claim = outbox.claim(7, HOLD).await.expect("claim");
                if claim.rows.is_empty() {
                    break held;
                }
                held.extend(keys(&claim));
            }
        });
    }
    let mut held: Vec<_> = claimers.join_all().await.into_iter().flatten().collect();
    held.extend(keys(&s.claim(ROWS).await));
    assert_eq!(held.len(), ROWS);
    assert_eq!(held.iter().map(|key| key.seq).collect::<HashSet<_>>().len(), ROWS);
}

async fn a_claim_that_ran_out_is_claimed_again_under_another_number(s: OutboxStage) {
    s.add(["a"]).await;
    let first = s.claim_one().await.key;
    let held = s.other_process().await.claim(1, HOLD).await.expect("claim");
    assert_eq!((held.rows.len(), held.next_at), (0, Some(s.after(HOLD))));
    s.pass(HOLD);
    let second = s.claim_one().await.key;
    assert_eq!(first.seq, second.seq);
    assert_eq!(first.epoch, RowKey::FIRST_CLAIM);
    assert_ne!(first.epoch, second.epoch);
}

async fn a_claim_says_when_the_next_row_may_be_claimed(s: OutboxStage) {
    assert_eq!(s.claim(1).await.next_at, None);
    s.add(["a", "b"]).await;
    assert_eq!(s.claim(2).await.next_at, None, "what is claimed now is not waited for");
    let first_ends = s.after(HOLD);
    s.pass(SECOND);
    for limit in [1, 9] {
        assert_eq!(s.claim(limit).await.next_at, Some(first_ends));
    }
    s.add(["c"]).await;
    assert_eq!(s.claim(2).await.next_at, Some(first_ends), "of those that were claimed before");
}

async fn a_claim_of_nothing_takes_nothing(s: OutboxStage) {
    s.add(["a"]).await;
    assert_eq!(s.claim(0).await.rows, []);
    assert_eq!(ids(&s.claim(1).await), ["a"]);
}

async fn long_payloads_come_a_few_at_a_time_and_never_none(s: OutboxStage) {
    let long = |id: &str, megabytes: usize| {
        let payload = vec![0xff_u8; megabytes * 1024 * 1024].into();
        NewTask::from(RawTask { payload, ..raw() }).with(Options::new().id(id))
    };
    let batch = vec![new("a"), long("b", 5), long("c", 5), new("d"), long("e", 9), new("f")];
    for answer in s.commit(batch).await {
        answer.expect("it is stored");
    }
    let now = s.now();
    for wanted in [vec!["a", "b"], vec!["c", "d"], vec!["e"]] {
        let claim = s.claim(100).await;
        assert_eq!((ids(&claim), claim.next_at), (wanted, Some(now)), "there is more, and it is ready");
    }
    let claim = s.claim(100).await;
    assert_eq!((ids(&claim), claim.next_at), (vec!["f"], Some(now.plus(HOLD))));
}

async fn many_batches_empty_the_outbox_in_order(s: OutboxStage) {
    let names: Vec<String> = (0..1_000).map(|n| format!("{n:04}")).collect();
    s.add(&names).await;
    let mut claimed = Vec::new();
    loop {
        let claim = s.claim(90).await;
        if claim.rows.is_empty() {
            break;
        }
        claimed.extend(ids(&claim).into_iter().map(str::to_owned));
        s.mark(&keys(&claim)).await;
    }
    assert_eq!(claimed, names);
    assert_eq!(s.backlog().await.waiting, 0);
}
