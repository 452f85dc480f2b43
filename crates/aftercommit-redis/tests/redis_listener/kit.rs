//! What the tests of the listener share: a server, another client, and ways to wait for what has happened.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aftercommit_core::{Broker, Cancellations, Presence, QueueName, Wake, Wakes};
use aftercommit_redis::internals::{Command, Link, Reply};
use aftercommit_redis::{RedisBackend, RedisOptions};
use aftercommit_servers::RedisServer;
use futures_util::StreamExt;
use tokio::task::JoinHandle;
use tracing::subscriber::DefaultGuard;

/// Ends a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A server, the back-end under test, and a client that knows nothing of it.
pub(crate) struct Stage {
    pub(crate) server: RedisServer,
    pub(crate) backend: RedisBackend,
    pub(crate) other: Link,
    /// Keeps the connection that is listened on.
    _listens: Option<Cancellations>,
}

impl Stage {
    /// Nothing is connected yet.
    pub(crate) fn new() -> Self {
        Self::on(RedisServer::start().unwrap())
    }

    /// The back-end listens already, so that no hint comes from a clock.
    pub(crate) async fn listening() -> Self {
        let stage = Self::new();
        let listens = Some(stage.backend.cancellations());
        until(async || stage.ears().await.len() == 1).await;
        Self { _listens: listens, ..stage }
    }

    pub(crate) fn on(server: RedisServer) -> Self {
        let options = RedisOptions::parse(&server.url()).unwrap();
        Self {
            backend: RedisBackend::new(options.clone()),
            other: Link::new(options),
            server,
            _listens: None,
        }
    }

    /// Starts the server again, and waits until it is listened to.
    pub(crate) async fn start_again(&mut self) {
        self.server.start_again().unwrap();
        self.other = Link::new(RedisOptions::parse(&self.server.url()).unwrap());
        until(async || self.ears().await.len() == 1).await;
    }

    pub(crate) fn wakes(&self, wake: Wake) -> Wakes {
        self.backend.wakes(wake, &[queue("q")])
    }

    /// Runs a command as the other client: words, divided by spaces.
    pub(crate) async fn run(&self, words: &str) -> Reply {
        run(&self.other, words).await
    }

    pub(crate) async fn push(&self, id: &str) {
        self.run(&format!("LPUSH asynq:{{q}}:pending {id}")).await;
    }

    pub(crate) async fn pop(&self) -> bool {
        self.run("RPOP asynq:{q}:pending").await != Reply::Nil
    }

    /// How many keys Redis will tell changes of.
    pub(crate) async fn armed(&self) -> u64 {
        number_in(&self.text("INFO stats").await, "tracking_total_keys:")
    }

    /// How many times this command was called.
    pub(crate) async fn calls(&self, command: &str) -> u64 {
        number_in(&self.text("INFO commandstats").await, &format!("cmdstat_{command}:calls="))
    }

    pub(crate) async fn text(&self, words: &str) -> String {
        let Reply::Bytes(text) = self.run(words).await else { panic!("{words} gives a text") };
        String::from_utf8(text.into()).unwrap()
    }

    /// The connections that are listened on, by their ids.
    pub(crate) async fn ears(&self) -> Vec<String> {
        let list = self.text("CLIENT LIST").await;
        let subscribed = list.lines().filter(|line| line.contains(" sub=1 "));
        subscribed.map(|line| number_in(line, "id=").to_string()).collect()
    }

    pub(crate) async fn until_armed(&self, keys: u64) {
        until(async || self.armed().await == keys).await;
    }
}

/// Runs a command: words, divided by spaces.
pub(crate) async fn run(link: &Link, words: &str) -> Reply {
    let mut words = words.split(' ');
    let command = Command::new(words.next().unwrap()).args(words);
    link.command("play another client", command).await.unwrap()
}

fn number_in(text: &str, before: &str) -> u64 {
    let Some((_, rest)) = text.split_once(before) else { return 0 };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].parse().unwrap()
}

pub(crate) fn queue(name: &str) -> QueueName {
    QueueName::new(name).unwrap()
}

/// Asks until it holds.
pub(crate) async fn until(mut holds: impl AsyncFnMut() -> bool) {
    let asking = async {
        while !holds().await {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.expect("it holds in the end");
}

/// Waits for a hint.
pub(crate) async fn hint(wakes: &mut Wakes) {
    let hint = tokio::time::timeout(PATIENCE, wakes.next()).await;
    assert_eq!(hint.expect("a hint comes"), Some(()), "a stream lives until it is dropped");
}

/// Waits for a hint elsewhere, so that nothing but a hint wakes it.
pub(crate) fn waiting(mut wakes: Wakes) -> JoinHandle<Wakes> {
    tokio::spawn(async move {
        assert_eq!(wakes.next().await, Some(()), "a stream lives until it is dropped");
        wakes
    })
}

/// The same, to its end.
pub(crate) async fn awoken(wakes: Wakes) -> Wakes {
    woken(waiting(wakes)).await
}

/// Waits until a sleeper is woken.
pub(crate) async fn woken(sleeper: JoinHandle<Wakes>) -> Wakes {
    tokio::time::timeout(PATIENCE, sleeper).await.expect("a hint comes").unwrap()
}

/// Collects what is logged, at `info` and above, while it lives. For a test on one thread.
pub(crate) struct Log {
    lines: Arc<Mutex<Vec<u8>>>,
    _guard: DefaultGuard,
}

impl Log {
    pub(crate) fn listen() -> Self {
        let lines = Arc::new(Mutex::new(Vec::new()));
        let writer = Writer(Arc::clone(&lines));
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(tracing::Level::INFO)
            .with_writer(move || writer.clone())
            .finish();
        Self { lines, _guard: tracing::subscriber::set_default(subscriber) }
    }

    /// How many lines contain this.
    pub(crate) fn count(&self, words: &str) -> usize {
        let text = String::from_utf8(self.lines.lock().unwrap().clone()).unwrap();
        text.lines().filter(|line| line.contains(words)).count()
    }
}

#[derive(Clone)]
struct Writer(Arc<Mutex<Vec<u8>>>);

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
