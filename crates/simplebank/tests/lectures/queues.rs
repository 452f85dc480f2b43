//! What waits in Redis, looked at past the bank.

use crate::process::PATIENCE;
use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit::{Inspect, Page, QueueName, TaskInfo, TaskState};
use aftercommit_servers::RedisServer;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// Nobody is woken by a task that changes its state, so it is asked again after this long.
pub(crate) const AGAIN: Duration = Duration::from_millis(10);
/// More tasks than any scene has.
const ALL: usize = 100;

/// The queues of one Redis.
pub(crate) struct Queues(RedisBackend);

impl Queues {
    pub(crate) fn of(redis: &RedisServer) -> Self {
        Self(RedisBackend::new(RedisOptions::parse(&redis.addr().to_string()).unwrap()))
    }

    /// All tasks by queue and state: `critical: 1 scheduled`, or `no task`.
    pub(crate) async fn words(&self) -> String {
        let mut words = Vec::new();
        let mut names = self.0.queues().await.unwrap();
        names.sort_unstable();
        for name in names {
            let Some(queue) = self.0.queue(&name).await.unwrap() else { continue };
            let states = TaskState::ALL.iter().map(|state| (queue.counts.get(*state), state));
            let some =
                states.filter(|(count, _)| *count > 0).map(|(count, state)| format!("{count} {state}"));
            let some: Vec<String> = some.collect();
            if !some.is_empty() {
                words.push(format!("{name}: {}", some.join(", ")));
            }
        }
        if words.is_empty() { "no task".to_owned() } else { words.join(", ") }
    }

    /// Waits until the queues are as these words say.
    pub(crate) async fn until(&self, words: &str) {
        let become_so = async {
            while self.words().await != words {
                sleep(AGAIN).await;
            }
        };
        if timeout(PATIENCE, become_so).await.is_err() {
            panic!("after {PATIENCE:?} the queues are still not {words:?} but {:?}", self.words().await);
        }
    }

    /// The only task in this state of the queue `critical`.
    pub(crate) async fn only(&self, state: TaskState) -> TaskInfo {
        let critical = QueueName::new("critical").unwrap();
        let mut tasks = self.0.list(&critical, &state.into(), Page::first(ALL)).await.unwrap();
        assert_eq!(tasks.len(), 1, "{tasks:?}");
        tasks.remove(0)
    }
}
