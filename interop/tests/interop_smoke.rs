//! The harness itself: Go enqueues, Go works, Go looks.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::path::Path;
use std::time::Duration;

use aftercommit_servers::RedisServer;
use reqwest::{Method, StatusCode};

use aftercommit_interop::effects::{self, Moment};
use aftercommit_interop::{
    Config, Dump, Entry, GoClient, GoInspector, GoMon, GoScheduler, Options, Page, Redis, Request,
    SchedulerEntry, Stored, Task, TaskInfo, WireValue, Worker,
};

/// Ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK_EVERY: Duration = Duration::from_millis(20);

fn kept(id: &str) -> Options {
    Options { id: Some(id.to_owned()), retention_ms: Some(3_600_000), ..Options::default() }
}

/// A server that is quick about everything asynq lets one hurry.
fn hasty() -> Config {
    Config {
        concurrency: Some(4),
        task_check_ms: Some(20),
        delayed_check_ms: Some(100),
        retry_delay_ms: Some(0),
        log_level: Some("error".to_owned()),
        ..Config::default()
    }
}

async fn completed(inspector: &mut GoInspector, id: &str) -> TaskInfo {
    let look = async {
        loop {
            if let Some(info) = inspector.task("default", id).await.unwrap()
                && info.state == "completed"
            {
                return info;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    tokio::time::timeout(PATIENCE, look).await.unwrap()
}

#[tokio::test]
async fn go_enqueues_go_works_and_both_releases_see_it_completed() {
    let server = RedisServer::start().unwrap();
    let redis = Redis::at(server.addr(), 0);
    let directory = tempfile::tempdir().unwrap();
    let effects = directory.path().join("effects");
    let mut client = GoClient::start(&redis).await.unwrap();
    let mut inspector = GoInspector::start(&redis).await.unwrap();
    let mut old = GoInspector::start_025(&redis).await.unwrap();

    let mut task = Task::new("headers:echo", *b"\0\xff").with(kept("one"));
    task.headers.insert("traceparent".into(), "00-aa-bb-01".into());
    let info = client.enqueue(&task).await.unwrap();
    assert_eq!((info.id.as_str(), info.state.as_str()), ("one", "pending"));
    let refused =
        client.enqueue_many(&[task.clone(), Task::new("flaky:", "1").with(kept("two"))]).await.unwrap();
    assert_eq!(refused[0].as_ref().unwrap_err().name, "id_conflict");
    assert!(refused[1].is_ok());

    let worker = Worker::start_go(&redis, &hasty(), &effects).await.unwrap();
    let info = completed(&mut inspector, "one").await;
    assert_eq!(info.payload.as_deref(), Some(&b"\0\xff"[..]));
    assert_eq!(info.headers, Some(task.headers.clone()));
    assert_eq!(info.result.as_deref(), Some(&br#"{"traceparent":"00-aa-bb-01"}"#[..]));
    assert_eq!(completed(&mut inspector, "two").await.retried, 1);
    let before = old.task("default", "one").await.unwrap().unwrap();
    assert_eq!(before, TaskInfo { headers: None, ..info });
    assert_eq!(inspector.servers().await.unwrap()[0].pid, i64::from(worker.pid));
    let pid = worker.pid;
    worker.stop().await.unwrap();

    assert_eq!(inspector.servers().await.unwrap(), []);
    assert_eq!(runs_of_two(&effects, pid), [(0, "error".to_owned()), (1, "ok".to_owned())]);
    let queue = inspector.queue("default").await.unwrap();
    assert_eq!((queue.completed, queue.processed_total, queue.failed_total), (2, 3, 1));
}

fn runs_of_two(effects: &Path, pid: u32) -> Vec<(u32, String)> {
    let effects = effects::read(effects).unwrap();
    assert!(effects.iter().all(|effect| effect.pid == pid && effect.language == "go"));
    let ends = effects.into_iter().filter(|effect| effect.id == "two");
    ends.filter_map(|effect| match effect.moment {
        Moment::Start => None,
        Moment::End { outcome } => Some((effect.attempt, outcome)),
    })
    .collect()
}

#[tokio::test]
async fn everything_that_lies_in_redis_can_be_read() {
    let server = RedisServer::start().unwrap();
    let redis = Redis::at(server.addr(), 0);
    let mut client = GoClient::start(&redis).await.unwrap();
    client.ping().await.unwrap();
    client.enqueue(&Task::new("ok:", "x").with(kept("one"))).await.unwrap();

    let dump = Dump::of(&redis).await.unwrap();
    assert_eq!(dump.keys.len(), 3);
    assert!(matches!(dump.get("asynq:{default}:pending"), Some(Stored::List { items }) if items.len() == 1));
    let message = dump.message("default", "one").unwrap();
    assert!(message.hex.starts_with("0a036f6b3a"));
    assert_eq!(message.fields.as_ref().unwrap()["12"], [WireValue::Number(3600)]);
}

#[tokio::test]
async fn changes_are_answered_and_refused() {
    let server = RedisServer::start().unwrap();
    let redis = Redis::at(server.addr(), 0);
    let mut client = GoClient::start(&redis).await.unwrap();
    let mut inspector = GoInspector::start(&redis).await.unwrap();
    assert_eq!(inspector.queues().await.unwrap(), Vec::<String>::new());
    let later = Options { process_in_ms: Some(3_600_000), ..kept("one") };
    client.enqueue(&Task::new("ok:", "x").with(later)).await.unwrap();

    let (queue, id) = ("default", "one");
    let payload = Some(b"y".to_vec());
    inspector.ask::<()>(Request::UpdateTaskPayload { queue, id, payload }).await.unwrap();
    let listed: Vec<TaskInfo> =
        inspector.ask(Request::ListScheduled { queue, page: Page::default() }).await.unwrap();
    assert_eq!(listed[0].payload.as_deref(), Some(&b"y"[..]));
    assert_eq!(inspector.ask::<u32>(Request::RunAllScheduled { queue }).await.unwrap(), 1);
    let refused = inspector.ask::<()>(Request::RunTask { queue, id }).await.unwrap_err();
    assert_eq!(refused.name(), Some("failed_precondition"));
    let refused = inspector.ask::<()>(Request::DeleteQueue { queue, force: false }).await.unwrap_err();
    assert_eq!(refused.name(), Some("queue_not_empty"));
    inspector.ask::<()>(Request::DeleteTask { queue, id }).await.unwrap();
    assert_eq!(inspector.task(queue, id).await.unwrap(), None);
}

#[tokio::test]
async fn schedules_and_asynqmon_can_be_started() {
    let server = RedisServer::start().unwrap();
    let redis = Redis::at(server.addr(), 0);
    let mut inspector = GoInspector::start(&redis).await.unwrap();
    let entries = [Entry { spec: "0 0 1 1 *".to_owned(), task: Task::new("ok:", "x") }];
    let scheduler = GoScheduler::start(&redis, &entries, Duration::from_millis(500)).await.unwrap();
    let look = async {
        loop {
            let entries: Vec<SchedulerEntry> = inspector.ask(Request::SchedulerEntries).await.unwrap();
            if let [entry] = &entries[..] {
                return entry.clone();
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let entry = tokio::time::timeout(PATIENCE, look).await.unwrap();
    assert_eq!((entry.id, entry.prev), (scheduler.entries[0].clone(), None));
    scheduler.stop().await.unwrap();

    let mon = GoMon::start(&redis).await.unwrap();
    let (status, servers) = mon.ask(Method::GET, "servers").await.unwrap();
    assert_eq!((status, servers.trim()), (StatusCode::OK, r#"{"servers":[]}"#));
    let (status, _) = mon.ask(Method::GET, "queues/default/tasks/none").await.unwrap();
    assert_eq!(status, StatusCode::NOT_FOUND);
    mon.stop().await.unwrap();
}
