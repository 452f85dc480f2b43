//! How often Redis is asked, and how many commands it runs for a task: a regression shows as a number, whatever the
//! machine. `--nocapture` prints the table.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aftercommit::redis::internals::{Command, Link, traffic};
use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit::{Client, NewTask, Router, State, Task, Worker, WorkerId};
use aftercommit_core::{Broker as _, LeaseGrant, Outcome, QueueName, Quota, Settlement};
use aftercommit_servers::RedisServer;
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

const PATIENCE: Duration = Duration::from_secs(60);
/// How long an idle worker is watched: a few beats and looks.
const IDLE: Duration = Duration::from_secs(5);

#[derive(Debug, Serialize, Deserialize)]
struct Greet {
    username: String,
}

impl Task for Greet {
    const TYPE: &'static str = "greet";
}

fn greetings(count: usize) -> impl Iterator<Item = NewTask> {
    (0..count).map(|_| NewTask::of(&Greet { username: "alice10".to_owned() }).expect("it has a JSON form"))
}

/// A server, and a back-end whose connections stand and whose queue is known.
struct Meter {
    server: RedisServer,
    backend: RedisBackend,
}

/// What was sent to Redis, and what it ran, in scripts and out of them.
#[derive(Debug, Clone, Copy)]
struct Count {
    round_trips: f64,
    commands: f64,
}

impl Count {
    fn per(self, number: usize) -> Self {
        Self { round_trips: self.round_trips / number as f64, commands: self.commands / number as f64 }
    }
}

impl Meter {
    async fn start() -> Self {
        let server = RedisServer::start().expect("a server");
        let backend = RedisBackend::new(RedisOptions::parse(&server.url()).expect("its address"));
        let meter = Self { server, backend };
        // Twice on each of the few connections, so that none is made while somebody counts.
        for _ in 0..8 {
            meter.enqueue(1).await;
        }
        meter.server.command(&["DEL", "asynq:{default}:pending"]).expect("the queue is empty again");
        meter
    }

    async fn enqueue(&self, count: usize) {
        let stored = Client::new(self.backend.clone()).enqueue_batch(greetings(count)).await.expect("stored");
        assert!(stored.iter().all(Result::is_ok), "each is stored");
    }

    /// Counts what happens meanwhile.
    async fn count(&self, what: impl Future<Output = ()>) -> Count {
        let link = Link::new(RedisOptions::parse(&self.server.url()).expect("its address"));
        link.command("forget", Command::new("CONFIG").arg("RESETSTAT")).await.expect("forgotten");
        let before = traffic(&self.backend).round_trips;
        tokio::time::timeout(PATIENCE, what).await.expect("it ends in time");
        let round_trips = traffic(&self.backend).round_trips - before;
        let stats = self.server.command(&["INFO", "commandstats"]).expect("statistics");
        let calls = stats.lines().filter_map(|line| line.split_once("calls=")?.1.split(',').next());
        let commands: f64 = calls.filter_map(|calls| calls.parse::<f64>().ok()).sum();
        Count { round_trips: round_trips as f64, commands }
    }

    /// Works until `count` tasks are handled.
    async fn drain(&self, count: usize, concurrency: usize) {
        let left = Arc::new((AtomicUsize::new(count), Notify::new()));
        let router = Router::with_state(Arc::clone(&left)).route(
            async |State(left): State<Arc<(AtomicUsize, Notify)>>, _: Greet| {
                if left.0.fetch_sub(1, Ordering::Relaxed) == 1 {
                    left.1.notify_one();
                }
            },
        );
        let worker = Worker::builder(self.backend.clone(), router).concurrency(concurrency);
        let worker = worker.build().expect("a worker");
        let stop = worker.stop_handle();
        let running = tokio::spawn(worker.run());
        left.1.notified().await;
        stop.shutdown();
        running.await.expect("no panic").expect("no loop died");
    }
}

