//! A store that refuses some tasks for good, and with them the whole batch.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{Client, QueueName, Router, TaskState};

use crate::harness::{Note, note, start};
use crate::lines::Lines;
use crate::spy::{Abilities, Spy};

#[tokio::test(start_paused = true)]
async fn a_task_that_the_store_cannot_take_does_not_fail_those_that_travel_with_it() {
    let (bench, picky) = Spy::bench(Abilities::None);
    let client = Client::from_dyn(picky).with_clock(Arc::clone(&bench.clock) as _);
    let calls = (0..50).map(|i| {
        let client = client.clone();
        let text = if i % 10 == 3 { "no entry" } else { "fine" };
        tokio::spawn(async move { client.enqueue(&note(text)).await })
    });
    let mut stored = 0;
    for (i, call) in calls.collect::<Vec<_>>().into_iter().enumerate() {
        let result = call.await.unwrap();
        assert_eq!(result.is_ok(), i % 10 != 3, "call {i}: {result:?}");
        stored += u64::from(result.is_ok());
    }
    let queue = bench.backend.queue(&QueueName::default()).await.unwrap().unwrap();
    assert_eq!(queue.counts.get(TaskState::Pending), stored);
}

#[tokio::test(start_paused = true)]
async fn an_outcome_that_the_store_cannot_take_does_not_keep_the_others_from_being_written() {
    let (bench, picky) = Spy::bench(Abilities::None);
    let mut fine = Vec::new();
    for i in 0..20 {
        let text = if i % 10 == 3 { "no exit" } else { "fine" };
        let task = bench.client.enqueue(&note(text)).await.unwrap();
        if text == "fine" {
            fine.push(task);
        }
    }
    let router = Router::new().route(async |_: Note| {});
    let worker = start(bench.worker_over(picky, router).concurrency(20));
    for task in &fine {
        bench.is_done_within(task, Duration::from_secs(1)).await;
    }
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn an_orphan_that_the_store_cannot_take_does_not_keep_the_others_from_running_again() {
    let lines = Lines::listen();
    let (bench, picky) = Spy::bench(Abilities::All);
    let mut fine = Vec::new();
    for i in 0..20 {
        let text = if i % 10 == 3 { "no exit" } else { "fine" };
        let task = bench.client.enqueue(&note(text)).await.unwrap();
        if text == "fine" {
            fine.push(task);
        }
    }
    let stuck = Router::new().route(async |_: Note| std::future::pending::<()>().await);
    let dying = start(bench.worker(stuck).concurrency(20));
    tokio::time::sleep(Duration::from_secs(1)).await;
    dying.crash().await;
    let survivor = start(bench.worker_over(picky, Router::new().route(async |_: Note| {})));
    for task in &fine {
        bench.is_done_within(task, Duration::from_secs(15)).await;
    }
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert_eq!(lines.with("refuses to take a task back"), 2, "once for each: {:#?}", lines.all());
    survivor.shut_down().await;
}
