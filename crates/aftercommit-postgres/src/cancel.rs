//! Cancellations as a stream: every wish from the subscription on, once, whoever wrote it.
//!
//! A listener remembers what was committed when it last looked, as Postgres itself notes it in a snapshot, and asks for what
//! has been committed since. The numbers of the wishes would not do: who takes the smaller one may commit later.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

use aftercommit_core::{BoxError, Cancellation, Cancellations, QueueName, Result, TaskId, Wakes};
use futures_util::{StreamExt, stream};
use sqlx::Row;
use sqlx::postgres::PgRow;
use tokio::time::sleep;

use crate::conn::Conn;
use crate::error::failed;
use crate::news::{News, Topic};
use crate::{PostgresQueue, sql};

const DOING: &str = "read cancellations";
/// The pause after a read that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// The last wish of this process.
#[derive(Debug, Default)]
pub(crate) struct OwnCancels(AtomicI64);

impl OwnCancels {
    /// Remembers a wish of this process, and tells of it.
    pub(crate) fn announce(&self, news: &News, seq: i64) {
        self.0.fetch_max(seq, Ordering::SeqCst);
        news.announce(Topic::Cancelled);
    }
}

/// Subscribes.
pub(crate) fn cancellations(queue: &PostgresQueue) -> Cancellations {
    let listener = Listener {
        hints: queue.store.news.hints(Topic::Cancelled),
        from: From::Subscription {
            last_own: queue.cancels.0.load(Ordering::SeqCst),
            moment: queue.store.moment(),
            at: Instant::now(),
        },
        queue: queue.clone(),
        heard: VecDeque::new(),
        lost: false,
    };
    Box::pin(stream::unfold(listener, |mut listener| async move {
        let next = listener.next().await;
        Some((next, listener))
    }))
}

/// What a listener has heard.
enum From {
    /// Nothing yet. It wants what was asked for after `last_own` and since the subscription; another process's wish of a
    /// moment before it is heard too, since one cannot tell by the milliseconds.
    Subscription {
        last_own: i64,
        /// The moment of the subscription, where the host's clock decides.
        moment: Option<i64>,
        at: Instant,
    },
    /// Everything that this snapshot shows.
    Snapshot(String),
}

struct Listener {
    queue: PostgresQueue,
    hints: Wakes,
    from: From,
    heard: VecDeque<Cancellation>,
    lost: bool,
}

impl Listener {
    async fn next(&mut self) -> Cancellation {
        loop {
            if let Some(next) = self.heard.pop_front() {
                return next;
            }
            match self.read().await {
                Ok(()) if self.heard.is_empty() => {
                    // A hint between the read and this wait is kept. The stream of hints lives as long as the queue.
                    let _hint = self.hints.next().await;
                }
                Ok(()) => {}
                Err(error) => self.pause(&error).await,
            }
        }
    }

    async fn read(&mut self) -> Result<()> {
        let mut conn = self.queue.store.conn(DOING).await?;
        let rows = match &self.from {
            From::Snapshot(snapshot) => {
                let after = sqlx::query(sql::CANCELLATIONS_AFTER).bind(snapshot);
                conn.fetch_all(after).await.map_err(failed(DOING))?
            }
            From::Subscription { last_own, moment, at } => {
                let since = since(&mut conn, *moment, *at).await.map_err(failed(DOING))?;
                let since = sqlx::query(sql::CANCELLATIONS_SINCE).bind(since).bind(last_own);
                conn.fetch_all(since).await.map_err(failed(DOING))?
            }
        };
        drop(conn);
        for row in &rows {
            self.from = From::Snapshot(row.try_get(0).map_err(failed(DOING))?);
            match read(row) {
                Ok(Some(cancellation)) => self.heard.push_back(cancellation),
                Ok(None) => {}
                // Nobody has a task of that name; the others are to be heard all the same.
                Err(error) => tracing::warn!(%error, "a cancellation cannot be read"),
            }
        }
        if std::mem::take(&mut self.lost) {
            tracing::info!("cancellations are heard again");
        }
        Ok(())
    }

    async fn pause(&mut self, error: &aftercommit_core::Error) {
        // That the database is away is said by the connections, once for all who need it.
        if !self.lost && !error.is_transient() {
            self.lost = true;
            tracing::warn!(%error, "cancellations are not heard; trying again");
        }
        sleep(PAUSE).await;
    }
}

/// The moment of the subscription by the clock that decides; a little earlier rather than later.
async fn since(conn: &mut Conn, moment: Option<i64>, at: Instant) -> sqlx::Result<i64> {
    if let Some(moment) = moment {
        return Ok(moment);
    }
    let now: i64 = conn.fetch_one(sqlx::query(sql::PRESENT).bind(moment)).await?.try_get(0)?;
    // Taken after the answer, so the way there and back is in it.
    let elapsed = i64::try_from(at.elapsed().as_millis()).unwrap_or(i64::MAX);
    Ok(now.saturating_sub(elapsed).saturating_sub(1))
}

/// The wish of a row, if there is one in it.
fn read(row: &PgRow) -> Result<Option<Cancellation>, BoxError> {
    let Some(queue) = row.try_get::<Option<&str>, _>(1)? else { return Ok(None) };
    let id = TaskId::new(row.try_get::<&str, _>(2)?)?;
    Ok(Some(Cancellation { id, queue: Some(QueueName::new(queue)?) }))
}