/// Prints a row of the table, and holds it against its limits.
fn judge(what: &str, count: Count, limit: Count) {
    println!(
        "| {what:<44} | {:>9.3} (≤ {:>5.2}) | {:>9.3} (≤ {:>5.2}) |",
        count.round_trips, limit.round_trips, count.commands, limit.commands
    );
    assert!(count.round_trips <= limit.round_trips, "{what}: {count:?} is above {limit:?}");
    assert!(count.commands <= limit.commands, "{what}: {count:?} is above {limit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_enqueued_in_one_round_trip() {
    let meter = Meter::start().await;
    let count = meter.count(meter.enqueue(100)).await;
    assert_eq!(count.round_trips, 1.0, "{count:?}");
    // EXISTS and HSET, and a share of the script and of one LPUSH.
    judge("enqueue a batch of 100, per task", count.per(100), Count { round_trips: 0.01, commands: 2.1 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_call_to_enqueue_is_one_round_trip() {
    let meter = Meter::start().await;
    let client = Client::new(meter.backend.clone());
    let count = meter
        .count(async {
            for _ in 0..100 {
                client.enqueue(&Greet { username: "alice10".to_owned() }).await.expect("stored");
            }
        })
        .await;
    judge("enqueue one at a time, per task", count.per(100), Count { round_trips: 1.0, commands: 5.1 });
}

async fn drained(concurrency: usize, limit: Count) {
    const TASKS: usize = 1_000;
    let meter = Meter::start().await;
    meter.enqueue(TASKS).await;
    let count = meter.count(meter.drain(TASKS, concurrency)).await;
    judge(&format!("drain 1,000 at concurrency {concurrency}, per task"), count.per(TASKS), limit);
}

// A worker starts without knowing how short its tasks are, and begins and ends with its presence: that is in here.
#[tokio::test(flavor = "multi_thread")]
async fn ten_slots_drain_with_many_tasks_to_a_round_trip() {
    drained(10, Count { round_trips: 0.20, commands: 4.5 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_slots_drain_with_many_tasks_to_a_round_trip() {
    drained(100, Count { round_trips: 0.08, commands: 4.0 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idle_worker_hardly_speaks() {
    let meter = Meter::start().await;
    let router = Router::new().route(async |_: Greet| {});
    let worker = Worker::builder(meter.backend.clone(), router).build().expect("a worker");
    let stop = worker.stop_handle();
    let running = tokio::spawn(worker.run());
    // What is counted is time itself.
    let count = meter.count(tokio::time::sleep(IDLE)).await;
    stop.shutdown();
    running.await.expect("no panic").expect("no loop died");
    let seconds = usize::try_from(IDLE.as_secs()).expect("a few");
    judge("an idle worker, per second", count.per(seconds), Count { round_trips: 6.0, commands: 25.0 });
}

#[tokio::test(flavor = "multi_thread")]
async fn a_settle_that_comes_too_late_is_one_round_trip_and_writes_nothing() {
    let meter = Meter::start().await;
    meter.enqueue(100).await;
    let quota = Quota { queue: QueueName::default(), count: 100 };
    let grant = LeaseGrant { worker: WorkerId::random("host", 1), duration: Duration::from_secs(30) };
    let leased = meter.backend.dequeue(&[quota], &grant).await.expect("taken");
    meter.server.command(&["DEL", "asynq:{default}:lease"]).expect("the leases are gone");
    let batch: Vec<Settlement> = leased
        .into_iter()
        .map(|leased| Settlement { leased: Arc::new(leased), outcome: Outcome::Done })
        .collect();
    let settle = async || {
        let settled = meter.backend.settle(&batch).await.expect("an answer");
        assert!(settled.len() == 100 && settled.iter().all(Result::is_err), "each lease is lost");
    };
    // The first time Redis learns the script.
    settle().await;
    let count = meter.count(settle()).await;
    // Not one for each lease; a ping of the listener may be among them.
    judge("settle 100 lost leases, all", count, Count { round_trips: 1.0, commands: 12.0 });
}
