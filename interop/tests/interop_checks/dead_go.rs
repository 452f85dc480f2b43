//! Check 7: a worker of Go is killed, and ours takes over; it also repairs what Go cannot: active tasks without a lease,
//! ids without a task, messages that cannot be read.

use std::path::Path;
use std::time::Duration;

use aftercommit_interop::effects::{self, Moment};
use aftercommit_interop::{GoClient, GoInspector, Options, Page, Request, Task, TaskInfo};

use aftercommit_redis::internals::Reply;

use crate::ground::{Ground, Raw, hasty, until, within};
use crate::report;

const QUEUE: &str = "seven";
/// What a lease lasts, and ours to look, and the task to run.
const UNTIL_RUN_AGAIN: Duration = Duration::from_secs(60);
const GOOD: usize = 50;

pub(crate) async fn we_take_over_from_a_dead_worker_of_go() {
    let ground = Ground::new();
    let raw = ground.raw(0);
    let mut client = GoClient::start(&ground.redis(0)).await.unwrap();
    for id in ["first", "second"] {
        client.enqueue(&kept("sleep:", "3000", id)).await.unwrap();
    }
    let worker = ground.go(0, &hasty([QUEUE]), "effects").await;
    raw.reaches(QUEUE, "first", "active").await;
    raw.reaches(QUEUE, "second", "active").await;
    let dead = worker.pid;
    worker.kill().await.unwrap();
    spoil(&raw, &mut client).await;

    let worker = ground.rust(0, &hasty([QUEUE]), "effects").await;
    // Good tasks flow while ours repairs.
    for number in 0..GOOD {
        client.enqueue(&kept("ok:", "x", &format!("good-{number}"))).await.unwrap();
    }
    for number in 0..GOOD {
        raw.reaches(QUEUE, &format!("good-{number}"), "completed").await;
    }
    let mut inspector = GoInspector::start(&ground.redis(0)).await.unwrap();
    let repaired = repaired(&raw, &mut inspector).await;

    for id in ["first", "second"] {
        within(UNTIL_RUN_AGAIN, "the task of the dead worker", async || {
            (raw.state(QUEUE, id).await == "completed").then_some(())
        })
        .await;
        let info = inspector.task(QUEUE, id).await.unwrap().unwrap();
        assert_eq!((info.retried, info.last_err.as_str()), (0, ""), "no attempt was burnt");
        assert_eq!(info.headers.unwrap()["traceparent"], "00-aa-bb-01");
        assert_eq!(runs(&ground.effects("effects"), id), [(dead, None), (worker.pid, Some("ok".to_owned()))]);
    }
    let queue = inspector.queue(QUEUE).await.unwrap();
    assert_eq!((queue.active, queue.pending, queue.failed_total), (0, 0, 0));
    worker.stop().await.unwrap();
    report::passed(
        "7",
        "Rust recovers Go",
        2 + repaired,
        "run again after the lease, the broken repaired or archived",
    );
}

fn kept(task_type: &str, payload: &str, id: &str) -> Task {
    let options = Options {
        id: Some(id.to_owned()),
        queue: Some(QUEUE.to_owned()),
        retention_ms: Some(3_600_000),
        ..Options::default()
    };
    let mut task = Task::new(task_type, payload).with(options);
    task.headers.insert("traceparent".to_owned(), "00-aa-bb-01".to_owned());
    task
}

const GARBAGE: &[u8] = b"\xff\xfe this is no message";

fn key(name: &str) -> String {
    format!("asynq:{{{QUEUE}}}:{name}")
}

