//! The private Redis of the measurements, and what it says about itself.

use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit::{Client, NewTask};
use aftercommit_servers::RedisServer;
use anyhow::{Context, Result};
use redis::Connection;

use crate::half::SendVerifyEmail;

/// How many tasks are stored with one call when a backlog is made.
const BATCH: usize = 500;
/// How many such calls are under way.
const CALLERS: usize = 4;

pub(super) struct Server {
    server: RedisServer,
    connection: Connection,
    pub(super) version: String,
}

/// The counters of a server at one moment.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spent {
    cpu_ms: f64,
    commands: f64,
}

impl Server {
    /// Without persistence: what is measured is Redis, not a disk.
    pub(super) fn start() -> Result<Self> {
        let server = RedisServer::start()?;
        let connection = redis::Client::open(server.url())?.get_connection()?;
        let mut started = Self { server, connection, version: String::new() };
        started.version = started.info("server", "redis_version")?;
        Ok(started)
    }

    pub(super) fn addr(&self) -> std::net::SocketAddr {
        self.server.addr()
    }

    pub(super) fn empty(&mut self) -> Result<()> {
        Ok(redis::cmd("FLUSHALL").arg("SYNC").exec(&mut self.connection)?)
    }

    /// Stores tasks for any of the peers to work on.
    pub(super) async fn fill(&self, tasks: usize) -> Result<()> {
        let client = Client::new(RedisBackend::new(RedisOptions::parse(&self.server.url())?));
        let fill = |count: usize| {
            let client = client.clone();
            async move {
                let mut left = count;
                while left > 0 {
                    let now = left.min(BATCH);
                    let batch = (0..now).map(|_| NewTask::of(&SendVerifyEmail::plain()));
                    for stored in client.enqueue_batch(batch.collect::<Result<Vec<_>, _>>()?).await? {
                        stored?;
                    }
                    left -= now;
                }
                anyhow::Ok(())
            }
        };
        let callers: Vec<_> = (0..CALLERS)
            .map(|caller| tokio::spawn(fill(tasks / CALLERS + usize::from(caller < tasks % CALLERS))))
            .collect();
        for caller in callers {
            caller.await??;
        }
        Ok(())
    }

    pub(super) fn spent(&mut self) -> Result<Spent> {
        let seconds = |text: String| text.parse::<f64>().context("a number of seconds");
        let cpu = seconds(self.info("cpu", "used_cpu_user")?)? + seconds(self.info("cpu", "used_cpu_sys")?)?;
        let commands = self.info("stats", "total_commands_processed")?.parse()?;
        Ok(Spent { cpu_ms: cpu * 1_000.0, commands })
    }

    fn info(&mut self, section: &str, field: &str) -> Result<String> {
        let info: String = redis::cmd("INFO").arg(section).query(&mut self.connection)?;
        let value = info.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        Ok(value.with_context(|| format!("INFO {section} has no {field}"))?.trim().to_owned())
    }
}

impl Spent {
    pub(super) fn cpu_ms_since(self, earlier: Self) -> f64 {
        self.cpu_ms - earlier.cpu_ms
    }

    /// Commands that scripts run count too.
    pub(super) fn commands_since(self, earlier: Self) -> f64 {
        self.commands - earlier.commands
    }
}
