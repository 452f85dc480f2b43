//! What every handle of this crate is made of: connections, a clock, default options and news.

use std::sync::Arc;

use aftercommit_core::{Clock, Options, Result, SystemClock, Timestamp};
use sqlx::{Connection as _, PgConnection, PgPool};

use crate::conn::Conn;
use crate::error::{Fault, failed};
use crate::links::Links;
use crate::news::News;
use crate::session::{Manner, On, Session, within};
use crate::{PostgresOptions, PostgresTx};

/// What a handle shares with its clones.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    /// The engine's own connections.
    links: Arc<Links>,
    /// How statements are run on the host's.
    host: Arc<Manner>,
    clock: Time,
    pub(crate) defaults: Arc<Options>,
    pub(crate) news: Arc<News>,
}

/// Whose clock decides.
#[derive(Debug, Clone)]
enum Time {
    /// The database's, which all workers share: one whose own clock is ahead takes nobody's tasks away. Beside it the
    /// clock of this machine, for what a caller says in relation to now.
    OfTheDatabase { here: Arc<dyn Clock> },
    /// One that the host brought.
    Given(Arc<dyn Clock>),
}

impl Store {
    pub(crate) fn new(options: &PostgresOptions) -> Self {
        let links = Links::new(options.clone());
        Self {
            host: Arc::new(Manner::of_the_host(options)),
            clock: Time::OfTheDatabase { here: Arc::new(SystemClock) },
            defaults: Arc::default(),
            news: Arc::new(News::new(Arc::clone(&links))),
            links,
        }
    }

    pub(crate) fn set_clock(&mut self, clock: Arc<dyn Clock>) {
        self.clock = Time::Given(clock);
    }

    pub(crate) fn set_clock_of_this_machine(&mut self, here: Arc<dyn Clock>) {
        self.clock = Time::OfTheDatabase { here };
    }

    /// The present moment as `aftercommit.moment` wants it: NULL for the clock of the database.
    pub(crate) fn moment(&self) -> Option<i64> {
        match &self.clock {
            Time::OfTheDatabase { .. } => None,
            Time::Given(clock) => Some(clock.now().as_millis()),
        }
    }

    /// The present moment on this machine, for what a caller says in relation to now.
    pub(crate) fn local_now(&self) -> Timestamp {
        match &self.clock {
            Time::OfTheDatabase { here } | Time::Given(here) => here.now(),
        }
    }

    /// A transaction for the host on a connection of the host's, whose commit is news.
    pub(crate) async fn begin(&self, pool: &PgPool) -> Result<PostgresTx> {
        let tx = pool.begin().await.map_err(failed("begin a transaction"))?;
        Ok(PostgresTx::new(tx, Arc::clone(&self.news)))
    }

    /// The host's connection, in whatever transaction it is.
    pub(crate) fn on<'a>(&self, conn: &'a mut PgConnection) -> On<'a> {
        Session::new(conn, (*self.host).clone())
    }

    /// A connection of the engine's, for one statement, or several that do not hold together.
    pub(crate) async fn conn(&self, doing: &'static str) -> Result<Conn> {
        self.links.acquire().await.map_err(|fault| fault.while_trying_to(doing))
    }

    /// A transaction of the engine's, for several statements that hold together.
    pub(crate) async fn transaction(&self, doing: &'static str) -> Result<Conn> {
        let mut conn = self.conn(doing).await?;
        conn.begin().await.map_err(failed(doing))?;
        Ok(conn)
    }

    /// A connection outside of the engine's, without a limit to what a statement may take.
    pub(crate) async fn connect_for_migrations(&self, doing: &'static str) -> Result<PgConnection> {
        let options = self.links.options.for_migrations();
        let connecting = PgConnection::connect_with(&options);
        let conn = within(Some(self.links.options.connect_timeout), connecting).await;
        conn.map_err(|error| Fault::from(error).while_trying_to(doing))
    }

    /// Closes the engine's connections, once what is under way has ended and other processes know what is new.
    pub(crate) async fn close(&self) {
        self.news.close();
        self.news.bell().is_silent(&self.links).await;
        self.links.close().await;
    }
}
