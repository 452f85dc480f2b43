//! The Redis of a fleet, the bad network before it, and what may happen to both.

use std::sync::Arc;

use aftercommit::redis::{RedisBackend, RedisOptions};
use aftercommit_servers::{AppendFsync, ChaosProxy, RedisServer};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::sleep;

use crate::evidence::Sign;
use crate::journal::Journal;
use crate::plan::{LinkFault, RedisFault};

/// What the journal calls them.
const REDIS: &str = "redis";
const LINK: &str = "link";

/// A Redis, and the way to it that the fleet takes.
pub(crate) struct RedisSite {
    server: Arc<Mutex<RedisServer>>,
    /// Past the bad network, for the auditor.
    pub(crate) backend: RedisBackend,
    link: Mutex<ChaosProxy>,
    /// Where the fleet finds it.
    pub(crate) address: String,
    journal: Journal,
}

impl RedisSite {
    /// Its append-only file is on the disk before each answer: what it said to have taken, it has after a crash. A Redis
    /// that loses what it has taken is for outboxes that keep their rows until a task is done.
    pub(crate) async fn start(journal: Journal) -> anyhow::Result<Self> {
        let server = RedisServer::builder().append_only(AppendFsync::Always).start()?;
        let link = ChaosProxy::start(server.addr()).await?;
        let backend = RedisBackend::new(RedisOptions::parse(&server.addr().to_string())?);
        let address = link.addr().to_string();
        Ok(Self { server: Arc::new(Mutex::new(server)), backend, link: Mutex::new(link), address, journal })
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
            }
        }
        self.journal.event(REDIS, Sign::StoreBack);
        Ok(())
    }

    /// The network fails, and afterwards is as before.
    pub(crate) async fn strike_link(&self, fault: &LinkFault) {
        let link = self.link.lock().await;
        self.journal.event(LINK, Sign::StoreFailed);
        self.journal.remark(LINK, &format!("{fault:?}"));
        match *fault {
            LinkFault::Slow { one_way, time } => {
                link.delay(one_way).await;
                sleep(time).await;
                link.delay(std::time::Duration::ZERO).await;
            }
            LinkFault::HalfOpen(time) => {
                link.stall().await;
                sleep(time).await;
                link.open().await;
            }
            LinkFault::Cut => link.cut().await,
            LinkFault::Refused(time) => {
                link.refuse().await;
                sleep(time).await;
                link.open().await;
            }
        }
        self.journal.event(LINK, Sign::StoreBack);
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
