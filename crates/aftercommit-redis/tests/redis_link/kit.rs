//! What the tests of the link share: commands, patience, and the lines that were logged.

use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aftercommit_core::{Error, Result};
use aftercommit_redis::RedisOptions;
use aftercommit_redis::internals::{Command, Link, Reply};
use aftercommit_servers::RedisServer;
use tracing::subscriber::DefaultGuard;

/// Ends a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn options(server: &RedisServer) -> RedisOptions {
    RedisOptions::parse(&server.url()).unwrap()
}

pub(crate) fn link(server: &RedisServer) -> Link {
    Link::new(options(server))
}

pub(crate) async fn increment(link: &Link) -> Result<i64> {
    link.command("count", Command::new("INCR").arg("counter")).await?.into_int("count")
}

pub(crate) async fn ping(link: &Link) -> Result<Reply> {
    link.command("ping", Command::new("PING")).await
}

/// Calls until it succeeds, as a loop of a worker would. Every failure on the way is a passing one.
pub(crate) async fn eventually<T>(mut call: impl AsyncFnMut() -> Result<T>) -> T {
    let calls = async {
        loop {
            match call().await {
                Ok(value) => return value,
                Err(error) => assert!(error.is_transient(), "{}", chain(&error)),
            }
        }
    };
    tokio::time::timeout(PATIENCE, calls).await.expect("it succeeds in the end")
}

/// Calls until it fails.
pub(crate) async fn until_it_fails<T>(mut call: impl AsyncFnMut() -> Result<T>) -> Error {
    let calls = async {
        loop {
            if let Err(error) = call().await {
                return error;
            }
        }
    };
    tokio::time::timeout(PATIENCE, calls).await.expect("it fails in the end")
}

/// The error with its causes.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
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

    /// The level of each line about the link, in order.
    pub(crate) fn levels(&self) -> Vec<String> {
        let words = |line: &str| line.split_whitespace().nth(1).unwrap_or_default().to_owned();
        self.text().lines().map(words).collect()
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.lines.lock().unwrap().clone()).unwrap()
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
