//! Who waits for due times.

use aftercommit_core::{Wake, Wakes};
use tokio::task::JoinHandle;

use crate::kit::{Stage, awoken, hint, run, until, waiting, woken};

/// A stream that waits, with nothing on its way that would wake it.
async fn asleep(stage: &Stage, mut wakes: Wakes) -> JoinHandle<Wakes> {
    loop {
        let before = stage.calls("zrange").await;
        let sleeper = waiting(wakes);
        until(async || {
            sleeper.is_finished() || (stage.calls("zrange").await > before && stage.armed().await == 3)
        })
        .await;
        // Redis has answered; now the answer arrives.
        for _ in 0..20 {
            stage.run("PING").await;
        }
        if !sleeper.is_finished() {
            return sleeper;
        }
        wakes = woken(sleeper).await;
    }
}

const SETS: [&str; 3] = ["scheduled", "retry", "x:due"];

#[tokio::test]
async fn earlier_due_time_wakes_and_a_later_one_does_not() {
    for set in SETS {
        let stage = Stage::listening().await;
        let mut wakes = stage.wakes(Wake::Due);
        stage.run(&format!("ZADD asynq:{{q}}:{set} 2000000000 a")).await;
        hint(&mut wakes).await;
        let sleeper = asleep(&stage, wakes).await;
        let before = stage.calls("zrange").await;
        stage.run(&format!("ZADD asynq:{{q}}:{set} 2000000001 b")).await;
        stage.until_armed(3).await;
        until(async || stage.calls("zrange").await > before).await;
        assert!(!sleeper.is_finished(), "{set}: the earliest is the same");
        stage.run(&format!("ZADD asynq:{{q}}:{set} 1999999999 c")).await;
        drop(woken(sleeper).await);
    }
}

#[tokio::test]
async fn first_wait_gives_a_hint_and_then_all_is_quiet() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Due);
    hint(&mut wakes).await;
    drop(asleep(&stage, wakes).await);
}

#[tokio::test]
async fn whoever_looked_between_two_changes_is_told_of_the_second() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Due);
    stage.run("ZADD asynq:{q}:retry 5 a").await;
    hint(&mut wakes).await;
    let sleeper = asleep(&stage, wakes).await;
    stage.run("DEL asynq:{q}:retry").await;
    stage.until_armed(3).await;
    assert!(!sleeper.is_finished(), "the earliest is gone: nobody has to hurry");
    stage.run("ZADD asynq:{q}:retry 5 a").await;
    drop(woken(sleeper).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_between_look_and_wait_is_never_missed() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Due);
    for round in 0..500_u32 {
        let other = stage.other.clone();
        let pauses = rand::random_range(0..40);
        let schedule = tokio::spawn(async move {
            for _ in 0..pauses {
                tokio::task::yield_now().await;
            }
            run(&other, "ZADD asynq:{q}:scheduled 5 a").await;
        });
        // The same time again and again, so that only having looked at nothing in between tells.
        while stage.run("ZREM asynq:{q}:scheduled a").await.into_int("count").unwrap() == 0 {
            // In a task of its own: nothing but a hint asks the stream again.
            wakes = awoken(wakes).await;
        }
        schedule.await.unwrap();
        assert_eq!(stage.run("ZCARD asynq:{q}:scheduled").await.into_int("count").unwrap(), 0, "{round}");
    }
}

#[tokio::test]
async fn storm_of_later_times_is_read_now_and_then() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Due);
    stage.run("ZADD asynq:{q}:scheduled 5 a").await;
    hint(&mut wakes).await;
    let sleeper = asleep(&stage, wakes).await;
    let (before, started) = (stage.calls("zrange").await, std::time::Instant::now());
    for i in 0..5_000 {
        stage.run(&format!("ZADD asynq:{{q}}:scheduled 2000000000 {i}")).await;
    }
    let readings = (stage.calls("zrange").await - before) / 3;
    let hundredths = started.elapsed().as_millis() / 10;
    assert!(
        u128::from(readings) <= hundredths + 2,
        "{readings} readings in {hundredths} hundredths of a second"
    );
    assert!(!sleeper.is_finished());
}
