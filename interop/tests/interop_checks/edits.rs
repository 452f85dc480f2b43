//! Checks 4 and 5, the rest of what is changed: payloads, ids that are used again, and what asynqmon's buttons do.

use aftercommit::{Action, InspectExt as _, Page, Selection, TaskState};
use aftercommit_interop::{GoInspector, GoMon, Request, Task};
use reqwest::{Method, StatusCode};

use crate::ground::{Ground, hasty, id, queue};
use crate::report;
use crate::state::{Side, task};

const QUEUE: &str = "edits";

fn scheduled(name: &str, in_ms: i64) -> Task {
    let mut task = task(QUEUE, name, "result:", "before");
    task.options.process_in_ms = Some(in_ms);
    task
}

#[tokio::test]
async fn a_payload_that_one_side_changes_the_other_runs() {
    let ground = Ground::new();
    let (raw, ours) = (ground.raw(0), ground.inspector(0));
    let mut theirs = GoInspector::start(&ground.redis(0)).await.unwrap();
    Side::Rust.enqueue(&ground, &[scheduled("of-rust", 7_200_250)]).await;
    Side::Go.enqueue(&ground, &[scheduled("of-go", 7_200_250)]).await;
    let request =
        Request::UpdateTaskPayload { queue: QUEUE, id: "of-rust", payload: Some(b"by go".to_vec()) };
    theirs.ask::<()>(request).await.unwrap();
    let done = ours.update_payload(&queue(QUEUE), &id("of-go"), "by rust".into()).await.unwrap();
    assert_eq!(done, Action::Applied);
    let mine = ours.get(&queue(QUEUE), &id("of-rust")).await.unwrap().unwrap();
    assert_eq!((&*mine.message.payload, mine.message.headers.len()), (&b"by go"[..], 1));
    assert_ne!(mine.next_process_at.unwrap().as_millis() % 1_000, 0, "our precision survives Go's rewriting");
    let go = theirs.task(QUEUE, "of-go").await.unwrap().unwrap();
    assert_eq!(
        (go.payload.as_deref(), go.headers.map(|headers| headers.len())),
        (Some(&b"by rust"[..]), Some(1))
    );

    theirs.ask::<()>(Request::RunTask { queue: QUEUE, id: "of-go" }).await.unwrap();
    ours.run(&queue(QUEUE), &id("of-rust")).await.unwrap();
    let worker = ground.go(0, &hasty([QUEUE]), "effects").await;
    for (name, result) in [("of-go", "by rust"), ("of-rust", "by go")] {
        raw.reaches(QUEUE, name, "completed").await;
        let result_of = ours.get(&queue(QUEUE), &id(name)).await.unwrap().unwrap().result.unwrap();
        assert_eq!(&*result_of, result.as_bytes());
    }
    worker.stop().await.unwrap();
    report::passed("5", "payload changed, both ways", 2, "seen, and run by Go's worker");
}

#[tokio::test]
async fn an_id_that_go_uses_again_has_the_times_of_go() {
    let ground = Ground::new();
    let ours = ground.inspector(0);
    let mut theirs = GoInspector::start(&ground.redis(0)).await.unwrap();
    Side::Rust.enqueue(&ground, &[scheduled("again", 3_600_250)]).await;
    let before = ours.get(&queue(QUEUE), &id("again")).await.unwrap().unwrap().next_process_at;
    theirs.ask::<()>(Request::DeleteTask { queue: QUEUE, id: "again" }).await.unwrap();
    Side::Go.enqueue(&ground, &[scheduled("again", 7_200_000)]).await;
    let mine = ours.get(&queue(QUEUE), &id("again")).await.unwrap().unwrap();
    let go = theirs.task(QUEUE, "again").await.unwrap().unwrap();
    crate::same::task(&mine, &go);
    assert!(mine.next_process_at > before);
    report::passed("5", "an id used again by Go", 1, "our side record of its first due time is passed over");
}

#[tokio::test]
async fn we_honour_what_asynqmon_changes() {
    let ground = Ground::new();
    let (raw, ours) = (ground.raw(0), ground.inspector(0));
    let mut tasks: Vec<Task> = ["run", "archive", "delete"].map(|name| scheduled(name, 7_200_250)).into();
    tasks.extend(["archive-all-1", "archive-all-2"].map(|name| task("all", name, "ok:", "x")));
    let mut member = task("all", "member", "ok:", "x");
    member.options.group = Some("g".to_owned());
    tasks.push(member);
    Side::Rust.enqueue(&ground, &tasks).await;
    let mon = GoMon::start(&ground.redis(0)).await.unwrap();
    let mut count = 0;
    for (method, path) in [
        (Method::POST, "queues/edits/scheduled_tasks/run:run"),
        (Method::POST, "queues/edits/scheduled_tasks/archive:archive"),
        (Method::DELETE, "queues/edits/scheduled_tasks/delete"),
        (Method::POST, "queues/all/pending_tasks:archive_all"),
        (Method::POST, "queues/all/groups/g/aggregating_tasks:run_all"),
        (Method::POST, "queues/all:pause"),
        (Method::DELETE, "queues/all/archived_tasks:delete_all"),
    ] {
        let (status, text) = mon.ask(method, path).await.unwrap();
        assert!(status.is_success(), "{path}: {status} {text}");
        count += 1;
    }
    let (status, _) = mon.ask(Method::DELETE, "queues/edits").await.unwrap();
    assert_eq!(status, StatusCode::BAD_REQUEST, "it is not empty");
    mon.stop().await.unwrap();
    let ids = async |name: &str, state| {
        let listed = ours.list(&queue(name), &Selection::State(state), Page::first(9)).await.unwrap();
        listed.iter().map(|task| task.message.id.to_string()).collect::<Vec<_>>()
    };
    assert_eq!(ids(QUEUE, TaskState::Pending).await, ["run"]);
    assert_eq!(ids(QUEUE, TaskState::Archived).await, ["archive"]);
    assert_eq!(ids(QUEUE, TaskState::Scheduled).await, [""; 0]);
    assert_eq!(ids("all", TaskState::Archived).await, [""; 0]);
    assert_eq!(ids("all", TaskState::Pending).await, ["member"]);
    let worker = ground.rust(0, &hasty([QUEUE, "all"]), "effects").await;
    raw.reaches(QUEUE, "run", "completed").await;
    assert_eq!(raw.state("all", "member").await, "pending", "paused by asynqmon");
    worker.stop().await.unwrap();
    report::passed("4", "asynqmon changes Rust's state", count, "honoured by our inspector and our worker");
}
