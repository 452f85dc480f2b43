//! Check 6: a worker of ours is killed, and Go's recoverer finds its tasks as it finds those of a worker of Go.

use std::time::Duration;

use aftercommit::{Client, Enqueued, Error, RawTask, TaskType};
use aftercommit_interop::{GoInspector, Request, TaskInfo};

use crate::ground::{Ground, Raw, hasty, within};
use crate::report;

const QUEUE: &str = "six";
const HEADER: (&str, &str) = ("traceparent", "00-aa-bb-01");
/// What the leases last, and what Go's recoverer waits beyond that.
const UNTIL_RECOVERABLE: Duration = Duration::from_secs(75);

pub(crate) async fn go_takes_over_from_a_dead_worker_of_ours() {
    let ground = Ground::new();
    let (raw, redis) = (ground.raw(0), ground.redis(0));
    enqueue(&ground.client(0)).await;
    let worker = ground.rust(0, &hasty([QUEUE]), "effects").await;
    for id in ["again", "unique", "last"] {
        raw.reaches(QUEUE, id, "active").await;
    }
    worker.kill().await.unwrap();
    leases_are_long_over(&raw).await;

    let worker = ground.go(0, &hasty([QUEUE]), "effects").await;
    for (id, state) in [("again", "retry"), ("unique", "retry"), ("last", "archived")] {
        raw.reaches(QUEUE, id, state).await;
    }
    let mut inspector = GoInspector::start(&redis).await.unwrap();
    for (id, retried) in [("again", 1), ("unique", 1), ("last", 0)] {
        let info = inspector.task(QUEUE, id).await.unwrap().unwrap();
        assert_eq!((info.last_err.as_str(), info.retried), ("asynq: task lease expired", retried), "{id}");
        assert!(info.last_failed_at.is_some());
        assert_eq!(info.headers.unwrap()[HEADER.0], HEADER.1);
        assert_eq!((info.payload.as_deref(), info.timeout_ns), (Some(&b"600000"[..]), 1_800_000_000_000));
    }
    let counts = inspector.queue(QUEUE).await.unwrap();
    assert_eq!((counts.processed_total, counts.failed_total, counts.processed, counts.failed), (3, 3, 3, 3));
    assert_eq!(counts.active, 0);
    let refused = enqueue_unique(&ground.client(0), "another").await.unwrap_err();
    assert!(matches!(refused, Error::Duplicate { .. }), "the lock is kept through retries: {refused}");

    inspector.ask::<()>(Request::RunTask { queue: QUEUE, id: "again" }).await.unwrap();
    raw.reaches(QUEUE, "again", "active").await;
    let listed: Vec<TaskInfo> =
        inspector.ask(Request::ListActive { queue: QUEUE, page: Default::default() }).await.unwrap();
    assert!(listed.len() == 1 && !listed[0].is_orphaned, "{listed:?}");
    worker.kill().await.unwrap();
    report::passed(
        "6",
        "Go recovers Rust",
        3,
        "retried or archived as lease-expired, counted once, headers kept",
    );
}

async fn enqueue(client: &Client) {
    for (id, max_retry) in [("again", 5), ("last", 0)] {
        let request = client.enqueue_raw(sleeping("600000")).queue(QUEUE).id(id).max_retry(max_retry);
        request.header(HEADER.0, HEADER.1).await.unwrap();
    }
    enqueue_unique(client, "unique").await.unwrap();
}

async fn enqueue_unique(client: &Client, id: &str) -> Result<Enqueued, Error> {
    let request = client.enqueue_raw(sleeping("600000")).queue(QUEUE).id(id).header(HEADER.0, HEADER.1);
    request.unique_for(Duration::from_secs(3_600)).await
}

fn sleeping(ms: &'static str) -> RawTask {
    RawTask { task_type: TaskType::new("sleep:").unwrap(), payload: ms.into() }
}

async fn leases_are_long_over(raw: &Raw) {
    let key = format!("asynq:{{{QUEUE}}}:lease");
    within(UNTIL_RECOVERABLE, "leases to be over for half a minute", async || {
        let now = raw.text(&["TIME"]).await.into_list("look").unwrap().remove(0);
        let now = String::from_utf8(now.into_bytes("look").unwrap().unwrap().into()).unwrap();
        let over = (now.parse::<i64>().unwrap() - 31).to_string();
        (raw.int(&["ZCOUNT", &key, "-inf", &over]).await == 3).then_some(())
    })
    .await;
}
