//! One Redis that both sides share, and the patience to wait for something in it.

use std::path::PathBuf;
use std::time::Duration;

use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit::{Client, Inspector, QueueName, TaskId};
use aftercommit_interop::{Config, GoInspector, Redis, Request, Worker};
use aftercommit_redis::internals::{Command, Link, Reply};
use aftercommit_servers::RedisServer;
use tempfile::TempDir;

/// Ends a test that hangs.
const PATIENCE: Duration = Duration::from_secs(30);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A private Redis, and a directory for the effect logs.
pub(crate) struct Ground {
    pub(crate) server: RedisServer,
    directory: TempDir,
}

impl Ground {
    pub(crate) fn new() -> Self {
        Self::on(RedisServer::start().expect("a server"))
    }

    pub(crate) fn on(server: RedisServer) -> Self {
        Self { server, directory: tempfile::tempdir().expect("a directory") }
    }

    pub(crate) fn redis(&self, db: u32) -> Redis {
        Redis::at(self.server.addr(), db)
    }

    /// The effect log with this name.
    pub(crate) fn effects(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn options(&self, db: u32) -> RedisOptions {
        RedisOptions::parse(&self.redis(db).url()).expect("an address")
    }

    pub(crate) fn backend(&self, db: u32) -> RedisBackend {
        RedisBackend::new(self.options(db))
    }

    pub(crate) fn client(&self, db: u32) -> Client {
        Client::new(self.backend(db))
    }

    pub(crate) fn inspector(&self, db: u32) -> Inspector {
        Inspector::new(self.backend(db))
    }

    pub(crate) fn raw(&self, db: u32) -> Raw {
        Raw(Link::new(self.options(db)))
    }

    pub(crate) async fn go(&self, db: u32, config: &Config, effects: &str) -> Worker {
        Worker::start_go(&self.redis(db), config, &self.effects(effects)).await.expect("asynq's worker")
    }

    pub(crate) async fn rust(&self, db: u32, config: &Config, effects: &str) -> Worker {
        let program = PathBuf::from(env!("CARGO_BIN_EXE_interop-rust"));
        let (redis, effects) = (self.redis(db), self.effects(effects));
        Worker::start_rust(&program, &redis, config, &effects).await.expect("our worker")
    }
}

/// Redis past everybody.
pub(crate) struct Raw(Link);

impl Raw {
    pub(crate) async fn ask(&self, words: &[&[u8]]) -> Reply {
        let name = std::str::from_utf8(words[0]).expect("the name of a command");
        let command = Command::new(name).args(words[1..].iter());
        self.0.command("look past everybody", command).await.expect("Redis answers")
    }

    pub(crate) async fn text(&self, words: &[&str]) -> Reply {
        self.ask(&words.iter().map(|word| word.as_bytes()).collect::<Vec<_>>()).await
    }

    pub(crate) async fn int(&self, words: &[&str]) -> i64 {
        self.text(words).await.into_int("count").expect("a number")
    }

    /// The state of a task, or nothing without such a task.
    pub(crate) async fn state(&self, queue: &str, id: &str) -> String {
        let key = format!("asynq:{{{queue}}}:t:{id}");
        let state = self.text(&["HGET", &key, "state"]).await.into_bytes("look").expect("a string");
        String::from_utf8(state.unwrap_or_default().into()).expect("a text")
    }

    /// Waits until a task is in this state.
    pub(crate) async fn reaches(&self, queue: &str, id: &str, state: &str) {
        let what = format!("{id} of {queue} to be {state:?}");
        until(&what, async || (self.state(queue, id).await == state).then_some(())).await;
    }

    /// Waits until nothing of these queues is pending or active.
    pub(crate) async fn drained(&self, queues: &[String]) {
        until("the queues to be drained", async || {
            for queue in queues {
                for list in ["pending", "active"] {
                    if self.int(&["LLEN", &format!("asynq:{{{queue}}}:{list}")]).await > 0 {
                        return None;
                    }
                }
            }
            Some(())
        })
        .await;
    }
}

impl Raw {
    /// Waits until everything has run, also what is scheduled or waits in a group.
    pub(crate) async fn drained_with_what_waits(&self, inspector: &mut GoInspector, queues: &[String]) {
        self.drained(queues).await;
        for queue in inspector.queues().await.expect("the queues") {
            let ran = inspector.ask::<u32>(Request::RunAllScheduled { queue: &queue }).await;
            ran.expect("asynq runs what is scheduled");
            for group in inspector.groups(&queue).await.expect("the groups") {
                let request = Request::RunAllAggregating { queue: &queue, group: &group.group };
                inspector.ask::<u32>(request).await.expect("asynq runs what is in a group");
            }
        }
        self.drained(queues).await;
    }
}

/// Looks until something is there.
pub(crate) async fn until<T>(what: &str, look: impl AsyncFnMut() -> Option<T>) -> T {
    within(PATIENCE, what, look).await
}

/// The same with another patience.
pub(crate) async fn within<T>(patience: Duration, what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let looks = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    };
    let found = tokio::time::timeout(patience, looks).await;
    found.unwrap_or_else(|_| panic!("waited {patience:?} in vain for {what}"))
}

/// A worker that is quick about everything it can be hurried in, and does not retry meanwhile.
pub(crate) fn hasty<'a>(queues: impl IntoIterator<Item = &'a str>) -> Config {
    Config {
        concurrency: Some(4),
        queues: queues.into_iter().map(|queue| (queue.to_owned(), 1)).collect(),
        task_check_ms: Some(20),
        delayed_check_ms: Some(100),
        retry_delay_ms: Some(3_600_000),
        // What has just completed stays, however short its retention.
        janitor_interval_ms: Some(600_000),
        log_level: Some("error".to_owned()),
        ..Config::default()
    }
}

pub(crate) fn queue(name: &str) -> QueueName {
    QueueName::new(name).expect("a queue name")
}

pub(crate) fn id(id: &str) -> TaskId {
    TaskId::new(id).expect("a task id")
}
