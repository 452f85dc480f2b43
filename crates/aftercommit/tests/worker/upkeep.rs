//! What a worker keeps in order beside its tasks.

use std::time::Duration;

use aftercommit::{ArchiveLimits, HandlerError, Page, Router, TaskState};

use crate::harness::{Bench, HandlerResult, Note, note, start};

/// Archives every task at once.
fn hopeless() -> Router {
    Router::new().route(async |_: Note| -> HandlerResult { Err(HandlerError::skip_retry("never")) })
}

async fn archived(bench: &Bench) -> Vec<String> {
    let queue = aftercommit::QueueName::default();
    let page = Page::first(1_000);
    let tasks = bench.backend.list(&queue, &TaskState::Archived.into(), page).await.unwrap();
    tasks.iter().map(|task| task.message.id.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_archive_keeps_the_newest_tasks_up_to_its_limit() {
    let bench = Bench::new();
    let limits = ArchiveLimits { max_tasks: 3, ..ArchiveLimits::default() };
    let worker = start(bench.worker(hopeless()).archive_limits(limits));
    for i in 0..250 {
        bench.client.enqueue(&note("n")).id(format!("{i:03}")).await.unwrap();
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    tokio::time::sleep(Duration::from_secs(10)).await;
    assert_eq!(archived(&bench).await, ["247", "248", "249"]);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_archive_keeps_no_task_longer_than_its_limit() {
    let bench = Bench::new();
    let limits = ArchiveLimits { max_age: Duration::from_secs(3_600), ..ArchiveLimits::default() };
    let worker = start(bench.worker(hopeless()).archive_limits(limits));
    bench.client.enqueue(&note("old")).id("old").await.unwrap();
    tokio::time::sleep(Duration::from_secs(3_500)).await;
    bench.client.enqueue(&note("new")).id("new").await.unwrap();
    tokio::time::sleep(Duration::from_secs(90)).await;
    assert_eq!(archived(&bench).await, ["old", "new"]);
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(archived(&bench).await, ["new"]);
    worker.shut_down().await;
}
