//! Between the checks: what a worker that stops gives back the other side runs, and what one side enqueues wakes the other.

use std::time::Duration;

use aftercommit_interop::effects::{self, Moment};
use aftercommit_interop::{Config, GoClient};

use crate::ground::{Ground, hasty, until};
use crate::report;
use crate::state::{Side, task};

const QUEUE: &str = "handover";
/// Far below the five seconds after which an idle worker of ours looks by itself.
const AT_ONCE: Duration = Duration::from_secs(1);

#[tokio::test]
async fn what_a_stopping_worker_gives_back_the_other_side_runs_first() {
    for side in [Side::Go, Side::Rust] {
        let ground = Ground::new();
        let raw = ground.raw(0);
        side.enqueue(&ground, &[task(QUEUE, "interrupted", "sleep:", "1500")]).await;
        let impatient = Config { concurrency: Some(1), shutdown_timeout_ms: Some(100), ..hasty([QUEUE]) };
        let worker = side.worker(&ground, &impatient).await;
        raw.reaches(QUEUE, "interrupted", "active").await;
        side.enqueue(&ground, &[task(QUEUE, "behind", "ok:", "x")]).await;
        worker.stop().await.unwrap();
        assert_eq!(raw.state(QUEUE, "interrupted").await, "pending");

        let alone = Config { concurrency: Some(1), ..hasty([QUEUE]) };
        let worker = side.other().worker(&ground, &alone).await;
        raw.reaches(QUEUE, "behind", "completed").await;
        worker.stop().await.unwrap();
        let effects = effects::read(&ground.effects("effects")).unwrap();
        let starts: Vec<(&str, u32)> = effects
            .iter()
            .filter(|effect| effect.moment == Moment::Start)
            .map(|effect| (&*effect.id, effect.attempt))
            .collect();
        assert_eq!(starts, [("interrupted", 0), ("interrupted", 0), ("behind", 0)], "{side:?} gave it back");
    }
    report::passed(
        "7",
        "graceful stop, both ways",
        2,
        "given back to the front, run by the other, no retry burnt",
    );
}

#[tokio::test]
async fn an_idle_worker_of_ours_hears_of_what_go_enqueues() {
    let ground = Ground::new();
    let raw = ground.raw(0);
    let worker = ground.rust(0, &hasty([QUEUE]), "effects").await;
    let mut client = GoClient::start(&ground.redis(0)).await.unwrap();
    client.enqueue(&task(QUEUE, "first", "ok:", "x")).await.unwrap();
    raw.reaches(QUEUE, "first", "completed").await;
    let ids = ["second", "third", "fourth"];
    for id in ids {
        client.enqueue(&task(QUEUE, id, "ok:", "x")).await.unwrap();
        let enqueued = std::time::Instant::now();
        raw.reaches(QUEUE, id, "completed").await;
        assert!(enqueued.elapsed() < AT_ONCE, "{id} took {:?}", enqueued.elapsed());
    }
    worker.stop().await.unwrap();
    report::passed("1", "Go enqueues, Rust is idle", ids.len(), "runs at once");
}

#[tokio::test]
async fn a_lease_that_was_left_behind_does_not_run_a_waiting_task_twice() {
    let ground = Ground::new();
    let raw = ground.raw(0);
    Side::Go.enqueue(&ground, &[task(QUEUE, "waits", "ok:", "x")]).await;
    raw.text(&["SET", "asynq:{handover}:paused", "1700000000"]).await;
    raw.text(&["ZADD", "asynq:{handover}:lease", "1700000000", "waits"]).await;
    let worker = ground.rust(0, &hasty([QUEUE]), "effects").await;
    until("the lease to be gone", async || {
        (raw.int(&["EXISTS", "asynq:{handover}:lease"]).await == 0).then_some(())
    })
    .await;
    assert_eq!(raw.int(&["LLEN", "asynq:{handover}:pending"]).await, 1);
    worker.stop().await.unwrap();
    report::passed("7", "a lease of a waiting task", 1, "dropped; the task waits once");
}
