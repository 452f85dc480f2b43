//! The relay from the outbox on SQLite: real transactions, real time.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

use std::sync::Arc;
use std::time::Duration;

use aftercommit::sqlite::SqliteOutbox;
use aftercommit::{
    Backend, Inspect, Outbox, QueueName, Relay, Result, StopHandle, SystemClock, Task, TaskState,
};
use aftercommit_testing::{Call, Fault, Faults, Faulty, MemoryBackend};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;
use tokio::task::JoinHandle;

#[derive(Debug, Serialize, Deserialize)]
struct Mail {
    to: String,
}

impl Task for Mail {
    const TYPE: &'static str = "mail:send";
}

struct Home {
    _dir: TempDir,
    outbox: SqliteOutbox,
    backend: Arc<MemoryBackend>,
}

impl Home {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let outbox = SqliteOutbox::open(dir.path().join("bank.db")).await.unwrap();
        outbox.migrate().await.unwrap();
        Self { _dir: dir, outbox, backend: Arc::new(MemoryBackend::new(Arc::new(SystemClock))) }
    }

    fn carry(&self, backend: Arc<dyn Backend>) -> (StopHandle, JoinHandle<Result<()>>) {
        let relay = Relay::builder(Arc::new(self.outbox.clone()), backend)
            .hold(Duration::from_secs(1))
            .build()
            .unwrap();
        (relay.stop_handle(), tokio::spawn(relay.run()))
    }

    async fn commit(&self, count: usize) {
        let mut tx = self.outbox.begin().await.unwrap();
        for i in 0..count {
            self.outbox.enqueue_in(&mut tx, &Mail { to: i.to_string() }).await.unwrap();
        }
        tx.commit().await.unwrap();
    }

    async fn pending(&self) -> u64 {
        let info = self.backend.queue(&QueueName::default()).await.unwrap();
        info.map_or(0, |info| info.counts.get(TaskState::Pending))
    }

    async fn is_drained(&self) {
        let drained = async {
            while self.outbox.backlog().await.unwrap().waiting > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), drained).await.unwrap();
    }
}

#[tokio::test]
async fn what_commits_is_published_and_what_rolls_back_is_not() {
    let home = Home::new().await;
    let (stop, ended) = home.carry(Arc::clone(&home.backend) as _);
    let mut tx = home.outbox.begin().await.unwrap();
    home.outbox.enqueue_in(&mut tx, &Mail { to: "nobody".to_owned() }).await.unwrap();
    drop(tx);
    home.commit(1_200).await;
    home.is_drained().await;
    assert_eq!(home.pending().await, 1_200);
    stop.shutdown();
    ended.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_a_relay_had_in_its_hands_when_it_died_is_published_once() {
    let home = Home::new().await;
    let faulty = Arc::new(Faulty::new(Arc::clone(&home.backend), Faults::none()));
    faulty.inject(Call::Publish, Fault::LoseAnswer);
    faulty.inject(Call::Publish, Fault::Delay(Duration::from_secs(60)));
    let (_, dying) = home.carry(faulty);
    home.commit(50).await;
    let published = async {
        while home.pending().await < 50 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), published).await.unwrap();
    dying.abort();
    let _ = dying.await;
    assert_eq!(home.outbox.backlog().await.unwrap().waiting, 50, "not marked");
    let (stop, ended) = home.carry(Arc::clone(&home.backend) as _);
    home.is_drained().await;
    assert_eq!(home.pending().await, 50);
    stop.shutdown();
    ended.await.unwrap().unwrap();
}
