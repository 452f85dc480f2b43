//! Check 8: workers of Go and of ours on the same queues, weighted and strict, killed at random, while Redis is restarted
//! and paused. Every task runs; one that runs twice can say why; the counters are the sum of what was written down.

mod audit;
mod chaos;

use std::time::Duration;

use aftercommit::{Client, Error, Options, RawTask, TaskType};
use aftercommit_interop::{Dump, GoClient, Task};
use aftercommit_servers::{AppendFsync, RedisServer};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use self::audit::Audit;
use self::chaos::Chaos;
use crate::ground::{Ground, Raw, within};
use crate::report;

/// How many tasks.
const TASKS: usize = 4_000;
/// The queues with their weights.
const QUEUES: [(&str, i32); 3] = [("critical", 6), ("default", 3), ("low", 1)];
/// Over how long the tasks come, and workers die.
const DISTURBED: Duration = Duration::from_secs(75);
/// How long it may take until everything has run: leases, retries, asynq's recoverer.
const UNTIL_DRAINED: Duration = Duration::from_secs(150);

pub(crate) async fn mixed_fleet_survives_random_kills() {
    let seed: u64 = rand::random();
    println!("the soak's seed is {seed}");
    let mut rng = StdRng::seed_from_u64(seed);
    let server = RedisServer::builder().append_only(AppendFsync::Always).start().unwrap();
    let ground = Ground::on(server);
    let plan: Vec<Planned> = (0..TASKS).map(|number| Planned::draw(number, &mut rng)).collect();
    // Clients of their own: nobody whose calls fail meanwhile is part of what is judged.
    let (redis, client) = (ground.redis(0), ground.client(0));
    let producer =
        tokio::task::spawn_local(produce(plan.clone(), GoClient::start(&redis).await.unwrap(), client));
    let mut chaos = Chaos::start(ground, rng).await;
    chaos.disturb(DISTURBED).await;
    producer.await.unwrap();

    let raw = chaos.ground.raw(0);
    drained(&raw).await;
    let (ground, disturbances) = chaos.stop().await;
    let audit = Audit::of(&ground.effects("effects"), &disturbances);
    let verdict = audit.judge(&plan, &Dump::of(&ground.redis(0)).await.unwrap(), &counters(&raw).await);
    report::passed("8", "3 Go + 3 Rust", TASKS, &format!("seed {seed}: {verdict}"));
}

/// A task of the soak.
#[derive(Debug, Clone)]
struct Planned {
    id: String,
    queue: &'static str,
    task_type: &'static str,
    payload: String,
    /// It fails for good.
    fails: bool,
    by_go: bool,
}

impl Planned {
    fn draw(number: usize, rng: &mut StdRng) -> Self {
        let (task_type, payload) = match rng.random_range(0..100) {
            0..55 => ("ok:", "x".to_owned()),
            55..80 => ("sleep:", rng.random_range(1..900).to_string()),
            80..95 => ("flaky:", rng.random_range(1..3).to_string()),
            _ => ("fail:", "x".to_owned()),
        };
        Self {
            id: format!("task-{number}"),
            queue: QUEUES[rng.random_range(0..QUEUES.len())].0,
            task_type,
            payload,
            fails: task_type == "fail:",
            by_go: rng.random(),
        }
    }

    fn max_retry(&self) -> u32 {
        if self.fails { 1 } else { 25 }
    }
}

/// Enqueues the tasks evenly over the time, half of them by each side. An id makes it safe to try again, as the task is kept.
async fn produce(plan: Vec<Planned>, mut go: GoClient, client: Client) {
    let pause = DISTURBED / u32::try_from(TASKS).expect("a few thousand");
    for task in plan {
        let stored = async || {
            if task.by_go { by_go(&mut go, &task).await } else { by_us(&client, &task).await }.then_some(())
        };
        within(UNTIL_DRAINED, "a task to be enqueued", stored).await;
        tokio::time::sleep(pause).await;
    }
}

async fn by_go(client: &mut GoClient, task: &Planned) -> bool {
    let options = aftercommit_interop::Options {
        id: Some(task.id.clone()),
        queue: Some(task.queue.to_owned()),
        max_retry: Some(task.max_retry().into()),
        retention_ms: Some(3_600_000),
        ..Default::default()
    };
    let stored = client.enqueue(&Task::new(task.task_type, task.payload.clone()).with(options)).await;
    // A call whose answer was lost comes back as a conflict.
    stored.map_or_else(|error| error.name() == Some("id_conflict"), |_| true)
}

async fn by_us(client: &Client, task: &Planned) -> bool {
    let raw = RawTask {
        task_type: TaskType::new(task.task_type).expect("a task type"),
        payload: task.payload.clone().into(),
    };
    let options = Options::new()
        .id(&task.id)
        .queue(task.queue)
        .max_retry(task.max_retry())
        .retention(Duration::from_secs(3_600));
    let stored = client.enqueue_raw(raw).options(options).await;
    matches!(stored, Ok(_) | Err(Error::IdConflict { .. }))
}

async fn drained(raw: &Raw) {
    within(UNTIL_DRAINED, "the queues of the soak to be drained", async || {
        for (queue, _) in QUEUES {
            for (command, name) in
                [("LLEN", "pending"), ("LLEN", "active"), ("ZCARD", "scheduled"), ("ZCARD", "retry")]
            {
                if raw.int(&[command, &format!("asynq:{{{queue}}}:{name}")]).await > 0 {
                    return None;
                }
            }
        }
        Some(())
    })
    .await;
}

/// The lifetime counters of all queues together: processed, failed.
async fn counters(raw: &Raw) -> [i64; 2] {
    let mut sums = [0, 0];
    for (queue, _) in QUEUES {
        for (sum, name) in sums.iter_mut().zip(["processed", "failed"]) {
            *sum += raw.int(&["INCRBY", &format!("asynq:{{{queue}}}:{name}"), "0"]).await;
        }
    }
    sums
}
