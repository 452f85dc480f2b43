//! Who is told that there is something to claim. Each listens first until it has nothing left to hear, so
//! that what it hears then is the commit.

use std::time::Duration;

use aftercommit_core::{Outbox, Postponed, Timestamp, Wakes};
use futures_util::{FutureExt, StreamExt};

use crate::support::{HOLD, Stage, ids, mail};

/// For what has to happen soon; to fail, not to wait.
const SOON: Duration = Duration::from_secs(10);

async fn is_woken(wakes: &mut Wakes) {
    tokio::time::timeout(SOON, wakes.next()).await.expect("a hint comes").expect("the stream lives");
}

#[tokio::test]
async fn a_commit_of_this_process_wakes_at_once_and_a_rollback_does_not() {
    let stage = Stage::new().await;
    let mut wakes = stage.outbox.wakes();
    // The first hint comes of itself, when the watching begins.
    is_woken(&mut wakes).await;
    for commit in [false, true] {
        let mut tx = stage.outbox.begin().await.unwrap();
        stage.outbox.enqueue_in(&mut tx, &mail()).await.unwrap();
        assert!(wakes.next().now_or_never().is_none());
        if commit {
            tx.commit().await.unwrap()
        } else {
            tx.rollback().await.unwrap()
        }
        assert_eq!(wakes.next().now_or_never().is_some(), commit);
    }
}

#[tokio::test]
async fn a_host_that_commits_by_itself_may_wake() {
    let stage = Stage::new().await;
    let mut wakes = stage.outbox.wakes();
    is_woken(&mut wakes).await;
    stage.outbox.wake();
    assert!(wakes.next().now_or_never().is_some());
}

#[tokio::test]
async fn a_commit_of_another_process_wakes() {
    let stage = Stage::new().await;
    let other = stage.other_process().await;
    let mut wakes = stage.outbox.wakes();
    is_woken(&mut wakes).await;
    for round in 0..20 {
        assert_eq!(stage.claim(9).await.rows, [], "nothing is there, so no hint is due");
        let mut tx = other.begin().await.unwrap();
        other.enqueue_in(&mut tx, &mail()).id(round.to_string()).await.unwrap();
        tx.commit().await.unwrap();
        is_woken(&mut wakes).await;
        let claim = stage.claim(9).await;
        assert_eq!(ids(&claim), [round.to_string()]);
        stage.outbox.mark(&[claim.rows[0].key]).await.unwrap();
    }
}

#[tokio::test]
async fn who_waits_learns_until_when_another_process_holds_what_there_is() {
    let stage = Stage::new().await;
    let other = stage.other_process().await;
    let mut wakes = stage.outbox.wakes();
    is_woken(&mut wakes).await;
    stage.add(&["a"]).await;
    is_woken(&mut wakes).await;
    let claim = other.claim(1, HOLD).await.unwrap();
    // The commit of the task may be told once more, by the look at the file.
    let until = next_at(&stage, &mut wakes, None).await;
    let postponed = Postponed { key: claim.rows[0].key, until: until.plus(HOLD), error: "down".into() };
    other.postpone(&[postponed]).await.unwrap();
    assert_eq!(next_at(&stage, &mut wakes, Some(until)).await, until.plus(HOLD));
}

/// Waits for a hint after which a claim says something else than before.
async fn next_at(stage: &Stage, wakes: &mut Wakes, before: Option<Timestamp>) -> Timestamp {
    loop {
        is_woken(wakes).await;
        let claim = stage.claim(1).await;
        assert_eq!(claim.rows, []);
        if let Some(at) = claim.next_at.filter(|at| Some(*at) != before) {
            return at;
        }
    }
}
