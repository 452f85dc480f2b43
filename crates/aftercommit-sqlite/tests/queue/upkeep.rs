//! Dead workers, and what is tidied away.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aftercommit_core::{
    Broker, Inspect, OrphanCause, Outcome, Presence, QueueName, QueueOrder, Upkeep, WorkerId, WorkerInfo,
    WorkerStatus,
};
use aftercommit_sqlite::SqliteQueue;

use crate::support::{Stage, grant};

const TTL: Duration = Duration::from_secs(9);
const DAY: Duration = Duration::from_secs(86_400);

/// What a worker in this very process says about itself.
fn worker(stage: &Stage, name: &str) -> WorkerInfo {
    WorkerInfo {
        id: WorkerId::from_stored(name),
        host: "here".into(),
        pid: std::process::id(),
        started_at: aftercommit_core::Clock::now(&stage.clock),
        concurrency: 1,
        queues: Vec::new(),
        order: QueueOrder::Weighted,
        status: WorkerStatus::Active,
        running: Vec::new(),
    }
}

/// A worker that has said it is alive, and holds a task.
async fn worker_with_task(stage: &Stage, name: &str) {
    stage.queue.beat(&worker(stage, name), TTL).await.expect("beat");
    stage.queue.enqueue(&[stage.task(name)]).await.expect("enqueue");
    let quotas = [aftercommit_core::Quota { queue: QueueName::default(), count: 1 }];
    assert_eq!(stage.queue.dequeue(&quotas, &grant(name)).await.expect("dequeue").len(), 1);
}

async fn causes(queue: &SqliteQueue) -> Vec<OrphanCause> {
    let orphans = queue.orphans(&[QueueName::default()], 10).await.expect("orphans");
    orphans.iter().map(|orphan| orphan.cause).collect()
}

/// Pretends that the worker lives in another process.
async fn move_to_process(stage: &Stage, name: &str, pid: u32, started: &str) {
    let moved = sqlx::query(
        "UPDATE aftercommit_workers SET pid = ?2, started = ?3 WHERE id = ?1 AND place IS NOT NULL",
    )
    .bind(name)
    .bind(pid)
    .bind(started)
    .execute(&stage.queue.pools().writer)
    .await
    .expect("the row is changed");
    assert_eq!(moved.rows_affected(), 1, "the worker's own process was noted");
}

fn started(pid: u32) -> String {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the process is there");
    let name_ends = stat.rfind(')').expect("its name is in brackets");
    stat[name_ends + 2..].split(' ').nth(19).expect("its start time is the field 22").to_owned()
}

