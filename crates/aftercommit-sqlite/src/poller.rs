//! Notices what other processes commit. SQLite has no notification across processes, but it keeps a
//! number that differs once another connection has committed; to read it costs microseconds. One task
//! per queue does that, on a connection of its own, as long as anybody waits for news.

use std::sync::Arc;
use std::time::Duration;

use sqlx::{ConnectOptions, Row, SqliteConnection};
use tokio::time::sleep;

use crate::news::News;
use crate::sql;

/// How often to look. News of another process takes this long and the time of a look.
const INTERVAL: Duration = Duration::from_millis(20);
/// The longest pause between two attempts to reach a file that cannot be read.
const MAX_PAUSE: Duration = Duration::from_secs(1);

/// Looks until nobody waits for news any more.
pub(crate) async fn run(news: Arc<News>) {
    // A runtime that ends drops this task at any moment.
    let mut place = Place(Some(Arc::clone(&news)));
    let mut pause = INTERVAL;
    let mut lost = false;
    while !news.end_if_unheard() {
        let Err(error) = watch(&news, &mut lost, &mut pause).await else { break };
        if !lost {
            lost = true;
            tracing::warn!(%error, "cannot look for changes by other processes; trying again");
        }
        sleep(pause).await;
        pause = (pause * 2).min(MAX_PAUSE);
    }
    // The place was given back by the last look for listeners; it may be another one's by now.
    place.0 = None;
}

/// Looks with one connection, until nobody waits or the connection fails.
async fn watch(news: &News, lost: &mut bool, pause: &mut Duration) -> sqlx::Result<()> {
    let mut conn = news.options().clone().connect().await?;
    let mut version = data_version(&mut conn).await?;
    let Seen { mut cancelled, mut outbox, .. } = look(&mut conn).await?;
    if std::mem::take(lost) {
        tracing::info!("looking for changes by other processes again");
    }
    *pause = INTERVAL;
    // Whatever was committed before the first look may be news to somebody.
    news.everything();
    loop {
        sleep(INTERVAL).await;
        if news.end_if_unheard() {
            return Ok(());
        }
        let now = data_version(&mut conn).await?;
        if now == version {
            continue;
        }
        version = now;
        let seen = look(&mut conn).await?;
        if seen.pending {
            news.pending();
        }
        if seen.waiting {
            news.due();
        }
        if seen.grouped {
            news.groups();
        }
        // New rows are there to be claimed; of the others only a change is news: somebody who holds some may
        // die, and whoever waits must know until when he has to wait.
        if seen.outbox.is_some_and(|free_at| free_at == 0 || seen.outbox != outbox) {
            news.outbox();
        }
        outbox = seen.outbox;
        if seen.cancelled != cancelled {
            cancelled = seen.cancelled;
            news.cancelled();
        }
    }
}

async fn data_version(conn: &mut SqliteConnection) -> sqlx::Result<i64> {
    sqlx::query_scalar("PRAGMA data_version").fetch_one(conn).await
}

/// What there is that somebody may wait for. Most commits, of leases, heartbeats or the host's own data,
/// are about nothing of it.
struct Seen {
    pending: bool,
    waiting: bool,
    grouped: bool,
    /// From when on the first row of the outbox may be claimed; 0 for a new one.
    outbox: Option<i64>,
    /// The last cancellation.
    cancelled: i64,
}

async fn look(conn: &mut SqliteConnection) -> sqlx::Result<Seen> {
    let row = sqlx::query(sql::LOOK).fetch_one(conn).await?;
    Ok(Seen {
        pending: row.try_get(0)?,
        waiting: row.try_get(1)?,
        grouped: row.try_get(2)?,
        outbox: row.try_get(3)?,
        cancelled: row.try_get(4)?,
    })
}

/// The place of the one poller, given back even if its task is dropped.
struct Place(Option<Arc<News>>);

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(news) = &self.0 {
            news.poller_gone();
        }
    }
}