/// What a Redis may look like after years of asynq.
async fn spoil(raw: &Raw, client: &mut GoClient) {
    // A good task, active, without a lease.
    client.enqueue(&kept("ok:", "x", "unleased")).await.unwrap();
    raw.text(&["LREM", &key("pending"), "0", "unleased"]).await;
    raw.text(&["LPUSH", &key("active"), "unleased"]).await;
    raw.text(&["HSET", &key("t:unleased"), "state", "active"]).await;
    // Ids without a task, as asynq's dequeue leaves them, and others.
    raw.text(&["LPUSH", &key("active"), "ghost-of-dequeue", "ghost-without-anything"]).await;
    raw.text(&["ZADD", &key("lease"), "1700000000", "ghost-of-dequeue"]).await;
    raw.text(&["HSET", &key("t:ghost-of-dequeue"), "state", "active"]).await;
    raw.text(&["RPUSH", &key("pending"), "ghost-that-waits"]).await;
    raw.text(&["ZADD", &key("scheduled"), "1700000000", "ghost-that-is-due"]).await;
    // Messages that cannot be read: waiting, due, and in the hands of the dead.
    for (id, state) in
        [("poison-pending", "pending"), ("poison-due", "scheduled"), ("poison-active", "active")]
    {
        let hash = key(&format!("t:{id}"));
        raw.ask(&[b"HSET", hash.as_bytes(), b"state", state.as_bytes(), b"msg", GARBAGE]).await;
    }
    raw.text(&["LPUSH", &key("pending"), "poison-pending"]).await;
    raw.text(&["ZADD", &key("scheduled"), "1700000000", "poison-due"]).await;
    raw.text(&["LPUSH", &key("active"), "poison-active"]).await;
    raw.text(&["ZADD", &key("lease"), "1700000000", "poison-active"]).await;
}

/// Waits until all of that is in order, as Go sees it too, and says how much it was.
async fn repaired(raw: &Raw, inspector: &mut GoInspector) -> usize {
    raw.reaches(QUEUE, "unleased", "completed").await;
    let ghosts = ["ghost-of-dequeue", "ghost-without-anything", "ghost-that-waits", "ghost-that-is-due"];
    for ghost in ghosts {
        until(&format!("{ghost} to be gone"), async || {
            let left = [
                raw.int(&["EXISTS", &key(&format!("t:{ghost}"))]).await,
                i64::from(raw.text(&["LPOS", &key("active"), ghost]).await != Reply::Nil),
                i64::from(raw.text(&["LPOS", &key("pending"), ghost]).await != Reply::Nil),
                i64::from(raw.text(&["ZSCORE", &key("lease"), ghost]).await != Reply::Nil),
                i64::from(raw.text(&["ZSCORE", &key("scheduled"), ghost]).await != Reply::Nil),
            ];
            (left == [0; 5]).then_some(())
        })
        .await;
    }
    let poison = ["poison-pending", "poison-due", "poison-active"];
    for id in poison {
        raw.reaches(QUEUE, id, "archived").await;
        let info = inspector.task(QUEUE, id).await.unwrap().unwrap();
        assert!(info.last_err.contains("cannot be decoded"), "{}", info.last_err);
        let bytes = raw.text(&["HGET", &key(&format!("t:{id}")), "x_raw"]).await;
        assert_eq!(bytes.into_bytes("look").unwrap().as_deref(), Some(GARBAGE), "nothing is thrown away");
    }
    let request = Request::ListArchived { queue: QUEUE, page: Page::default() };
    let archived: Vec<TaskInfo> = inspector.ask(request).await.unwrap();
    assert_eq!(archived.len(), poison.len(), "asynq can show them");
    1 + ghosts.len() + poison.len()
}

/// Who ran a task, and how that ended.
fn runs(effects: &Path, id: &str) -> Vec<(u32, Option<String>)> {
    let mut runs: Vec<(u32, Option<String>)> = Vec::new();
    for effect in effects::read(effects).unwrap().into_iter().filter(|effect| effect.id == id) {
        match effect.moment {
            Moment::Start => runs.push((effect.pid, None)),
            Moment::End { outcome } => {
                let run = runs.iter_mut().rev().find(|(pid, _)| *pid == effect.pid);
                run.expect("what ends has begun").1 = Some(outcome);
            }
        }
    }
    runs
}
