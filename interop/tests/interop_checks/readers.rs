//! Checks 4 and 5, what is read: all inspectors say the same of a queue with a task in every state, whoever wrote it.

use aftercommit::{Inspector, Page, Selection, TaskState};
use aftercommit_interop as go;
use aftercommit_interop::{GoInspector, GoMon, Request};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::ground::{Ground, id, queue, until};
use crate::report;
use crate::same;
use crate::state::{DUE_MS, GROUPS, PAUSED, QUEUE, Side, fill};

/// The states with the ids of their tasks, in the order of lists.
const STATES: [(TaskState, &[&str]); 6] = [
    (TaskState::Pending, &["p1", "p2", "p3"]),
    (TaskState::Active, &["a1"]),
    (TaskState::Scheduled, &["s1", "s2"]),
    (TaskState::Retry, &["r1"]),
    (TaskState::Archived, &["d1", "d2"]),
    (TaskState::Completed, &["c1", "c2", "c3"]),
];
const LISTS: usize = STATES.len() + GROUPS.len();

#[tokio::test]
async fn go_reads_what_we_wrote() {
    let ground = Ground::new();
    let worker = fill(&ground, Side::Rust).await;
    read_by_all(&ground, Side::Rust).await;
    worker.stop().await.unwrap();
    report::passed(
        "4",
        "Go 0.26, 0.25.1, asynqmon read Rust",
        LISTS + 6,
        "every list, task, queue, history, servers: as ours",
    );
}

#[tokio::test]
async fn we_read_what_go_wrote() {
    let ground = Ground::new();
    let worker = fill(&ground, Side::Go).await;
    read_by_all(&ground, Side::Go).await;
    worker.stop().await.unwrap();
    report::passed("5", "Rust reads Go", LISTS + 6, "every list, task, queue, history, workers: as Go's own");
}

async fn read_by_all(ground: &Ground, side: Side) {
    let ours = ground.inspector(0);
    ours.pause(&queue(PAUSED)).await.unwrap();
    let mut newest = GoInspector::start(&ground.redis(0)).await.unwrap();
    let mut older = GoInspector::start_025(&ground.redis(0)).await.unwrap();
    for go in [&mut newest, &mut older] {
        lists_are_the_same(&ours, go, side).await;
        queues_are_the_same(&ours, go).await;
        workers_are_the_same(&ours, go, side).await;
    }
    asynqmon_shows_it(ground).await;
}

async fn lists_are_the_same(ours: &Inspector, go: &mut GoInspector, side: Side) {
    let name = queue(QUEUE);
    let mut lists: Vec<(Selection, Request<'_>, Vec<&str>)> = Vec::new();
    for (state, ids) in STATES {
        lists.push((Selection::State(state), list(state), ids.to_vec()));
    }
    for (group, ids) in GROUPS {
        let selection = Selection::Group(aftercommit::GroupName::new(group).unwrap());
        lists.push((
            selection,
            Request::ListAggregating { queue: QUEUE, group, page: go::Page::default() },
            ids.to_vec(),
        ));
    }
    for (selection, request, ids) in lists {
        let mine = ours.list(&name, &selection, Page::first(30)).await.unwrap();
        let theirs: Vec<go::TaskInfo> = go.ask(request).await.unwrap();
        let sorted = |mut ids: Vec<String>| {
            // What ended within one second has no order.
            if selection.state().is_terminal() {
                ids.sort();
            }
            ids
        };
        assert_eq!(sorted(mine.iter().map(|task| task.message.id.to_string()).collect()), ids);
        assert_eq!(sorted(theirs.iter().map(|task| task.id.clone()).collect()), ids);
        for mine in &mine {
            let theirs = theirs.iter().find(|task| task.id == mine.message.id.as_str()).unwrap();
            same::task(mine, theirs);
            let theirs = go.task(QUEUE, mine.message.id.as_str()).await.unwrap().unwrap();
            let mine = ours.get(&name, &mine.message.id).await.unwrap().unwrap();
            same::task(&mine, &theirs);
        }
    }
    let due = ours.get(&name, &id("s1")).await.unwrap().unwrap().next_process_at.unwrap().as_millis();
    assert_eq!(
        due,
        if side == Side::Rust { DUE_MS } else { DUE_MS / 1_000 * 1_000 },
        "ours to the millisecond"
    );
}

fn list(state: TaskState) -> Request<'static> {
    let (queue, page) = (QUEUE, go::Page::default());
    match state {
        TaskState::Pending => Request::ListPending { queue, page },
        TaskState::Active => Request::ListActive { queue, page },
        TaskState::Scheduled => Request::ListScheduled { queue, page },
        TaskState::Retry => Request::ListRetry { queue, page },
        TaskState::Archived => Request::ListArchived { queue, page },
        TaskState::Completed => Request::ListCompleted { queue, page },
        TaskState::Aggregating => unreachable!("listed by group"),
    }
}

