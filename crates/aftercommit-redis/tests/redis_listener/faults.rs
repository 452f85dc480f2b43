//! The connection is lost, silent or kept out, and the keys are gone.

use std::time::{Duration, Instant};

use aftercommit_core::{Broker, Wake};
use aftercommit_redis::{RedisBackend, RedisOptions};
use aftercommit_servers::ChaosProxy;
use futures_util::StreamExt;

use crate::kit::{PATIENCE, Stage, hint, queue, until, waiting, woken};

const WAKES: [Wake; 3] = [Wake::Pending, Wake::Due, Wake::Groups];

#[tokio::test]
async fn killed_connection_is_made_again_and_everybody_is_told_once() {
    let stage = Stage::listening().await;
    for wake in WAKES {
        let mut wakes = stage.wakes(wake);
        if wake != Wake::Pending {
            hint(&mut wakes).await;
        }
        let sleeper = waiting(wakes);
        until(async || stage.armed().await > 0 && !stage.ears().await.is_empty()).await;
        let ears = stage.ears().await;
        let [ear] = ears.as_slice() else { panic!("one connection listens: {ears:?}") };
        stage.run(&format!("CLIENT KILL ID {ear}")).await;
        let mut wakes = woken(sleeper).await;
        // A hint from the clock may come before the one of the new connection.
        while tokio::time::timeout(Duration::from_millis(300), wakes.next()).await.is_ok() {}
        let sleeper = waiting(wakes);
        stage.push("a").await;
        stage.run("ZADD asynq:{q}:retry 1 a").await;
        stage.run("SADD asynq:{q}:groups a").await;
        drop(woken(sleeper).await);
        stage.run("FLUSHALL").await;
    }
}

#[tokio::test]
async fn server_that_was_away_wakes_again() {
    let mut stage = Stage::listening().await;
    let sleeper = waiting(stage.wakes(Wake::Pending));
    stage.until_armed(2).await;
    stage.server.stop().unwrap();
    let mut wakes = woken(sleeper).await;
    hint(&mut wakes).await;
    stage.start_again().await;
    while tokio::time::timeout(Duration::from_millis(300), wakes.next()).await.is_ok() {}
    let sleeper = waiting(wakes);
    stage.push("a").await;
    drop(woken(sleeper).await);
}

#[tokio::test]
async fn server_absent_at_the_start_is_found_when_it_comes() {
    let mut stage = Stage::new();
    stage.server.stop().unwrap();
    let mut wakes = stage.wakes(Wake::Pending);
    hint(&mut wakes).await;
    stage.start_again().await;
    let sleeper = waiting(wakes);
    stage.push("a").await;
    drop(woken(sleeper).await);
}

#[tokio::test]
async fn silent_connection_is_noticed_within_seconds() {
    let stage = Stage::new();
    let proxy = ChaosProxy::start(stage.server.addr()).await.unwrap();
    let backend = RedisBackend::new(RedisOptions::tcp("127.0.0.1", proxy.addr().port()));
    let sleeper = waiting(backend.wakes(Wake::Pending, &[queue("q")]));
    stage.until_armed(2).await;
    proxy.stall().await;
    let started = Instant::now();
    drop(woken(sleeper).await);
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
}

#[tokio::test]
async fn flush_wakes_everybody_and_arms_anew() {
    let stage = Stage::listening().await;
    stage.push("kept from waiting by a pause").await;
    stage.run("SET asynq:{q}:paused 1").await;
    let sleeper = waiting(stage.wakes(Wake::Pending));
    stage.until_armed(2).await;
    stage.run("FLUSHALL").await;
    let sleeper = waiting(woken(sleeper).await);
    stage.until_armed(2).await;
    stage.push("a").await;
    drop(woken(sleeper).await);
}

#[tokio::test]
async fn keys_that_cannot_be_read_give_hints_at_intervals() {
    let stage = Stage::listening().await;
    stage.run("SET asynq:{q}:pending text").await;
    let mut wakes = stage.wakes(Wake::Pending);
    hint(&mut wakes).await;
    hint(&mut wakes).await;
    assert!(stage.calls("llen").await <= 3);
    stage.run("DEL asynq:{q}:pending").await;
    stage.push("a").await;
    tokio::time::timeout(PATIENCE, wakes.next()).await.unwrap();
}
