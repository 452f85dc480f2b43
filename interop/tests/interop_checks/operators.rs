//! Check 9: a cancellation or a pause by one side reaches the workers of the other.

use std::time::Duration;

use aftercommit::{Action, TaskState};
use aftercommit_interop::{GoClient, GoInspector, Options, Request, Task};

use crate::ground::{Ground, Raw, hasty, id, queue, until};
use crate::report;

const QUEUE: &str = "nine";
/// One look of either side, and some room: asynq looks every 20 to 30 ms here, ours at the latest after five seconds.
const ONE_LOOK: Duration = Duration::from_secs(6);

async fn enqueue(client: &mut GoClient, task_type: &str, payload: &str, id: &str) {
    let options = Options {
        id: Some(id.to_owned()),
        queue: Some(QUEUE.to_owned()),
        retention_ms: Some(3_600_000),
        ..Options::default()
    };
    client.enqueue(&Task::new(task_type, payload).with(options)).await.unwrap();
}

#[tokio::test]
async fn a_task_is_cancelled_across_languages() {
    let ground = Ground::new();
    let (raw, redis) = (ground.raw(0), ground.redis(0));
    let mut client = GoClient::start(&redis).await.unwrap();
    let mut theirs = GoInspector::start(&redis).await.unwrap();
    let ours = ground.inspector(0);

    enqueue(&mut client, "sleep:", "600000", "on-rust").await;
    let worker = ground.rust(0, &hasty([QUEUE]), "effects").await;
    raw.reaches(QUEUE, "on-rust", "active").await;
    // A message of asynq has no receipt: it is sent again until somebody has heard it.
    until("our worker to hear of it", async || {
        theirs.ask::<()>(Request::CancelProcessing { id: "on-rust" }).await.unwrap();
        (raw.state(QUEUE, "on-rust").await == "retry").then_some(())
    })
    .await;
    worker.stop().await.unwrap();
    let info = theirs.task(QUEUE, "on-rust").await.unwrap().unwrap();
    assert_eq!((info.last_err.as_str(), info.retried), ("cancelled", 1));

    enqueue(&mut client, "sleep:", "600000", "on-go").await;
    let worker = ground.go(0, &hasty([QUEUE]), "effects").await;
    raw.reaches(QUEUE, "on-go", "active").await;
    until("Go's worker to hear of it", async || {
        let action = ours.cancel(&queue(QUEUE), &id("on-go")).await.unwrap();
        assert!(matches!(action, Action::Applied | Action::Refused(TaskState::Retry)));
        (raw.state(QUEUE, "on-go").await == "retry").then_some(())
    })
    .await;
    let info = ours.get(&queue(QUEUE), &id("on-go")).await.unwrap().unwrap();
    assert_eq!(info.message.last_error.as_deref(), Some("context canceled"));
    worker.stop().await.unwrap();
    report::passed("9", "cancel, both ways", 2, "stopped, a failure like any other");
}

#[tokio::test]
async fn a_pause_by_either_side_stops_both_and_ends_for_both() {
    let ground = Ground::new();
    let (raw, redis) = (ground.raw(0), ground.redis(0));
    let mut client = GoClient::start(&redis).await.unwrap();
    let mut theirs = GoInspector::start(&redis).await.unwrap();
    let ours = ground.inspector(0);
    // So that there is something to pause for Go, which asks whether there is such a queue.
    enqueue(&mut client, "ok:", "x", "first").await;
    for (by_go, go_works) in [(true, true), (true, false), (false, true), (false, false)] {
        let name = format!("paused-by-go-{by_go}-go-works-{go_works}");
        let config = hasty([QUEUE]);
        let worker =
            if go_works { ground.go(0, &config, "go").await } else { ground.rust(0, &config, "rust").await };
        let runs = format!("{name}-before");
        enqueue(&mut client, "ok:", "x", &runs).await;
        raw.reaches(QUEUE, &runs, "completed").await;
        if by_go {
            theirs.ask::<()>(Request::PauseQueue { queue: QUEUE }).await.unwrap();
        } else {
            ours.pause(&queue(QUEUE)).await.unwrap();
        }
        assert!(theirs.queue(QUEUE).await.unwrap().paused);
        assert!(ours.queue(&queue(QUEUE)).await.unwrap().unwrap().paused_since.is_some());
        enqueue(&mut client, "ok:", "x", &name).await;
        nothing_runs(&raw, &name).await;
        if by_go {
            ours.resume(&queue(QUEUE)).await.unwrap();
        } else {
            theirs.ask::<()>(Request::UnpauseQueue { queue: QUEUE }).await.unwrap();
        }
        let resumed = std::time::Instant::now();
        raw.reaches(QUEUE, &name, "completed").await;
        assert!(resumed.elapsed() < ONE_LOOK);
        worker.stop().await.unwrap();
    }
    report::passed("9", "pause and resume, both ways", 4, "stops and starts within one look");
}

/// A worker that ignored the pause would have taken the task at its next look.
async fn nothing_runs(raw: &Raw, id: &str) {
    const LOOKS: Duration = Duration::from_millis(500);
    tokio::time::sleep(LOOKS).await;
    assert_eq!(raw.state(QUEUE, id).await, "pending");
}
