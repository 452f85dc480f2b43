//! Cases about what schedulers tell operators: their entries, and what they have enqueued.

use std::time::Duration;

use aftercommit_core::{
    ENQUEUE_EVENTS_LIFE, EnqueueEvent, MAX_ENQUEUE_EVENTS, Page, ScheduleEntry, SchedulerId,
};

use super::Stage;
use super::task::{SECOND, id};

area!(conformance_of_schedules, schedules:
    entries_read_back_as_they_were_announced,
    an_announcement_replaces_the_one_before,
    an_announcement_is_believed_for_its_ttl_and_no_longer,
    each_announcement_starts_the_ttl_anew,
    schedulers_come_and_go_apart_from_each_other,
    a_scheduler_that_withdraws_is_gone_with_its_events,
    events_of_an_entry_that_another_scheduler_has_are_kept,
    a_scheduler_that_nobody_knows_may_withdraw,
    events_are_told_newest_first_in_pages,
    events_of_entries_are_kept_apart,
    no_more_events_are_kept_than_the_library_allows,
    events_that_nobody_adds_to_pass_away,
    an_unknown_entry_has_no_events,
);

const TTL: Duration = Duration::from_secs(20);

fn scheduler(name: &str) -> SchedulerId {
    SchedulerId::from_stored(&format!("suite-host:1:{name}"))
}

/// An entry with nothing special about it.
fn entry(name: &str) -> ScheduleEntry {
    ScheduleEntry {
        id: name.into(),
        spec: "@every 30s".into(),
        task_type: "report:send".into(),
        payload: "{}".into(),
        options: Vec::new(),
        next_at: None,
        previous_at: None,
    }
}

async fn announce(s: &Stage, name: &str, entries: &[&str]) {
    let entries: Vec<_> = entries.iter().map(|name| entry(name)).collect();
    s.schedules().announce(&scheduler(name), &entries, TTL).await.expect("announce");
}

async fn withdraw(s: &Stage, name: &str) {
    s.schedules().withdraw(&scheduler(name)).await.expect("withdraw");
}

/// The entries by name, in the order in which they are told.
async fn entries(s: &Stage) -> Vec<String> {
    s.schedules().entries().await.expect("entries").into_iter().map(|entry| entry.id).collect()
}

/// An entry enqueues a task now.
async fn record(s: &Stage, entry: &str, task: &str) {
    let event = EnqueueEvent { task: id(task), at: s.now() };
    s.schedules().record(entry, &event).await.expect("record");
}

async fn page(s: &Stage, entry: &str, offset: usize, limit: usize) -> Vec<String> {
    let events = s.schedules().events(entry, Page { offset, limit }).await.expect("events");
    events.into_iter().map(|event| event.task.to_string()).collect()
}

async fn events(s: &Stage, entry: &str) -> Vec<String> {
    page(s, entry, 0, MAX_ENQUEUE_EVENTS * 2).await
}

