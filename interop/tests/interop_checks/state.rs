//! A queue with a task in every state, written by one of the two sides.

use std::collections::BTreeMap;

use aftercommit_interop::{Config, GoClient, Groups, Options, Task, Worker};

use crate::corpus;
use crate::ground::{Ground, hasty, until};

pub(crate) const QUEUE: &str = "state";
/// A second queue, which is paused and holds nothing else.
pub(crate) const PAUSED: &str = "paused";
/// The groups, with their tasks.
pub(crate) const GROUPS: [(&str, [&str; 2]); 2] = [("mails:de", ["g1", "g2"]), ("other", ["g3", "g4"])];
/// What a task is due at that is due in 2100 and a bit.
pub(crate) const DUE_MS: i64 = 4_102_444_800_250;

/// Who writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Go,
    Rust,
}

impl Side {
    /// The other one.
    pub(crate) fn other(self) -> Self {
        match self {
            Self::Go => Self::Rust,
            Self::Rust => Self::Go,
        }
    }

    pub(crate) async fn worker(self, ground: &Ground, config: &Config) -> Worker {
        match self {
            Self::Go => ground.go(0, config, "effects").await,
            Self::Rust => ground.rust(0, config, "effects").await,
        }
    }

    /// Enqueues tasks in order.
    pub(crate) async fn enqueue(self, ground: &Ground, tasks: &[Task]) {
        match self {
            Self::Go => {
                let mut client = GoClient::start(&ground.redis(0)).await.unwrap();
                for stored in client.enqueue_many(tasks).await.unwrap() {
                    stored.unwrap();
                }
            }
            Self::Rust => {
                let client = ground.client(0);
                for task in tasks {
                    corpus::enqueue(&client, task).await.unwrap();
                }
            }
        }
    }
}

pub(crate) fn task(queue: &str, id: &str, task_type: &str, payload: &str) -> Task {
    let options = Options {
        id: Some(id.to_owned()),
        queue: Some(queue.to_owned()),
        max_retry: Some(5),
        retention_ms: Some(86_400_000),
        ..Options::default()
    };
    let mut task = Task::new(task_type, payload).with(options);
    task.headers = BTreeMap::from([("traceparent".to_owned(), format!("00-{id}-01"))]);
    task
}

/// Fills the queue. The worker that comes back is running `a1`, and cannot run more.
pub(crate) async fn fill(ground: &Ground, side: Side) -> Worker {
    let raw = ground.raw(0);
    let mut last = task(QUEUE, "d2", "fail:", "x");
    last.options.max_retry = Some(0);
    let mut active = task(QUEUE, "a1", "sleep:", "600000");
    active.options.timeout_ms = Some(3_600_000);
    let ended = [
        task(QUEUE, "r1", "fail:", "retry \u{e9}"),
        task(QUEUE, "d1", "skip:", "x"),
        last,
        task(QUEUE, "c1", "result:", "the result"),
        task(QUEUE, "c2", "headers:", "x"),
        task(QUEUE, "c3", "ok:", ""),
    ];
    side.enqueue(ground, &ended).await;
    side.enqueue(ground, &[task(PAUSED, "before", "ok:", "x")]).await;
    let config = Config {
        concurrency: Some(1),
        queues: [(QUEUE.to_owned(), 3), (PAUSED.to_owned(), 1)].into(),
        strict: true,
        shutdown_timeout_ms: Some(100),
        // It aggregates, so that nobody warns of groups without an aggregator; but none is ripe in this test.
        groups: Some(Groups { grace_ms: 3_600_000, ..Groups::default() }),
        ..hasty([])
    };
    let worker = side.worker(ground, &config).await;
    raw.drained(&[QUEUE.to_owned(), PAUSED.to_owned()]).await;
    side.enqueue(ground, &[active]).await;
    raw.reaches(QUEUE, "a1", "active").await;
    side.enqueue(ground, &waiting()).await;
    until("nobody to hold more than one task", async || {
        let pending = raw.int(&["LLEN", &format!("asynq:{{{QUEUE}}}:pending")]).await;
        let active = raw.int(&["LLEN", &format!("asynq:{{{QUEUE}}}:active")]).await;
        (pending == 3 && active == 1).then_some(())
    })
    .await;
    until("the worker to say what it runs", async || {
        let keys = raw.text(&["KEYS", "asynq:workers:{*"]).await.into_list("look").unwrap();
        (keys.len() == 1).then_some(())
    })
    .await;
    worker
}

fn waiting() -> Vec<Task> {
    let mut tasks: Vec<Task> = ["p1", "p2", "p3"].map(|id| task(QUEUE, id, "ok:", id)).into();
    tasks[1].options.timeout_ms = Some(90_000);
    tasks[1].options.deadline_unix = Some(4_102_444_799);
    tasks[1].options.unique_ms = Some(3_600_000);
    for (id, due_ms) in [("s1", DUE_MS), ("s2", DUE_MS + 60_000)] {
        let mut scheduled = task(QUEUE, id, "ok:", id);
        scheduled.options.process_at_unix_ms = Some(due_ms);
        tasks.push(scheduled);
    }
    for (group, members) in GROUPS {
        for id in members {
            let mut member = task(QUEUE, id, "ok:", id);
            member.options.group = Some(group.to_owned());
            tasks.push(member);
        }
    }
    tasks
}
