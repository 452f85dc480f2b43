//! Servers that cannot tell of changes, or may not.

use std::time::{Duration, Instant};

use aftercommit_core::{Broker, Presence, TaskId, Wake};
use aftercommit_redis::{RedisBackend, RedisOptions};
use aftercommit_servers::RedisServer;
use futures_util::StreamExt;

use crate::kit::{Log, PATIENCE, Stage, hint, queue};

const SAID: &str = "looking for work at intervals";

fn as_user(server: &RedisServer, user: &str) -> RedisBackend {
    let options = RedisOptions::parse(&server.url()).unwrap();
    RedisBackend::new(options.username(user).password("secret"))
}

async fn polls_and_hears(backend: &RedisBackend) {
    let log = Log::listen();
    let mut cancellations = backend.cancellations();
    for wake in [Wake::Pending, Wake::Due, Wake::Groups] {
        let mut wakes = backend.wakes(wake, &[queue("q")]);
        hint(&mut wakes).await;
        hint(&mut wakes).await;
    }
    backend.cancel(&queue("q"), &TaskId::new("a").unwrap()).await.unwrap();
    let heard = tokio::time::timeout(PATIENCE, cancellations.next()).await.unwrap().unwrap();
    assert_eq!(heard.id.as_str(), "a");
    assert_eq!(log.count(SAID), 1, "it is said once");
}

#[tokio::test]
async fn server_without_resp3_is_polled_and_cancellations_are_heard() {
    let server = RedisServer::builder().set("rename-command", "HELLO \"\"").start().unwrap();
    let stage = Stage::on(server);
    polls_and_hears(&stage.backend).await;
    assert_eq!(stage.armed().await, 0);
    // The connection is kept over many pings, and made again after it was killed.
    let mut cancellations = stage.backend.cancellations();
    let ears = stage.ears().await;
    for ear in &ears {
        stage.run(&format!("CLIENT KILL ID {ear}")).await;
    }
    crate::kit::until(async || {
        let now = stage.ears().await;
        now.len() == 1 && now != ears
    })
    .await;
    stage.run("PUBLISH asynq:cancel again").await;
    let heard = tokio::time::timeout(PATIENCE, cancellations.next()).await.unwrap().unwrap();
    assert_eq!(heard.id.as_str(), "again");
}

#[tokio::test]
async fn user_without_the_right_to_track_polls() {
    let builder = RedisServer::builder().user("app", "secret", "~* &* +@all -client|tracking");
    let server = builder.start().unwrap();
    polls_and_hears(&as_user(&server, "app")).await;
}

#[tokio::test]
async fn user_without_the_channel_is_woken_and_is_told_once() {
    let server = RedisServer::builder().user("app", "secret", "~* resetchannels +@all").start().unwrap();
    let (log, stage) = (Log::listen(), Stage::on(server));
    let backend = as_user(&stage.server, "app");
    let mut wakes = backend.wakes(Wake::Pending, &[queue("q")]);
    stage.push("a").await;
    hint(&mut wakes).await;
    assert_eq!((log.count("cancellations are not heard"), log.count(SAID)), (1, 0));
}

#[tokio::test]
async fn polling_stops_while_nobody_waits_and_keeps_its_pace() {
    let server = RedisServer::builder().set("rename-command", "HELLO \"\"").start().unwrap();
    let stage = Stage::on(server);
    let mut wakes = stage.wakes(Wake::Pending);
    hint(&mut wakes).await;
    let started = Instant::now();
    for _ in 0..5 {
        hint(&mut wakes).await;
    }
    assert!(started.elapsed() >= Duration::from_millis(250), "{:?}", started.elapsed());
    assert_eq!(stage.calls("llen").await, 0);
}