async fn queues_are_the_same(ours: &Inspector, go: &mut GoInspector) {
    let mut names = go.queues().await.unwrap();
    names.sort();
    let mine: Vec<String> = ours.queues().await.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!((&names, &mine), (&vec![PAUSED.to_owned(), QUEUE.to_owned()], &names));
    for name in names {
        let mine = ours.queue(&queue(&name)).await.unwrap().unwrap();
        let theirs = go.queue(&name).await.unwrap();
        same::queue(&mine, &theirs);
        assert_eq!(theirs.paused, name == PAUSED);
        let days: Vec<go::DayStats> = go.ask(Request::History { queue: &name, days: 3 }).await.unwrap();
        let mine = ours.history(&queue(&name), 3).await.unwrap();
        let numbers =
            |day: &aftercommit::DayCount| [day.processed, day.failed].map(|n| i64::try_from(n).unwrap());
        let mine: Vec<[i64; 2]> = mine.iter().map(numbers).collect();
        assert_eq!(mine, days.iter().map(|day| [day.processed, day.failed]).collect::<Vec<_>>());
        assert_eq!(mine[0][0], if name == QUEUE { 6 } else { 1 });
    }
    let mut groups = go.groups(QUEUE).await.unwrap();
    groups.sort_by(|a, b| a.group.cmp(&b.group));
    let mine = ours.groups().unwrap().groups(&queue(QUEUE)).await.unwrap();
    let mine: Vec<(&str, i64)> =
        mine.iter().map(|group| (group.group.as_str(), i64::try_from(group.size).unwrap())).collect();
    assert_eq!(mine, groups.iter().map(|group| (&*group.group, group.size)).collect::<Vec<_>>());
}

async fn workers_are_the_same(ours: &Inspector, go: &mut GoInspector, side: Side) {
    // A beat may come between two looks.
    until("both to see the same worker", async || {
        let mine = ours.presence().unwrap().workers().await.unwrap();
        let theirs = go.servers().await.unwrap();
        let both = (mine.len(), theirs.len()) == (1, 1) && mine[0].running.len() == 1;
        (both && theirs[0].active_workers.len() == 1).then_some((mine, theirs))
    })
    .await;
    let mine = ours.presence().unwrap().workers().await.unwrap();
    let theirs = go.servers().await.unwrap();
    same::worker(&mine[0], &theirs[0]);
    let payload = theirs[0].active_workers[0].task_payload.as_deref().unwrap_or_default();
    assert_eq!(payload, if side == Side::Go { &b"600000"[..] } else { b"" }, "ours is in the task alone");
}

/// asynqmon's API answers every page, and counts what there is.
async fn asynqmon_shows_it(ground: &Ground) {
    let mon = GoMon::start(&ground.redis(0)).await.unwrap();
    let get = async |path: &str| {
        let (status, text) = mon.ask(Method::GET, path).await.unwrap();
        assert_eq!(status, StatusCode::OK, "{path}: {text}");
        serde_json::from_str::<Value>(&text).unwrap()
    };
    for (state, ids) in STATES {
        let shown = get(&format!("queues/{QUEUE}/{state}_tasks")).await;
        let mut names: Vec<&str> =
            shown["tasks"].as_array().unwrap().iter().map(|task| task["id"].as_str().unwrap()).collect();
        names.sort_unstable();
        assert_eq!(names, ids, "{shown}");
        assert_eq!(shown["stats"][state.as_str()], ids.len(), "{shown}");
        for id in ids {
            assert_eq!(get(&format!("queues/{QUEUE}/tasks/{id}")).await["state"], state.as_str());
        }
    }
    for (group, ids) in GROUPS {
        let shown = get(&format!("queues/{QUEUE}/groups/{group}/aggregating_tasks")).await;
        assert_eq!(shown["tasks"].as_array().unwrap().len(), ids.len());
    }
    assert_eq!(get("queues").await["queues"].as_array().unwrap().len(), 2);
    assert_eq!(get(&format!("queues/{QUEUE}")).await["current"]["size"], 16);
    assert_eq!(get("servers").await["servers"][0]["active_workers"][0]["task_id"], "a1");
    assert!(get("queue_stats").await["stats"][QUEUE].is_array());
    assert!(get("redis_info").await["address"].is_string());
    mon.stop().await.unwrap();
}
