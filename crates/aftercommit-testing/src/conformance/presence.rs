//! Cases about workers that say they are alive, and about cancellations.

use std::time::Duration;

use aftercommit_core::{
    Cancellation, Cancellations, Presence, QueueOrder, RunningTask, WorkerId, WorkerInfo, WorkerStatus,
};
use futures_util::StreamExt;

use super::Stage;
use super::stage::worker_info;
use super::task::{SECOND, id, queue, task_type};

area!(conformance_of_presence, presence:
    a_worker_that_beats_is_listed,
    what_a_worker_says_reads_back_as_it_was_written,
    the_last_beat_counts,
    a_worker_is_believed_alive_for_its_ttl_and_no_longer,
    each_beat_starts_the_ttl_anew,
    a_worker_that_leaves_is_not_listed,
    a_worker_that_nobody_knows_may_leave,
    a_worker_may_come_back_after_it_left,
    workers_come_and_go_apart_from_each_other,
    a_cancellation_reaches_every_listener,
    a_cancellation_is_not_kept_for_those_who_come_later,
    cancellations_arrive_in_their_order,
    a_cancellation_that_nobody_hears_is_no_error,
    a_listener_that_went_away_does_not_hinder_the_others,
);

const TTL: Duration = Duration::from_secs(9);

fn worker(name: &str) -> WorkerId {
    WorkerId::from_stored(&format!("suite-host:1:{name}"))
}

async fn beat(s: &Stage, presence: &dyn Presence, name: &str) {
    presence.beat(&worker_info(&worker(name), s.now()), TTL).await.expect("beat");
}

/// The workers alive, by name.
async fn alive(presence: &dyn Presence) -> Vec<WorkerInfo> {
    let mut workers = presence.workers().await.expect("workers");
    workers.sort_by(|a, b| a.id.cmp(&b.id));
    workers
}

async fn names(presence: &dyn Presence) -> Vec<WorkerId> {
    alive(presence).await.into_iter().map(|info| info.id).collect()
}

async fn a_worker_that_beats_is_listed(s: Stage) {
    let presence = s.presence();
    assert_eq!(alive(presence).await, []);
    beat(&s, presence, "a").await;
    assert_eq!(names(presence).await, [worker("a")]);
}

async fn what_a_worker_says_reads_back_as_it_was_written(s: Stage) {
    let presence = s.presence();
    let running = |task_id: &str, started_at| RunningTask {
        queue: queue("q:{1}"),
        id: id(task_id),
        task_type: task_type("email:send"),
        started_at,
        deadline: s.after(SECOND * 1_800),
    };
    let busy = WorkerInfo {
        id: worker("busy"),
        host: "host-é".into(),
        pid: 4_194_304,
        started_at: s.now().minus(SECOND * 60),
        concurrency: 200,
        queues: vec![(queue("critical"), 10), (queue("default"), 5)],
        order: QueueOrder::Strict,
        status: WorkerStatus::Quiet,
        running: vec![running("a", s.now()), running("it's ☃", s.now().minus(SECOND))],
    };
    let idle = worker_info(&worker("idle"), s.now());
    for info in [&busy, &idle] {
        presence.beat(info, TTL).await.expect("beat");
    }
    let mut read = alive(presence).await;
    // In what order a worker's tasks are told is nobody's business.
    read[0].running.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
    assert_eq!(read, [busy, idle]);
}

async fn the_last_beat_counts(s: Stage) {
    let presence = s.presence();
    let mut info = worker_info(&worker("a"), s.now());
    presence.beat(&info, TTL).await.expect("beat");
    info.status = WorkerStatus::Quiet;
    info.concurrency = 3;
    presence.beat(&info, TTL).await.expect("beat");
    assert_eq!(alive(presence).await, [info]);
}

async fn a_worker_is_believed_alive_for_its_ttl_and_no_longer(s: Stage) {
    let presence = s.presence();
    beat(&s, presence, "a").await;
    s.pass(TTL - s.margin()).await;
    assert_eq!(names(presence).await, [worker("a")], "just before");
    s.pass(s.margin()).await;
    assert_eq!(names(presence).await, [], "when it is over");
}