async fn entries_read_back_as_they_were_announced(s: Stage) {
    let full = ScheduleEntry {
        id: "it's: {an} entry ☃".into(),
        spec: "CRON_TZ=Europe/Paris */5 * * * *".into(),
        task_type: "report:send".into(),
        payload: vec![0, 255, 10].into(),
        options: vec![r#"Queue("critical")"#.into(), "MaxRetry(3)".into(), "Timeout(30s)".into()],
        next_at: Some(s.after(SECOND * 5)),
        previous_at: Some(s.now().minus(Duration::from_millis(295_001))),
    };
    let all = [full, entry("plain")];
    s.schedules().announce(&scheduler("a"), &all, TTL).await.expect("announce");
    assert_eq!(s.schedules().entries().await.expect("entries"), all);
}

async fn an_announcement_replaces_the_one_before(s: Stage) {
    announce(&s, "a", &["z", "x", "y"]).await;
    assert_eq!(entries(&s).await, ["z", "x", "y"], "in the order in which they were given");
    announce(&s, "a", &["y", "w"]).await;
    assert_eq!(entries(&s).await, ["y", "w"]);
    announce(&s, "a", &[]).await;
    assert_eq!(entries(&s).await, [""; 0]);
}

async fn an_announcement_is_believed_for_its_ttl_and_no_longer(s: Stage) {
    announce(&s, "a", &["x"]).await;
    s.pass(TTL - s.margin()).await;
    assert_eq!(entries(&s).await, ["x"], "just before");
    s.pass(s.margin()).await;
    assert_eq!(entries(&s).await, [""; 0], "when it is over");
}

async fn each_announcement_starts_the_ttl_anew(s: Stage) {
    for _ in 0..5 {
        announce(&s, "a", &["x"]).await;
        s.pass(TTL / 2).await;
        assert_eq!(entries(&s).await, ["x"]);
    }
}

async fn schedulers_come_and_go_apart_from_each_other(s: Stage) {
    announce(&s, "b", &["b1", "b2"]).await;
    s.pass(TTL / 2).await;
    announce(&s, "c", &["c1"]).await;
    announce(&s, "a", &["a1"]).await;
    assert_eq!(entries(&s).await, ["a1", "b1", "b2", "c1"], "by name of the scheduler");
    s.pass(TTL / 2).await;
    assert_eq!(entries(&s).await, ["a1", "c1"]);
    withdraw(&s, "a").await;
    assert_eq!(entries(&s).await, ["c1"]);
}

async fn a_scheduler_that_withdraws_is_gone_with_its_events(s: Stage) {
    announce(&s, "a", &["x", "y"]).await;
    for entry in ["x", "y", "of nobody"] {
        record(&s, entry, "task").await;
    }
    withdraw(&s, "a").await;
    assert_eq!(entries(&s).await, [""; 0]);
    assert_eq!(events(&s, "x").await, [""; 0]);
    assert_eq!(events(&s, "y").await, [""; 0]);
    assert_eq!(events(&s, "of nobody").await, ["task"]);
    announce(&s, "a", &["x"]).await;
    assert_eq!(entries(&s).await, ["x"], "it may come back");
}

async fn events_of_an_entry_that_another_scheduler_has_are_kept(s: Stage) {
    announce(&s, "a", &["shared", "alone"]).await;
    announce(&s, "b", &["shared"]).await;
    for entry in ["shared", "alone"] {
        record(&s, entry, "task").await;
    }
    withdraw(&s, "a").await;
    assert_eq!((events(&s, "shared").await, events(&s, "alone").await), (vec!["task".into()], vec![]));
    withdraw(&s, "b").await;
    assert_eq!(events(&s, "shared").await, [""; 0]);
}

async fn a_scheduler_that_nobody_knows_may_withdraw(s: Stage) {
    announce(&s, "a", &["x"]).await;
    record(&s, "x", "task").await;
    withdraw(&s, "b").await;
    assert_eq!((entries(&s).await, events(&s, "x").await), (vec!["x".into()], vec!["task".into()]));
}

async fn events_are_told_newest_first_in_pages(s: Stage) {
    let mut wanted = Vec::new();
    for i in 0..10 {
        s.pass(SECOND).await;
        record(&s, "x", &i.to_string()).await;
        wanted.insert(0, EnqueueEvent { task: id(&i.to_string()), at: s.now() });
    }
    assert_eq!(s.schedules().events("x", Page::first(100)).await.expect("events"), wanted);
    assert_eq!(page(&s, "x", 0, 3).await, ["9", "8", "7"]);
    assert_eq!(page(&s, "x", 3, 3).await, ["6", "5", "4"]);
    assert_eq!(page(&s, "x", 9, 3).await, ["0"]);
    assert_eq!(page(&s, "x", 10, 3).await, [""; 0]);
    assert_eq!(page(&s, "x", 0, 0).await, [""; 0]);
}

async fn events_of_entries_are_kept_apart(s: Stage) {
    for entry in ["x", "it's ☃", "x:y"] {
        record(&s, entry, entry).await;
    }
    assert_eq!(events(&s, "x").await, ["x"]);
    assert_eq!(events(&s, "it's ☃").await, ["it's ☃"]);
    assert_eq!(entries(&s).await, [""; 0], "an event does not make an entry");
}

async fn no_more_events_are_kept_than_the_library_allows(s: Stage) {
    let last = MAX_ENQUEUE_EVENTS + 2;
    for (i, second) in (0..=last).zip(0..) {
        let event = EnqueueEvent { task: id(&i.to_string()), at: s.after(SECOND * second) };
        s.schedules().record("x", &event).await.expect("record");
    }
    let kept = events(&s, "x").await;
    assert_eq!(kept.len(), MAX_ENQUEUE_EVENTS);
    assert_eq!((kept[0].clone(), kept[kept.len() - 1].clone()), (last.to_string(), "3".into()));
}

async fn events_that_nobody_adds_to_pass_away(s: Stage) {
    record(&s, "x", "first").await;
    s.pass(ENQUEUE_EVENTS_LIFE - s.margin()).await;
    assert_eq!(events(&s, "x").await, ["first"], "just before");
    record(&s, "x", "second").await;
    s.pass(ENQUEUE_EVENTS_LIFE - s.margin()).await;
    assert_eq!(events(&s, "x").await, ["second", "first"], "the second keeps the first");
    s.pass(s.margin()).await;
    assert_eq!(events(&s, "x").await, [""; 0], "when it is over");
}

async fn an_unknown_entry_has_no_events(s: Stage) {
    assert_eq!(events(&s, "nowhere").await, [""; 0]);
    assert_eq!(entries(&s).await, [""; 0]);
}
