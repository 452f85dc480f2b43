//! Two handles on one file with connections of their own, as two processes have them: what one commits,
//! the other notices. Each listens first until it has nothing left to hear, so that what it hears then
//! is the other one's commit.

use std::time::Duration;

use aftercommit_core::{Broker, Presence, QueueName, Upkeep, Wake, Wakes};
use futures_util::StreamExt;

use crate::support::{Stage, id, mail, take};

/// For what has to happen soon; to fail, not to wait.
const SOON: Duration = Duration::from_secs(10);

async fn is_woken(wakes: &mut Wakes) {
    tokio::time::timeout(SOON, wakes.next()).await.expect("a hint comes").expect("the stream lives");
}

#[tokio::test]
async fn a_commit_of_another_process_wakes_whoever_waits_for_tasks() {
    let stage = Stage::new().await;
    let other = stage.other_process().await;
    let mut wakes = stage.queue.wakes(Wake::Pending, &[QueueName::default()]);
    // The first hint comes of itself, when the watching begins.
    is_woken(&mut wakes).await;
    for round in 0..20 {
        assert_eq!(stage.take(1).await.len(), 0, "nothing is pending, so no hint is due");
        let mut tx = other.begin().await.unwrap();
        other.enqueue_in(&mut tx, &mail()).id(round.to_string()).await.unwrap();
        tx.commit().await.unwrap();
        is_woken(&mut wakes).await;
        assert_eq!(stage.take(1).await[0].lease.id, id(&round.to_string()));
    }
}

#[tokio::test]
async fn a_commit_of_another_process_wakes_whoever_waits_for_due_times() {
    let stage = Stage::new().await;
    let other = stage.other_process().await;
    let mut wakes = stage.queue.wakes(Wake::Due, &[QueueName::default()]);
    is_woken(&mut wakes).await;
    let mut tx = other.begin().await.unwrap();
    other.enqueue_in(&mut tx, &mail()).process_in(SOON).await.unwrap();
    tx.commit().await.unwrap();
    is_woken(&mut wakes).await;
    let forwarded = stage.queue.forward(&[QueueName::default()], 1).await.unwrap();
    assert!(forwarded.next_due.is_some());
}

#[tokio::test]
async fn the_end_of_a_pause_by_another_process_wakes() {
    use aftercommit_core::Inspect;
    let stage = Stage::new().await;
    let other = stage.other_process().await;
    stage.queue.enqueue(&[stage.task("a")]).await.unwrap();
    other.pause(&QueueName::default()).await.unwrap();
    let mut wakes = stage.queue.wakes(Wake::Pending, &[QueueName::default()]);
    is_woken(&mut wakes).await;
    assert_eq!(stage.take(1).await.len(), 0);
    other.resume(&QueueName::default()).await.unwrap();
    is_woken(&mut wakes).await;
    assert_eq!(stage.take(1).await.len(), 1);
}

#[tokio::test]
async fn each_cancellation_is_heard_once_whoever_asked_for_it() {
    let stage = Stage::new().await;
    let other = stage.other_process().await;
    let name = QueueName::default();
    stage.queue.cancel(&name, &id("before")).await.unwrap();
    let mut listeners = [stage.queue.cancellations(), other.cancellations()];
    for round in 0..10 {
        stage.queue.cancel(&name, &id(&format!("here-{round}"))).await.unwrap();
        other.cancel(&name, &id(&format!("there-{round}"))).await.unwrap();
    }
    let wanted: Vec<String> = (0..10).flat_map(|n| [format!("here-{n}"), format!("there-{n}")]).collect();
    for (listener, asked_before) in listeners.iter_mut().zip([false, true]) {
        let mut heard = Vec::new();
        while heard.last() != wanted.last() {
            let next = tokio::time::timeout(SOON, listener.next()).await.expect("it is heard").unwrap();
            heard.push(next.id.to_string());
        }
        // Another process's wish of the very same millisecond may be heard, and the clock stands still.
        if asked_before {
            assert_eq!(heard.remove(0), "before");
        }
        assert_eq!(heard, wanted);
    }
}

#[tokio::test]
async fn a_cancellation_by_another_process_reaches_whoever_listens_already() {
    let stage = Stage::new().await;
    let other = stage.other_process().await;
    let name = QueueName::default();
    let mut listener = stage.queue.cancellations();
    for round in 0..5 {
        // The first one starts the listening, the others come while it waits.
        let by = if round == 0 { &stage.queue } else { &other };
        by.cancel(&name, &id(&round.to_string())).await.unwrap();
        let heard = tokio::time::timeout(SOON, listener.next()).await.expect("it is heard").unwrap();
        assert_eq!(heard.id, id(&round.to_string()));
    }
}

#[tokio::test]
async fn a_task_is_given_to_one_of_two_processes() {
    let stage = Stage::new().await;
    let other = stage.other_process().await;
    let batch: Vec<_> = (0..100).map(|n| stage.task(&n.to_string())).collect();
    stage.queue.enqueue(&batch).await.unwrap();
    let drain = async |queue| {
        let mut taken = Vec::new();
        loop {
            match take(queue, 3).await {
                some if some.is_empty() => return taken,
                some => taken.extend(some.into_iter().map(|leased| leased.lease.id)),
            }
        }
    };
    let (here, there) = tokio::join!(drain(&stage.queue), drain(&other));
    let mut all: Vec<_> = here.into_iter().chain(there).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 100);
}
