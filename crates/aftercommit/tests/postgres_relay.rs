//! The relay from the outbox on Postgres: real transactions, real time, and a back-end that loses what it took.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

use std::sync::Arc;
use std::time::Duration;

use aftercommit::postgres::{PostgresOptions, PostgresOutbox};
use aftercommit::{
    Backend, Inspect, Outbox, QueueName, Relay, RelayMonitor, Result, RetainUntilDone, Router, StopHandle,
    SystemClock, Task, TaskState, Worker,
};
use aftercommit_servers::PostgresServer;
use aftercommit_testing::{Call, Fault, Faults, Faulty, MemoryBackend};
use serde::{Deserialize, Serialize};
use sqlx::PgPool;
use tokio::task::JoinHandle;

#[derive(Debug, Serialize, Deserialize)]
struct Mail {
    to: String,
}

impl Task for Mail {
    const TYPE: &'static str = "mail:send";
}

struct Home {
    _server: Arc<PostgresServer>,
    pool: PgPool,
    outbox: PostgresOutbox,
    backend: Arc<MemoryBackend>,
}

struct Carrying {
    stop: StopHandle,
    monitor: RelayMonitor,
    ended: JoinHandle<Result<()>>,
}

impl Home {
    async fn new() -> Self {
        let server = PostgresServer::shared().unwrap();
        let url = server.database_url().unwrap();
        let outbox = PostgresOutbox::new(&PostgresOptions::parse(&url).unwrap());
        outbox.migrate().await.unwrap();
        let pool = PgPool::connect_lazy(&url).unwrap();
        Self { _server: server, pool, outbox, backend: Arc::new(MemoryBackend::new(Arc::new(SystemClock))) }
    }

    fn carry(&self, backend: Arc<dyn Backend>, retain: Option<RetainUntilDone>) -> Carrying {
        let builder = Relay::builder(Arc::new(self.outbox.clone()), backend).hold(Duration::from_secs(1));
        let relay = match retain {
            Some(rules) => builder.retain_until_done(rules),
            None => builder,
        };
        let relay = relay.build().unwrap();
        let (stop, monitor) = (relay.stop_handle(), relay.monitor());
        Carrying { stop, monitor, ended: tokio::spawn(relay.run()) }
    }

    async fn commit(&self, count: usize) {
        let mut tx = self.outbox.begin(&self.pool).await.unwrap();
        for i in 0..count {
            self.outbox.enqueue_in(&mut tx, &Mail { to: i.to_string() }).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    async fn count(&self, state: TaskState) -> u64 {
        let info = self.backend.queue(&QueueName::default()).await.unwrap();
        info.map_or(0, |info| info.counts.get(state))
    }

    async fn until(&self, what: &str, holds: impl AsyncFn() -> bool) {
        let held = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), held).await.unwrap_or_else(|_| panic!("never {what}"));
    }

    async fn is_drained(&self) {
        self.until("drained", async || self.outbox.backlog().await.unwrap().waiting == 0).await;
    }
}

impl Carrying {
    async fn shut_down(self) {
        self.stop.shutdown();
        self.ended.await.unwrap().unwrap();
    }
}

#[tokio::test]
async fn what_commits_is_published_once_by_several_relays() {
    let home = Home::new().await;
    let relays = [(); 3].map(|()| home.carry(Arc::clone(&home.backend) as _, None));
    let mut tx = home.outbox.begin(&home.pool).await.unwrap();
    home.outbox.enqueue_in(&mut tx, &Mail { to: "nobody".to_owned() }).await.unwrap();
    drop(tx);
    for _ in 0..6 {
        home.commit(200).await;
    }
    home.is_drained().await;
    assert_eq!(home.count(TaskState::Pending).await, 1_200);
    let published: u64 = relays.iter().map(|relay| relay.monitor.counts().published).sum();
    assert_eq!(published, 1_200);
    for relay in relays {
        relay.shut_down().await;
    }
}

#[tokio::test]
async fn what_a_relay_had_in_its_hands_when_it_died_is_published_once() {
    let home = Home::new().await;
    let faulty = Arc::new(Faulty::new(Arc::clone(&home.backend), Faults::none()));
    faulty.inject(Call::Publish, Fault::LoseAnswer);
    faulty.inject(Call::Publish, Fault::Delay(Duration::from_secs(60)));
    let dying = home.carry(faulty, None);
    home.commit(50).await;
    home.until("published", async || home.count(TaskState::Pending).await == 50).await;
    dying.ended.abort();
    let _ = dying.ended.await;
    assert_eq!(home.outbox.backlog().await.unwrap().waiting, 50, "not marked");
    let next = home.carry(Arc::clone(&home.backend) as _, None);
    home.is_drained().await;
    assert_eq!(home.count(TaskState::Pending).await, 50);
    next.shut_down().await;
}

#[tokio::test]
async fn tasks_that_the_back_end_loses_run_in_the_end() {
    let home = Home::new().await;
    let soon = RetainUntilDone::new()
        .first_look(Duration::from_millis(100))
        .longest_pause(Duration::from_millis(400))
        .lost_after(Duration::from_millis(500));
    let relay = home.carry(Arc::clone(&home.backend) as _, Some(soon));
    home.commit(700).await;
    home.is_drained().await;
    assert_eq!(home.outbox.backlog().await.unwrap().kept, 700);
    home.backend.lose_everything();
    home.until("published again", async || home.count(TaskState::Pending).await == 700).await;
    let router = Router::new().route(async |_: Mail| {});
    let worker = Worker::builder_dyn(Arc::clone(&home.backend) as _, router).build().unwrap();
    let stop = worker.stop_handle();
    let working = tokio::spawn(worker.run());
    home.until("closed", async || home.outbox.backlog().await.unwrap().kept == 0).await;
    assert_eq!(home.count(TaskState::Completed).await, 700, "their ends can be seen");
    let counts = relay.monitor.counts();
    assert_eq!((counts.lost, counts.ended, counts.published), (700, 700, 1_400));
    relay.shut_down().await;
    stop.shutdown();
    working.await.unwrap().unwrap();
}
