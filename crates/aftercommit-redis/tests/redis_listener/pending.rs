//! Who waits for pending tasks.

use aftercommit_core::{Broker, Wake};
use futures_util::{FutureExt, StreamExt};

use crate::kit::{Stage, awoken, hint, queue, run, until, waiting, woken};

#[tokio::test]
async fn push_by_any_client_wakes() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Pending);
    for round in 0..3 {
        let sleeper = waiting(wakes);
        stage.until_armed(2).await;
        assert!(!sleeper.is_finished(), "an empty queue gives no hint");
        stage.push("a").await;
        wakes = woken(sleeper).await;
        assert!(stage.pop().await, "round {round}");
    }
}

#[tokio::test]
async fn work_that_was_there_before_the_first_wait_is_a_hint() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Pending);
    stage.push("a").await;
    hint(&mut wakes).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn push_between_look_and_wait_is_never_missed() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Pending);
    for round in 0..1_000_u32 {
        let other = stage.other.clone();
        let pauses = rand::random_range(0..40);
        let push = tokio::spawn(async move {
            for _ in 0..pauses {
                tokio::task::yield_now().await;
            }
            run(&other, &format!("LPUSH asynq:{{q}}:pending {round}")).await;
        });
        while !stage.pop().await {
            // In a task of its own: nothing but a hint asks the stream again.
            wakes = awoken(wakes).await;
        }
        push.await.unwrap();
    }
}

#[tokio::test]
async fn what_nobody_waits_for_costs_nothing() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Pending);
    stage.push("first").await;
    hint(&mut wakes).await;
    let before = stage.calls("llen").await;
    for i in 0..10_000 {
        stage.push(&i.to_string()).await;
    }
    assert_eq!(stage.calls("llen").await, before);
    hint(&mut wakes).await;
}

#[tokio::test]
async fn wait_that_was_given_up_costs_one_hint() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Pending);
    assert!(wakes.next().now_or_never().is_none());
    stage.until_armed(2).await;
    let before = stage.calls("llen").await;
    for i in 0..1_000 {
        stage.push(&i.to_string()).await;
    }
    assert_eq!(stage.calls("llen").await, before);
    assert!(wakes.next().now_or_never().is_some(), "the hint was kept");
    assert!(wakes.next().now_or_never().is_none(), "and it was one");
}

#[tokio::test]
async fn paused_queue_sleeps_until_it_is_resumed() {
    let stage = Stage::listening().await;
    stage.run("SET asynq:{q}:paused 1").await;
    stage.push("a").await;
    let sleeper = waiting(stage.wakes(Wake::Pending));
    stage.until_armed(2).await;
    let before = stage.calls("llen").await;
    for i in 0..1_000 {
        stage.push(&i.to_string()).await;
    }
    assert_eq!(stage.calls("llen").await, before);
    assert!(!sleeper.is_finished());
    stage.run("DEL asynq:{q}:paused").await;
    drop(woken(sleeper).await);
}

#[tokio::test]
async fn work_that_its_reader_leaves_gives_no_more_hints() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Pending);
    stage.push("a").await;
    hint(&mut wakes).await;
    let before = stage.calls("llen").await;
    let sleeper = waiting(wakes);
    // What Redis would tell by now, it has told: the other stream is read after the first.
    let mut later = stage.backend.wakes(Wake::Due, &[queue("q")]);
    hint(&mut later).await;
    assert_eq!((sleeper.is_finished(), stage.calls("llen").await), (false, before));
    stage.push("b").await;
    drop(woken(sleeper).await);
}

#[tokio::test]
async fn many_streams_and_queues_share_one_reading() {
    let stage = Stage::listening().await;
    let queues: Vec<_> = (0..20).map(|i| queue(&i.to_string())).collect();
    let mut all: Vec<_> = (0..20).map(|_| stage.backend.wakes(Wake::Pending, &queues)).collect();
    for wakes in &mut all {
        assert!(wakes.next().now_or_never().is_none());
    }
    stage.until_armed(40).await;
    assert_eq!(stage.calls("llen").await, 20);
    stage.run("LPUSH asynq:{7}:pending a").await;
    for wakes in &mut all {
        hint(wakes).await;
    }
    until(async || stage.armed().await == 39).await;
    assert_eq!(stage.calls("llen").await, 20);
}