async fn each_beat_starts_the_ttl_anew(s: Stage) {
    let presence = s.presence();
    for _ in 0..5 {
        beat(&s, presence, "a").await;
        s.pass(TTL / 2).await;
        assert_eq!(names(presence).await, [worker("a")]);
    }
}

async fn a_worker_that_leaves_is_not_listed(s: Stage) {
    let presence = s.presence();
    beat(&s, presence, "a").await;
    presence.leave(&worker("a")).await.expect("leave");
    assert_eq!(names(presence).await, []);
    presence.leave(&worker("a")).await.expect("leaving twice is no error");
}

async fn a_worker_that_nobody_knows_may_leave(s: Stage) {
    let presence = s.presence();
    beat(&s, presence, "a").await;
    presence.leave(&worker("b")).await.expect("leave");
    assert_eq!(names(presence).await, [worker("a")]);
}

async fn a_worker_may_come_back_after_it_left(s: Stage) {
    let presence = s.presence();
    beat(&s, presence, "a").await;
    presence.leave(&worker("a")).await.expect("leave");
    beat(&s, presence, "a").await;
    assert_eq!(names(presence).await, [worker("a")]);
}

async fn workers_come_and_go_apart_from_each_other(s: Stage) {
    let presence = s.presence();
    beat(&s, presence, "a").await;
    s.pass(TTL / 2).await;
    beat(&s, presence, "b").await;
    beat(&s, presence, "c").await;
    assert_eq!(names(presence).await, ["a", "b", "c"].map(worker));
    s.pass(TTL / 2).await;
    assert_eq!(names(presence).await, ["b", "c"].map(worker));
    presence.leave(&worker("b")).await.expect("leave");
    assert_eq!(names(presence).await, [worker("c")]);
}

/// How long a cancellation may take on its way, by the machine's clock.
const ARRIVAL: Duration = Duration::from_secs(5);

async fn next(listener: &mut Cancellations) -> Cancellation {
    let heard = tokio::time::timeout(ARRIVAL, listener.next()).await;
    heard.expect("a cancellation arrives").expect("the stream lives until dropped")
}

/// Hears the next cancellation and checks that it is this one; not every wire carries the queue.
async fn hears(listener: &mut Cancellations, task_id: &str) {
    let heard = next(listener).await;
    assert_eq!(heard.id, id(task_id));
    assert!(heard.queue.is_none_or(|name| name == queue("q")));
}

async fn cancel(presence: &dyn Presence, task_id: &str) {
    presence.cancel(&queue("q"), &id(task_id)).await.expect("cancel");
}

async fn a_cancellation_reaches_every_listener(s: Stage) {
    let presence = s.presence();
    let mut listeners = [presence.cancellations(), presence.cancellations(), presence.cancellations()];
    cancel(presence, "a").await;
    for listener in &mut listeners {
        hears(listener, "a").await;
    }
}

async fn a_cancellation_is_not_kept_for_those_who_come_later(s: Stage) {
    let presence = s.presence();
    let mut early = presence.cancellations();
    cancel(presence, "first").await;
    hears(&mut early, "first").await;
    let mut late = presence.cancellations();
    cancel(presence, "second").await;
    hears(&mut late, "second").await;
    hears(&mut early, "second").await;
}

async fn cancellations_arrive_in_their_order(s: Stage) {
    let presence = s.presence();
    let mut listener = presence.cancellations();
    let names: Vec<String> = (0..100).map(|i| i.to_string()).collect();
    for name in &names {
        cancel(presence, name).await;
    }
    for name in &names {
        hears(&mut listener, name).await;
    }
}

async fn a_cancellation_that_nobody_hears_is_no_error(s: Stage) {
    let presence = s.presence();
    cancel(presence, "a").await;
    assert_eq!(s.find("q", "a").await, None, "it says nothing about a task");
}

async fn a_listener_that_went_away_does_not_hinder_the_others(s: Stage) {
    let presence = s.presence();
    let gone = presence.cancellations();
    let mut stays = presence.cancellations();
    drop(gone);
    cancel(presence, "a").await;
    hears(&mut stays, "a").await;
}
