//! What the tests of the link share: commands, patience, and the lines that were logged.

use std::cell::RefCell;
use std::io;
use std::sync::Once;
use std::time::Duration;

use aftercommit_core::{Error, Result};
use aftercommit_redis::RedisOptions;
use aftercommit_redis::internals::{Command, Link, Reply};
use aftercommit_servers::RedisServer;

/// Ends a test that hangs.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) fn options(server: &RedisServer) -> RedisOptions {
    RedisOptions::parse(&server.url()).expect("a server has an address")
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
            tokio::task::yield_now().await;
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

/// Collects what this thread logs, at `info` and above, while it lives. A test runs its tasks on its own thread.
pub(crate) struct Log;

thread_local! {
    static LINES: RefCell<Option<Vec<u8>>> = const { RefCell::new(None) };
}

impl Log {
    pub(crate) fn listen() -> Self {
        // One subscriber for all: with one for each test, an event that is first met by a test without any is switched
        // off for the others too.
        static INSTALLED: Once = Once::new();
        INSTALLED.call_once(|| {
            let subscriber = tracing_subscriber::fmt().with_ansi(false).with_max_level(tracing::Level::INFO);
            subscriber.with_writer(|| Writer).init();
        });
        LINES.set(Some(Vec::new()));
        Self
    }

    /// The level of each line about the link, in order.
    pub(crate) fn levels(&self) -> Vec<String> {
        let level = |line: &str| line.split_whitespace().nth(1).unwrap_or_default().to_owned();
        self.text().lines().map(level).collect()
    }

    pub(crate) fn text(&self) -> String {
        LINES.with_borrow(|lines| String::from_utf8_lossy(lines.as_deref().unwrap_or_default()).into_owned())
    }
}

impl Drop for Log {
    fn drop(&mut self) {
        LINES.set(None);
    }
}

struct Writer;

impl io::Write for Writer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        LINES.with_borrow_mut(|lines| lines.as_mut().map(|lines| lines.extend_from_slice(bytes)));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
