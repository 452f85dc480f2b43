//! What operators do through the inspector.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{
    Action, Enqueued, GroupName, Inspector, Operation, Options, QueueName, Removal, RemoveQueue, Router,
    Selection, TaskId, TaskState,
};

use crate::harness::{Bench, HandlerResult, Log, Note, note, start};
use crate::spy::{Abilities, Spy};

fn inspector(bench: &Bench) -> Inspector {
    Inspector::from_dyn(Arc::clone(&bench.backend))
}

fn queue() -> QueueName {
    QueueName::default()
}

/// Fills the default queue with so many tasks due in an hour.
async fn later(bench: &Bench, count: usize) -> Vec<Enqueued> {
    let mut tasks = Vec::new();
    for i in 0..count {
        let options = Options::new().process_in(Duration::from_secs(3_600 + i as u64));
        tasks.push(bench.client.enqueue(&note("later")).options(options).await.unwrap());
    }
    tasks
}

async fn count(bench: &Bench, state: TaskState) -> u64 {
    bench.backend.queue(&queue()).await.unwrap().unwrap().counts.get(state)
}

#[tokio::test(start_paused = true)]
async fn an_operation_reaches_every_task_of_a_selection_chunk_by_chunk() {
    let bench = Bench::new();
    later(&bench, 1_234).await;
    let scheduled = Selection::State(TaskState::Scheduled);
    let inspector = inspector(&bench);
    assert_eq!(inspector.operate_on_all(&queue(), &scheduled, Operation::Archive).await.unwrap(), 1_234);
    assert_eq!(count(&bench, TaskState::Archived).await, 1_234);
    let archived = Selection::State(TaskState::Archived);
    assert_eq!(inspector.operate_on_all(&queue(), &archived, Operation::Run).await.unwrap(), 1_234);
    assert_eq!(inspector.operate_on_all(&queue(), &archived, Operation::Run).await.unwrap(), 0);
    let pending = Selection::State(TaskState::Pending);
    assert_eq!(inspector.operate_on_all(&queue(), &pending, Operation::Run).await.unwrap(), 0);
    assert_eq!(inspector.operate_on_all(&queue(), &pending, Operation::Delete).await.unwrap(), 1_234);
    assert_eq!(bench.backend.queue(&queue()).await.unwrap().unwrap().counts.total(), 0);
}

#[tokio::test(start_paused = true)]
async fn tasks_that_fail_and_come_back_do_not_make_a_run_of_all_endless() {
    let bench = Bench::new();
    let router = Router::new().route(async |_: Note| -> HandlerResult { Err("again".into()) });
    let worker = start(bench.worker(router).concurrency(1_000));
    for _ in 0..700 {
        bench.client.enqueue(&note("fails")).await.unwrap();
    }
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(count(&bench, TaskState::Retry).await, 700);
    let retry = Selection::State(TaskState::Retry);
    let ran = inspector(&bench).operate_on_all(&queue(), &retry, Operation::Run).await.unwrap();
    assert_eq!(ran, 700);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn the_tasks_of_one_group_are_a_selection_too() {
    let bench = Bench::new();
    for group in ["a", "a", "b"] {
        bench.client.enqueue(&note("n")).group(group).await.unwrap();
    }
    let group = |name| Selection::Group(GroupName::new(name).unwrap());
    let inspector = inspector(&bench);
    assert_eq!(inspector.operate_on_all(&queue(), &group("a"), Operation::Run).await.unwrap(), 2);
    assert_eq!(inspector.operate_on_all(&queue(), &group("c"), Operation::Run).await.unwrap(), 0);
    assert_eq!(
        (count(&bench, TaskState::Pending).await, count(&bench, TaskState::Aggregating).await),
        (2, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_removed_with_its_tasks_only_if_that_is_asked_for() {
    let bench = Bench::new();
    later(&bench, 700).await;
    bench.client.enqueue(&note("now")).await.unwrap();
    bench.client.enqueue(&note("group")).group("g").await.unwrap();
    let inspector = inspector(&bench);
    assert_eq!(inspector.remove(&queue(), RemoveQueue::IfEmpty).await.unwrap(), Removal::NotEmpty);
    assert_eq!(count(&bench, TaskState::Scheduled).await, 700);
    assert_eq!(inspector.remove(&queue(), RemoveQueue::WithTasks).await.unwrap(), Removal::Removed);
    assert_eq!(inspector.queues().await.unwrap(), []);
    for which in [RemoveQueue::IfEmpty, RemoveQueue::WithTasks] {
        assert_eq!(inspector.remove(&queue(), which).await.unwrap(), Removal::NotFound);
    }
}

#[tokio::test(start_paused = true)]
async fn a_queue_with_active_tasks_is_not_touched() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let router =
        Router::with_state(seen).route(async |aftercommit::State(log): aftercommit::State<Log>, _: Note| {
            log.add("start");
            tokio::time::sleep(Duration::from_secs(60)).await;
        });
    later(&bench, 3).await;
    let worker = start(bench.worker(router));
    bench.client.enqueue(&note("now")).await.unwrap();
    log.reaches(1).await;
    let removed = inspector(&bench).remove(&queue(), RemoveQueue::WithTasks).await.unwrap();
    assert_eq!(removed, Removal::NotEmpty);
    assert_eq!(count(&bench, TaskState::Scheduled).await, 3);
    assert_eq!(bench.backend.queue(&queue()).await.unwrap().unwrap().paused_since, None);
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_cancellation_says_what_it_can_reach() {
    let bench = Bench::new();
    let log = Log::default();
    let seen = log.clone();
    let router =
        Router::with_state(seen).route(async |aftercommit::State(log): aftercommit::State<Log>, _: Note| {
            log.add("start");
            tokio::time::sleep(Duration::from_secs(60)).await;
        });
    let scheduled = later(&bench, 1).await.remove(0);
    let worker = start(bench.worker(router));
    let running = bench.client.enqueue(&note("now")).await.unwrap();
    log.reaches(1).await;
    let inspector = inspector(&bench);
    assert_eq!(inspector.cancel(&queue(), &running.id).await.unwrap(), Action::Applied);
    bench.reaches(&running, TaskState::Retry).await;
    let refused = Action::Refused(TaskState::Scheduled);
    assert_eq!(inspector.cancel(&queue(), &scheduled.id).await.unwrap(), refused);
    let nobody = TaskId::new("nobody").unwrap();
    assert_eq!(inspector.cancel(&queue(), &nobody).await.unwrap(), Action::NotFound);
    worker.shut_down().await;
    let (_, spy) = Spy::bench(Abilities::None);
    let error = Inspector::from_dyn(spy).cancel(&queue(), &nobody).await.unwrap_err();
    assert_eq!(error.to_string(), "invalid cancellation: Spy does not carry cancellations to workers");
}

#[tokio::test(start_paused = true)]
async fn the_overview_shows_every_queue() {
    let bench = Bench::new();
    for queue in ["b", "a"] {
        bench.client.enqueue(&note("n")).queue(queue).await.unwrap();
    }
    let overview = inspector(&bench).overview().await.unwrap();
    let shown: Vec<_> = overview.iter().map(|info| (info.queue.as_str(), info.counts.total())).collect();
    assert_eq!(shown, [("a", 1), ("b", 1)]);
}
