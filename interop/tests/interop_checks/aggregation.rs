//! Check 10, what is quick of it: groups that one side fills and the other empties, and the records of schedulers.

use std::collections::BTreeSet;
use std::time::Duration;

use aftercommit::{
    Bytes, Clock as _, Groups as _, ScheduleEntry, Schedules as _, SystemClock, TaskId, Timestamp, WorkerId,
};
use aftercommit_interop::{
    EnqueueEvent, Entry, GoClient, GoInspector, GoMon, GoScheduler, GroupInfo, Options, Page, Request,
    SchedulerEntry, Task,
};
use reqwest::{Method, StatusCode};

use crate::ground::{Ground, hasty, queue, until};
use crate::report;
use crate::stuck_groups::{
    GROUP, MEMBERS, QUEUE, aggregated, aggregating, enqueue, enqueue_by_go, hanging, is_held, is_put_back,
    nothing_is_left,
};

#[tokio::test]
async fn groups_that_one_side_fills_the_other_empties() {
    let ground = Ground::new();
    let (raw, redis, ours) = (ground.raw(0), ground.redis(0), ground.client(0));
    let mut client = GoClient::start(&redis).await.unwrap();
    let mut theirs = GoInspector::start(&redis).await.unwrap();
    for (filled_by_go, name) in [(true, "rust"), (false, "go")] {
        if filled_by_go {
            enqueue_by_go(&mut client, &MEMBERS).await;
        } else {
            for member in MEMBERS {
                enqueue(&ours, member).await;
            }
        }
        let group = GroupInfo { group: GROUP.to_owned(), size: 3 };
        assert_eq!(theirs.groups(QUEUE).await.unwrap(), [group]);
        let listed = ground.inspector(0).groups().unwrap().groups(&queue(QUEUE)).await.unwrap();
        assert_eq!(
            listed.iter().map(|group| (group.group.as_str(), group.size)).collect::<Vec<_>>(),
            [(GROUP, 3)]
        );
        let config = aggregating();
        let worker = if filled_by_go {
            ground.rust(0, &config, name).await
        } else {
            ground.go(0, &config, name).await
        };
        assert_eq!(aggregated(&ground.effects(name), 1).await, [BTreeSet::from(MEMBERS.map(str::to_owned))]);
        nothing_is_left(&raw).await;
        worker.stop().await.unwrap();
        // Ours frees the locks of what was aggregated; Go's leaves them to their time.
        let locks = raw.text(&["KEYS", "asynq:{ten}:unique:*"]).await.into_list("look").unwrap().len();
        assert_eq!(locks, if filled_by_go { 0 } else { MEMBERS.len() });
        raw.text(&["FLUSHALL"]).await;
        raw.text(&["SADD", "asynq:queues", QUEUE]).await;
    }
    report::passed(
        "10",
        "groups, both ways",
        2,
        "one task of all members; ours frees their locks, Go's does not",
    );
}

#[tokio::test]
async fn groups_that_both_sides_fill_and_empty_lose_and_repeat_nothing() {
    const ADDED: usize = 200;
    let ground = Ground::new();
    let (raw, redis, ours) = (ground.raw(0), ground.redis(0), ground.client(0));
    let mut client = GoClient::start(&redis).await.unwrap();
    let workers =
        [ground.go(0, &aggregating(), "effects").await, ground.rust(0, &aggregating(), "effects").await];
    let mut expected = BTreeSet::new();
    for number in 0..ADDED {
        let member: &'static str = format!("member-{number}").leak();
        expected.insert(member.to_owned());
        if number % 2 == 0 {
            enqueue_by_go(&mut client, &[member]).await;
        } else {
            enqueue(&ours, member).await;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let mut seen = Vec::new();
    until("every member to be aggregated", async || {
        seen = aggregated(&ground.effects("effects"), 1).await;
        (seen.iter().map(BTreeSet::len).sum::<usize>() >= ADDED).then_some(())
    })
    .await;
    assert_eq!(seen.iter().map(BTreeSet::len).sum::<usize>(), ADDED, "each once");
    assert_eq!(seen.into_iter().flatten().collect::<BTreeSet<_>>(), expected);
    nothing_is_left(&raw).await;
    for worker in workers {
        worker.stop().await.unwrap();
    }
    report::passed("10", "groups, mixed fleet", ADDED, "each member in one aggregated task");
}

#[tokio::test]
async fn a_group_that_go_puts_back_is_listed_again() {
    let ground = Ground::new();
    let (raw, backend) = (ground.raw(0), ground.backend(0));
    enqueue_by_go(&mut GoClient::start(&ground.redis(0)).await.unwrap(), &MEMBERS).await;
    let worker = ground.go(0, &hanging(), "effects").await;
    is_held(&raw).await;
    worker.kill().await.unwrap();
    let look = async || backend.reclaim(&[queue(QUEUE)], 10).await.unwrap();
    assert_eq!(look().await, 0, "it is held");
    // As if its two minutes were over: of the live workers only Go's comes to see it.
    let set = raw
        .text(&["ZRANGE", "asynq:{ten}:aggregation_sets", "0", "-1"])
        .await
        .into_list("look")
        .unwrap()
        .remove(0);
    let set = set.into_bytes("look").unwrap().unwrap();
    raw.ask(&[b"ZADD", b"asynq:{ten}:aggregation_sets", b"1700000000", &set]).await;
    let worker = ground.go(0, &hasty([QUEUE]), "effects").await;
    is_put_back(&raw).await;
    worker.stop().await.unwrap();
    let mut theirs = GoInspector::start(&ground.redis(0)).await.unwrap();
    assert_eq!(theirs.groups(QUEUE).await.unwrap(), [], "asynq does not list it");
    assert_eq!(look().await, 0, "there is nothing to put back");
    assert_eq!(theirs.groups(QUEUE).await.unwrap(), [GroupInfo { group: GROUP.to_owned(), size: 3 }]);
    look().await;
    assert_eq!(raw.int(&["EXISTS", "asynq:{ten}:x:held"]).await, 0);
    report::passed("10", "a group that Go puts back", 1, "listed again by ours");
}

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
