//! The Redis of a fleet, behind a bad network, and what may happen to it.

use std::sync::Arc;

use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit_servers::{AppendFsync, RedisServer};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::sleep;

use crate::evidence::Sign;
use crate::journal::Journal;
use crate::link::Link;
use crate::plan::RedisFault;

/// What the journal calls it.
const REDIS: &str = "redis";

/// A Redis, and the way to it that the fleet takes.
pub(crate) struct RedisSite {
    server: Arc<Mutex<RedisServer>>,
    /// Past the bad network, for the auditor.
    pub(crate) backend: RedisBackend,
    pub(crate) link: Link,
    journal: Journal,
}

impl RedisSite {
    /// Its append-only file is on the disk before each answer: what it said to have taken, it has after a crash. It loses
    /// what it has taken only when it is flushed, and that is on record.
    pub(crate) async fn start(journal: Journal) -> anyhow::Result<Self> {
        let server = RedisServer::builder().append_only(AppendFsync::Always).start()?;
        let link = Link::to(server.addr(), journal.clone()).await?;
        let backend = RedisBackend::new(RedisOptions::parse(&server.addr().to_string())?);
        Ok(Self { server: Arc::new(Mutex::new(server)), backend, link, journal })
    }

    /// Redis fails, and afterwards is as before but for what was flushed.
    pub(crate) async fn strike(&self, fault: &RedisFault) -> anyhow::Result<()> {
        let server = Arc::clone(&self.server).lock_owned().await;
        self.journal.event(REDIS, Sign::StoreFailed);
        self.journal.remark(REDIS, &format!("{fault:?}"));
        match *fault {
            RedisFault::Stopped(time) => {
                let server = on(server, RedisServer::stop).await?;
                sleep(time).await;
                on(server, RedisServer::start_again).await?;
            }
            RedisFault::Killed(time) => {
                let server = on(server, RedisServer::kill).await?;
                sleep(time).await;
                on(server, RedisServer::start_again).await?;
            }
            RedisFault::Frozen(time) => {
                server.pause();
                sleep(time).await;
                server.resume();
            }
            RedisFault::ClientsKilled => {
                on(server, |server| server.command(&["CLIENT", "KILL", "TYPE", "normal"]).map(drop)).await?;
            }
            RedisFault::ScriptsForgotten => {
                on(server, |server| server.command(&["SCRIPT", "FLUSH"]).map(drop)).await?;
            }
            RedisFault::Flushed => {
                on(server, |server| server.command(&["FLUSHALL"]).map(drop)).await?;
                self.journal.event(REDIS, Sign::StoreForgot);
            }
        }
        self.journal.event(REDIS, Sign::StoreBack);
        Ok(())
    }
}

type Held = OwnedMutexGuard<RedisServer>;

/// Does something that blocks for a moment off the reactor, and hands the server back.
async fn on(
    mut server: Held,
    work: impl FnOnce(&mut RedisServer) -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<Held> {
    tokio::task::spawn_blocking(move || work(&mut server).map(|()| server)).await?
}
