//! The way from a fleet to one of its servers: a network on loopback that can be slow, half-open, cut or closed.

use std::net::SocketAddr;
use std::time::Duration;

use aftercommit_servers::ChaosProxy;
use tokio::sync::Mutex;
use tokio::time::sleep;

use crate::evidence::Sign;
use crate::journal::Journal;
use crate::plan::LinkFault;

/// One way, on which one fault happens at a time.
pub(crate) struct Link {
    proxy: Mutex<ChaosProxy>,
    /// Where the fleet finds the server.
    pub(crate) addr: SocketAddr,
    journal: Journal,
}

/// What the journal calls it.
const LINK: &str = "link";

impl Link {
    pub(crate) async fn to(server: SocketAddr, journal: Journal) -> anyhow::Result<Self> {
        let proxy = ChaosProxy::start(server).await?;
        let addr = proxy.addr();
        Ok(Self { proxy: Mutex::new(proxy), addr, journal })
    }

    /// The network fails, and afterwards is as before.
    pub(crate) async fn strike(&self, fault: &LinkFault) {
        let proxy = self.proxy.lock().await;
        self.journal.event(LINK, Sign::StoreFailed);
        self.journal.remark(LINK, &format!("{fault:?}"));
        match *fault {
            LinkFault::Slow { one_way, time } => {
                proxy.delay(one_way).await;
                sleep(time).await;
                proxy.delay(Duration::ZERO).await;
            }
            LinkFault::HalfOpen(time) => {
                proxy.stall().await;
                sleep(time).await;
                proxy.open().await;
            }
            LinkFault::Cut => proxy.cut().await,
            LinkFault::Refused(time) => {
                proxy.refuse().await;
                sleep(time).await;
                proxy.open().await;
            }
        }
        self.journal.event(LINK, Sign::StoreBack);
    }
}
