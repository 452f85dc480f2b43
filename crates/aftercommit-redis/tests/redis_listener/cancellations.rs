//! Cancellations, as they are published by anybody.

use aftercommit_core::{Cancellation, Cancellations, Presence, TaskId};
use futures_util::StreamExt;

use crate::kit::{Log, PATIENCE, Stage, queue, until};

async fn hears(cancellations: &mut Cancellations, id: &str) {
    let heard = tokio::time::timeout(PATIENCE, cancellations.next()).await.expect("it comes in time");
    assert_eq!(heard, Some(Cancellation { id: TaskId::new(id).unwrap(), queue: None }));
}

#[tokio::test]
async fn own_cancellation_is_heard_although_the_stream_is_new() {
    let stage = Stage::new();
    let mut streams = [stage.backend.cancellations(), stage.backend.cancellations()];
    stage.backend.cancel(&queue("q"), &TaskId::new("a").unwrap()).await.unwrap();
    for stream in &mut streams {
        hears(stream, "a").await;
    }
}

#[tokio::test]
async fn what_any_client_publishes_is_heard_across_a_reconnect() {
    let stage = Stage::new();
    let mut cancellations = stage.backend.cancellations();
    until(async || stage.ears().await.len() == 1).await;
    stage.run("PUBLISH asynq:cancel a").await;
    // No task has such ids.
    stage.other.command("publish", empty()).await.unwrap();
    hears(&mut cancellations, "a").await;
    let before = stage.ears().await;
    stage.run(&format!("CLIENT KILL ID {}", before[0])).await;
    until(async || {
        let now = stage.ears().await;
        now.len() == 1 && now != before
    })
    .await;
    stage.run("PUBLISH asynq:cancel b").await;
    hears(&mut cancellations, "b").await;
}

fn empty() -> aftercommit_redis::internals::Command {
    aftercommit_redis::internals::Command::new("PUBLISH").arg("asynq:cancel").arg("")
}

#[tokio::test]
async fn stream_that_is_not_read_loses_the_oldest_and_that_is_said() {
    let (log, stage) = (Log::listen(), Stage::new());
    let mut slow = stage.backend.cancellations();
    let mut quick = stage.backend.cancellations();
    until(async || stage.ears().await.len() == 1).await;
    for i in 0..2_000 {
        stage.run(&format!("PUBLISH asynq:cancel {i}")).await;
        hears(&mut quick, &i.to_string()).await;
    }
    hears(&mut slow, "976").await;
    assert_eq!(log.count("some are lost"), 1);
    for i in 977..2_000 {
        hears(&mut slow, &i.to_string()).await;
    }
}
