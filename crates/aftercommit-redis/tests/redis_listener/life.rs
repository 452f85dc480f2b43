//! When the connection is there, and when it is not.

use aftercommit_core::{Broker, Presence, Wake};
use aftercommit_redis::{RedisBackend, RedisOptions};
use futures_util::{FutureExt, StreamExt};

use crate::kit::{Stage, hint, queue, until};

#[tokio::test]
async fn connection_lives_from_the_first_stream_to_the_last() {
    let stage = Stage::new();
    assert_eq!(stage.ears().await.len(), 0);
    let (cancellations, mut wakes) = (stage.backend.cancellations(), stage.wakes(Wake::Pending));
    assert!(wakes.next().now_or_never().is_none());
    until(async || stage.ears().await.len() == 1).await;
    drop(cancellations);
    stage.push("a").await;
    hint(&mut wakes).await;
    assert_eq!(stage.ears().await.len(), 1);
    drop(wakes);
    until(async || stage.ears().await.is_empty()).await;
    let mut again = stage.wakes(Wake::Pending);
    hint(&mut again).await;
}

#[tokio::test]
async fn streams_outlive_the_handle_and_take_the_connection_with_them() {
    let stage = Stage::new();
    let backend = RedisBackend::new(RedisOptions::parse(&stage.server.url()).unwrap());
    let mut wakes = backend.wakes(Wake::Pending, &[queue("q")]);
    drop(backend);
    stage.push("a").await;
    hint(&mut wakes).await;
    drop(wakes);
    until(async || stage.ears().await.is_empty()).await;
}

#[tokio::test]
async fn stream_that_nobody_asks_connects_nowhere() {
    let stage = Stage::new();
    let _wakes = stage.wakes(Wake::Pending);
    stage.push("a").await;
    assert_eq!(stage.ears().await.len(), 0);
}
