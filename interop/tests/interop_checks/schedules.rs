//! Check 10, the records of schedulers: each side shows those of the other.

use std::time::Duration;

use aftercommit::{
    Bytes, Clock as _, ScheduleEntry, Schedules as _, SystemClock, TaskId, Timestamp, WorkerId,
};
use aftercommit_interop::{
    EnqueueEvent, Entry, GoInspector, GoMon, GoScheduler, Options, Page, Request, SchedulerEntry, Task,
};
use reqwest::{Method, StatusCode};

use crate::ground::{Ground, queue, until};
use crate::report;

fn entry(id: &str, previous_at: Option<Timestamp>) -> ScheduleEntry {
    ScheduleEntry {
        id: id.to_owned(),
        spec: "@every 30s".to_owned(),
        task_type: "ok:scheduled".to_owned(),
        payload: Bytes::from_static(b"x"),
        options: [r#"Queue("critical")"#, "MaxRetry(3)", "Timeout(30s)", "Retention(24h0m0s)"]
            .map(str::to_owned)
            .to_vec(),
        next_at: Some(Timestamp::from_millis(1_900_000_000_250)),
        previous_at,
    }
}

#[tokio::test]
async fn go_shows_our_schedules() {
    let ground = Ground::new();
    let backend = ground.backend(0);
    let scheduler = WorkerId::random("host", 7);
    let previous = Timestamp::from_millis(1_800_000_000_750);
    let entries = [entry("never", None), entry("before", Some(previous))];
    backend.announce(&scheduler, &entries, Duration::from_secs(60)).await.unwrap();
    let events: Vec<aftercommit::EnqueueEvent> = (0..3)
        .map(|number| aftercommit::EnqueueEvent {
            task: TaskId::new(format!("task-{number}")).unwrap(),
            at: Timestamp::from_millis(1_800_000_000_750 + number * 1_000),
        })
        .collect();
    for event in &events {
        backend.record("before", event).await.unwrap();
    }

    for mut inspector in [
        GoInspector::start(&ground.redis(0)).await.unwrap(),
        GoInspector::start_025(&ground.redis(0)).await.unwrap(),
    ] {
        let shown: Vec<SchedulerEntry> = inspector.ask(Request::SchedulerEntries).await.unwrap();
        let ids: Vec<(&str, Option<i64>)> = shown.iter().map(|entry| (&*entry.id, entry.prev)).collect();
        let previous = previous.as_millis() * 1_000_000;
        assert_eq!(
            ids,
            [("never", None), ("before", Some(previous))],
            "never is Go's zero time, and N/A in its tools"
        );
        assert_eq!(shown[0].next, Some(1_900_000_000_250_000_000));
        assert_eq!(shown[0].options, entries[0].options, "asynq parses them");
        assert_eq!((&*shown[0].spec, shown[0].payload.as_deref()), ("@every 30s", Some(&b"x"[..])));
        let request = Request::EnqueueEvents { entry: "before", page: Page::default() };
        let shown: Vec<EnqueueEvent> = inspector.ask(request).await.unwrap();
        let newest_first = events.iter().rev().map(|event| EnqueueEvent {
            task_id: event.task.to_string(),
            enqueued_at: Some(event.at.as_millis() * 1_000_000),
        });
        assert_eq!(shown, newest_first.collect::<Vec<_>>());
    }
    let mon = GoMon::start(&ground.redis(0)).await.unwrap();
    let (status, text) = mon.ask(Method::GET, "scheduler_entries").await.unwrap();
    assert_eq!(status, StatusCode::OK);
    let shown: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(shown["entries"].as_array().unwrap().len(), 2);
    assert!(
        shown["entries"].as_array().unwrap().iter().any(|entry| entry.get("prev_enqueue_at").is_none()),
        "{text}"
    );
    let (status, text) = mon.ask(Method::GET, "scheduler_entries/before/enqueue_events").await.unwrap();
    assert_eq!((status, text.matches("task-").count()), (StatusCode::OK, 3), "{text}");
    mon.stop().await.unwrap();

    backend.withdraw(&scheduler).await.unwrap();
    let mut inspector = GoInspector::start(&ground.redis(0)).await.unwrap();
    assert_eq!(inspector.ask::<Vec<SchedulerEntry>>(Request::SchedulerEntries).await.unwrap(), []);
    report::passed(
        "10",
        "schedules, Rust -> Go 0.26, 0.25, asynqmon",
        5,
        "entries and events shown, never as N/A",
    );
}

#[tokio::test]
async fn we_show_the_schedules_of_go() {
    let ground = Ground::new();
    let backend = ground.backend(0);
    let started: Timestamp = SystemClock.now();
    let options = Options {
        queue: Some("critical".to_owned()),
        max_retry: Some(3),
        unique_ms: Some(1_000),
        ..Options::default()
    };
    let entries = [
        Entry { spec: "0 0 1 1 *".to_owned(), task: Task::new("ok:yearly", "y").with(options) },
        Entry { spec: "@every 1s".to_owned(), task: Task::new("ok:often", "o") },
    ];
    let scheduler = GoScheduler::start(&ground.redis(0), &entries, Duration::from_millis(500)).await.unwrap();
    let shown = until("Go's entries", async || {
        let shown = backend.entries().await.unwrap();
        shown.iter().any(|entry| entry.previous_at.is_some()).then_some(shown)
    })
    .await;
    let mut theirs = GoInspector::start(&ground.redis(0)).await.unwrap();
    assert_eq!(shown.len(), 2);
    let yearly = shown.iter().find(|entry| entry.id == scheduler.entries[0]).unwrap();
    assert_eq!((&*yearly.spec, &*yearly.task_type, &*yearly.payload), ("0 0 1 1 *", "ok:yearly", &b"y"[..]));
    assert_eq!(yearly.options, [r#"Queue("critical")"#, "MaxRetry(3)", "Unique(1s)"]);
    assert_eq!(yearly.previous_at, None);
    assert!(yearly.next_at.unwrap() > started);
    let often = shown.iter().find(|entry| entry.id == scheduler.entries[1]).unwrap();
    assert!(often.previous_at.unwrap() >= started && often.next_at > often.previous_at);

    let events = until("an event", async || {
        let events = backend.events(&scheduler.entries[1], aftercommit::Page::first(1)).await.unwrap();
        events.into_iter().next()
    })
    .await;
    let request = Request::EnqueueEvents { entry: &scheduler.entries[1], page: Page::default() };
    let theirs: Vec<EnqueueEvent> = theirs.ask(request).await.unwrap();
    let same = theirs.iter().find(|event| event.task_id == events.task.as_str()).unwrap();
    assert_eq!(same.enqueued_at.unwrap() / 1_000_000, events.at.as_millis());
    let stored = ground.inspector(0).get(&queue("default"), &events.task).await.unwrap().unwrap();
    assert_eq!(stored.message.task_type.as_str(), "ok:often");
    scheduler.stop().await.unwrap();
    assert_eq!(backend.entries().await.unwrap(), [], "gone with its scheduler");
    report::passed("10", "schedules, Go -> Rust", 3, "entries, options, times and events read");
}