/// A process that waits to be killed.
fn process() -> Child {
    Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat starts")
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn the_task_of_a_killed_process_is_free_at_once() {
    let stage = Stage::new().await;
    worker_with_task(&stage, "w").await;
    assert_eq!(causes(&stage.queue).await, [], "it is this process, and alive");
    let mut child = process();
    move_to_process(&stage, "w", child.id(), &started(child.id())).await;
    assert_eq!(causes(&stage.queue).await, [], "it is another process, and alive");
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(causes(&stage.queue).await, [OrphanCause::WorkerDead]);
    let newcomer = stage.other_process().await;
    assert_eq!(causes(&newcomer).await, [OrphanCause::WorkerDead], "whoever looks sees it, without a wait");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_number_used_again_does_not_keep_the_dead_alive() {
    let stage = Stage::new().await;
    worker_with_task(&stage, "w").await;
    move_to_process(&stage, "w", std::process::id(), "12").await;
    assert_eq!(causes(&stage.queue).await, [OrphanCause::WorkerDead]);
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_process_number_of_another_machine_says_nothing() {
    let stage = Stage::new().await;
    worker_with_task(&stage, "w").await;
    move_to_process(&stage, "w", 4_194_304, "12").await;
    sqlx::query("UPDATE aftercommit_workers SET place = 'elsewhere'")
        .execute(&stage.queue.pools().writer)
        .await
        .unwrap();
    assert_eq!(causes(&stage.queue).await, []);
    stage.clock.advance(TTL);
    assert_eq!(causes(&stage.queue).await, [OrphanCause::WorkerDead], "its time is over all the same");
}

#[tokio::test]
async fn who_has_just_come_lets_a_ttl_pass_before_it_judges() {
    let stage = Stage::new().await;
    worker_with_task(&stage, "w").await;
    stage.clock.advance(TTL);
    let newcomer = stage.other_process().await;
    assert_eq!(causes(&newcomer).await, [], "perhaps nobody could say that he is alive");
    stage.clock.advance(TTL);
    assert_eq!(causes(&newcomer).await, [OrphanCause::WorkerDead]);
}

#[tokio::test]
async fn who_has_lost_sight_of_the_store_lets_a_ttl_pass_before_it_judges() {
    let stage = Stage::new().await;
    worker_with_task(&stage, "w").await;
    stage.clock.advance(TTL);
    let writer = &stage.queue.pools().writer;
    sqlx::query("ALTER TABLE aftercommit_tasks RENAME TO gone").execute(writer).await.unwrap();
    assert!(stage.queue.orphans(&[QueueName::default()], 1).await.is_err());
    sqlx::query("ALTER TABLE gone RENAME TO aftercommit_tasks").execute(writer).await.unwrap();
    assert_eq!(causes(&stage.queue).await, []);
    stage.clock.advance(TTL);
    assert_eq!(causes(&stage.queue).await, [OrphanCause::WorkerDead]);
}

#[tokio::test]
async fn a_worker_whose_row_was_deleted_is_greeted_again() {
    let stage = Stage::new().await;
    worker_with_task(&stage, "w").await;
    stage.other_process().await.leave(&WorkerId::from_stored("w")).await.unwrap();
    stage.queue.enqueue(&[stage.task("second")]).await.unwrap();
    let quotas = [aftercommit_core::Quota { queue: QueueName::default(), count: 1 }];
    let leased = stage.queue.dequeue(&quotas, &grant("w")).await.unwrap();
    assert_eq!(leased.len(), 1);
    let info = stage.queue.get(&QueueName::default(), &leased[0].lease.id).await.unwrap().unwrap();
    assert_eq!(info.worker, Some(WorkerId::from_stored("w")));
}

async fn rows(stage: &Stage, table: &str) -> i64 {
    let count = sqlx::AssertSqlSafe(format!("SELECT count(*) FROM {table}"));
    sqlx::query_scalar(count).fetch_one(&stage.queue.pools().writer).await.expect("the rows are counted")
}

#[tokio::test]
async fn counts_of_days_long_gone_are_kept_as_a_sum() {
    let stage = Stage::new().await;
    let name = QueueName::default();
    for day in 0..100 {
        stage.queue.enqueue(&[stage.task(&day.to_string())]).await.unwrap();
        let outcome = if day % 2 == 0 { Outcome::Done } else { Outcome::Archive { error: "why".into() } };
        stage.settle(stage.take(1).await, &outcome).await;
        stage.queue.delete_expired(&[], 10).await.unwrap();
        stage.clock.advance(DAY);
    }
    stage.queue.delete_expired(&[], 10).await.unwrap();
    assert_eq!(rows(&stage, "aftercommit_counts").await, 89 + 1, "today has none yet");
    let info = stage.queue.queue(&name).await.unwrap().unwrap();
    assert_eq!((info.processed, info.failed), (100, 50));
    let history = stage.queue.history(&name, 120).await.unwrap();
    assert_eq!(history.iter().map(|day| day.processed).sum::<u64>(), 89);
    assert_eq!(stage.queue.queues().await.unwrap(), [name]);
}

#[tokio::test]
async fn workers_and_cancellations_of_the_past_are_forgotten_and_holders_of_tasks_are_not() {
    let stage = Stage::new().await;
    worker_with_task(&stage, "holder").await;
    stage.queue.beat(&worker(&stage, "gone"), TTL).await.unwrap();
    stage.queue.cancel(&QueueName::default(), &crate::support::id("x")).await.unwrap();
    stage.queue.delete_expired(&[], 10).await.unwrap();
    assert_eq!(
        (rows(&stage, "aftercommit_workers").await, rows(&stage, "aftercommit_cancellations").await),
        (2, 1)
    );
    stage.clock.advance(DAY * 2);
    stage.queue.delete_expired(&[], 10).await.unwrap();
    assert_eq!(
        (rows(&stage, "aftercommit_workers").await, rows(&stage, "aftercommit_cancellations").await),
        (1, 0)
    );
    assert_eq!(causes(&stage.queue).await, [OrphanCause::LeaseExpired]);
}

#[tokio::test]
async fn looking_at_an_empty_queue_changes_nothing_in_the_file() {
    let stage = Stage::new().await;
    let watcher = stage.other_process().await;
    let mut conn = watcher.pools().readers.acquire().await.unwrap();
    assert_eq!(stage.take(1).await.len(), 0, "the worker is known now");
    let version = "PRAGMA data_version";
    let before: i64 = sqlx::query_scalar(version).fetch_one(&mut *conn).await.unwrap();
    for _ in 0..3 {
        assert_eq!(stage.take(10).await.len(), 0);
        assert_eq!(stage.queue.forward(&[QueueName::default()], 10).await.unwrap().moved, 0);
        assert_eq!(causes(&stage.queue).await, []);
        assert_eq!(stage.queue.delete_expired(&[QueueName::default()], 10).await.unwrap(), 0);
    }
    let after: i64 = sqlx::query_scalar(version).fetch_one(&mut *conn).await.unwrap();
    assert_eq!(after, before, "or idle workers would wake each other for ever");
}
