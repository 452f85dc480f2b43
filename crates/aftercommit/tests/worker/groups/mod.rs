//! Groups: many tasks become one.

mod failures;
mod gathering;

use std::time::Duration;

use aftercommit::{
    GroupInfo, GroupRules, GroupTasks, HandlerError, NewTask, QueueName, Router, State, Task, TaskState,
    WorkerBuilder,
};
use serde::{Deserialize, Serialize};

use crate::harness::{Bench, Log, Note, note};

/// What is made of notes.
#[derive(Debug, Serialize, Deserialize)]
struct Digest {
    texts: Vec<String>,
}

impl Task for Digest {
    const TYPE: &'static str = "note:digest";
}

const RULES: GroupRules = GroupRules {
    grace_period: Duration::from_secs(10),
    max_delay: None,
    max_size: None,
    hold: Duration::from_secs(60),
};

fn digesting(log: &Log) -> Router<Log> {
    Router::with_state(log.clone())
        .route(async |State(log): State<Log>, digest: Digest| log.add(digest.texts.join(" ")))
        .route(async |State(log): State<Log>, task: Note| log.add(task.text))
}

async fn digest(tasks: GroupTasks) -> Result<NewTask, HandlerError> {
    let texts = tasks.payloads::<Note>()?.into_iter().map(|note| note.text).collect();
    Ok(NewTask::of(&Digest { texts })?)
}

fn aggregating(bench: &Bench, log: &Log) -> WorkerBuilder {
    bench.worker(digesting(log)).aggregate(RULES, digest)
}

async fn put(bench: &Bench, group: &str, texts: &[&str]) {
    for text in texts {
        bench.client.enqueue(&note(text)).group(group).await.unwrap();
    }
}

async fn groups(bench: &Bench) -> Vec<GroupInfo> {
    bench.backend.groups().unwrap().groups(&QueueName::default()).await.unwrap()
}

async fn waiting(bench: &Bench) -> u64 {
    let info = bench.backend.queue(&QueueName::default()).await.unwrap().unwrap();
    info.counts.get(TaskState::Aggregating)
}
