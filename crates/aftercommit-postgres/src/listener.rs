//! Hears the notifications of other processes, on a connection of its own, and connects again and again.

use std::io;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgListener, PgPoolOptions};
use sqlx::{Acquire as _, Connection as _};
use tokio::time::{Instant, sleep};

use crate::links::{chain, jittered};
use crate::news::News;
use crate::session::within;

/// Where notifications come from; see `notify.sql`.
const CHANNEL: &str = "aftercommit";
/// After how long a silence the server is asked whether it is still there.
const PING_AFTER: Duration = Duration::from_secs(2);
/// How long it may take to answer. With the silence before, a dead connection is noticed within five seconds.
const ANSWER_TIMEOUT: Duration = Duration::from_millis(2500);
/// The shortest and the longest pause between two attempts to connect.
const PAUSE_MIN: Duration = Duration::from_millis(50);
const PAUSE_MAX: Duration = Duration::from_secs(1);
/// After how many attempts in vain, while the database is reachable otherwise, the log says so.
const PATIENCE: u32 = 5;

/// Listens without end, if there is a way to. Without one, the looks alone carry the news.
pub(crate) async fn run(news: &News) {
    let links = news.links();
    let Some(options) = links.options.for_a_session() else {
        tracing::info!(
            postgres = links.place(),
            "a pooler keeps notifications from us; looking for work at intervals"
        );
        return;
    };
    let mut said = Said::default();
    let mut pause = PAUSE_MIN;
    loop {
        let started = Instant::now();
        let error = match connect(&options, links.options.connect_timeout).await {
            Err(error) => error,
            Ok(listener) => {
                said.hears(news);
                // Whoever subscribed while nobody heard looks once.
                news.tell_everything();
                hear(listener, news).await
            }
        };
        tracing::debug!(postgres = links.place(), error = chain(&error), "cannot listen to postgres");
        said.is_deaf(news, &error);
        if started.elapsed() > PAUSE_MAX {
            pause = PAUSE_MIN;
        }
        sleep(jittered(pause)).await;
        pause = (pause * 2).min(PAUSE_MAX);
    }
}

async fn connect(options: &PgConnectOptions, limit: Duration) -> sqlx::Result<PgListener> {
    within(Some(limit), async {
        // The driver's listener wants a pool. It has one connection, which is this one.
        let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(limit);
        let pool = pool.idle_timeout(None).max_lifetime(None).connect_lazy_with(options.clone());
        let mut listener = PgListener::connect_with(&pool).await?;
        listener.eager_reconnect(false);
        listener.ignore_pool_close_event(true);
        listener.listen(CHANNEL).await?;
        Ok(listener)
    })
    .await
}

/// Hears until the connection is lost, and says why it is.
async fn hear(mut listener: PgListener, news: &News) -> sqlx::Error {
    loop {
        match tokio::time::timeout(PING_AFTER, listener.try_recv()).await {
            Ok(Ok(Some(notification))) => {
                if let Some(topics) = news.bell().heard(notification.payload()) {
                    news.tell(topics);
                }
            }
            Ok(Ok(None)) => return io::Error::from(io::ErrorKind::ConnectionReset).into(),
            Ok(Err(error)) => return error,
            Err(_silent) => {
                let ping = async { listener.acquire().await?.ping().await };
                if let Err(error) = within(Some(ANSWER_TIMEOUT), ping).await {
                    return error;
                }
            }
        }
    }
}

/// What the log has said, so that it does not say it at each attempt.
#[derive(Debug, Default)]
struct Said {
    failures: u32,
    deaf: bool,
}

impl Said {
    fn hears(&mut self, news: &News) {
        self.failures = 0;
        if std::mem::take(&mut self.deaf) {
            tracing::info!(postgres = news.links().place(), "notifications of postgres are heard again");
        }
    }

    /// The links say when the database is away, so this speaks only if it is there.
    fn is_deaf(&mut self, news: &News, error: &sqlx::Error) {
        if news.links().is_lost() {
            return;
        }
        self.failures += 1;
        if self.failures >= PATIENCE && !std::mem::replace(&mut self.deaf, true) {
            tracing::warn!(
                postgres = news.links().place(),
                error = chain(error),
                "notifications of postgres are not heard; looking for work at intervals"
            );
        }
    }
}
