//! Who waits for due times.

use aftercommit_core::Wake;

use crate::kit::{Stage, hint, run, until, waiting};

const SETS: [&str; 3] = ["scheduled", "retry", "x:due"];

#[tokio::test]
async fn earlier_due_time_wakes_and_a_later_one_does_not() {
    for set in SETS {
        let stage = Stage::listening().await;
        let mut wakes = stage.wakes(Wake::Due);
        stage.run(&format!("ZADD asynq:{{q}}:{set} 2000000000 a")).await;
        hint(&mut wakes).await;
        let sleeper = waiting(wakes);
        stage.until_armed(3).await;
        let before = stage.calls("zrange").await;
        stage.run(&format!("ZADD asynq:{{q}}:{set} 2000000001 b")).await;
        stage.until_armed(3).await;
        until(async || stage.calls("zrange").await > before).await;
        assert!(!sleeper.is_finished(), "{set}: the earliest is the same");
        stage.run(&format!("ZADD asynq:{{q}}:{set} 1999999999 c")).await;
        sleeper.await.unwrap();
    }
}

#[tokio::test]
async fn first_wait_gives_one_hint() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Due);
    hint(&mut wakes).await;
    let sleeper = waiting(wakes);
    stage.until_armed(3).await;
    assert!(!sleeper.is_finished());
}

#[tokio::test]
async fn whoever_looked_between_two_changes_is_told_of_the_second() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Due);
    stage.run("ZADD asynq:{q}:retry 5 a").await;
    hint(&mut wakes).await;
    // Once for what it did not see while the keys were not yet read.
    let sleeper = waiting(wakes);
    stage.until_armed(3).await;
    stage.run("DEL asynq:{q}:retry").await;
    stage.until_armed(3).await;
    assert!(!sleeper.is_finished(), "the earliest is gone: nobody has to hurry");
    stage.run("ZADD asynq:{q}:retry 5 a").await;
    sleeper.await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn change_between_look_and_wait_is_never_missed() {
    let stage = Stage::listening().await;
    let mut wakes = stage.wakes(Wake::Due);
    for round in 0..200_u32 {
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
            hint(&mut wakes).await;
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
    let sleeper = waiting(wakes);
    stage.until_armed(3).await;
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
