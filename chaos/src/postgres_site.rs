//! The Postgres of a fleet, behind a bad network, and what may happen to it.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_servers::{PostgresServer, Shutdown};
use sqlx::{Connection as _, PgConnection};
use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::sleep;

use crate::evidence::Sign;
use crate::journal::Journal;
use crate::link::Link;
use crate::plan::{Ending, PostgresFault};

/// What the journal calls it.
const POSTGRES: &str = "postgres";

/// A Postgres, and the way to it that the fleet takes.
pub(crate) struct PostgresSite {
    server: Arc<Mutex<PostgresServer>>,
    pub(crate) link: Link,
    /// Past the bad network, for the auditor.
    pub(crate) url: String,
    /// The bank's `DB_SOURCE`.
    pub(crate) source: String,
    journal: Journal,
}

impl PostgresSite {
    pub(crate) async fn start(journal: Journal) -> anyhow::Result<Self> {
        let start = || {
            let server = PostgresServer::builder().durable().start()?;
            let url = server.database_url()?;
            anyhow::Ok((server, url))
        };
        let (server, url) = tokio::task::spawn_blocking(start).await??;
        let link = Link::to(server.addr(), journal.clone()).await?;
        let source = url.replace(&server.addr().to_string(), &link.addr.to_string());
        let source = format!("{source}?sslmode=disable");
        Ok(Self { server: Arc::new(Mutex::new(server)), link, url, source, journal })
    }

    /// Postgres fails, and afterwards is as before.
    pub(crate) async fn strike(&self, fault: &PostgresFault) -> anyhow::Result<()> {
        match *fault {
            PostgresFault::Ended { how, away } => {
                let server = self.begin(fault).await;
                let server = on(server, move |server| match how {
                    Ending::Fast => server.stop(Shutdown::Fast),
                    Ending::Immediate => server.stop(Shutdown::Immediate),
                    Ending::Killed => server.kill(),
                })
                .await?;
                sleep(away).await;
                on(server, PostgresServer::start_again).await?;
                self.journal.event(POSTGRES, Sign::StoreBack);
            }
            PostgresFault::BackendsTerminated => {
                let server = self.begin(fault).await;
                on(server, |server| server.terminate_backends().map(drop)).await?;
                self.journal.event(POSTGRES, Sign::StoreBack);
            }
            PostgresFault::TransactionHeld(time) => self.hold(time).await,
        }
        Ok(())
    }

    async fn begin(&self, fault: &PostgresFault) -> Held {
        let server = Arc::clone(&self.server).lock_owned().await;
        self.journal.event(POSTGRES, Sign::StoreFailed);
        self.journal.remark(POSTGRES, &format!("{fault:?}"));
        server
    }

    /// Holds a transaction open that keeps vacuum from removing anything. Others may end it before its time.
    async fn hold(&self, time: Duration) {
        self.journal.remark(POSTGRES, &format!("a transaction is held open for {time:?}"));
        let holding = async {
            let mut connection = PgConnection::connect(&self.url).await?;
            let mut tx = connection.begin().await?;
            sqlx::query("SELECT pg_current_xact_id()::text").execute(&mut *tx).await?;
            sleep(time).await;
            tx.rollback().await
        };
        let ended: sqlx::Result<()> = holding.await;
        self.journal.remark(POSTGRES, &format!("the transaction has ended: {ended:?}"));
    }
}

type Held = OwnedMutexGuard<PostgresServer>;

/// Does something that blocks off the reactor, and hands the server back.
async fn on(
    mut server: Held,
    work: impl FnOnce(&mut PostgresServer) -> anyhow::Result<()> + Send + 'static,
) -> anyhow::Result<Held> {
    tokio::task::spawn_blocking(move || work(&mut server).map(|()| server)).await?
}
