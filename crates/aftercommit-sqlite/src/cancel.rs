//! Cancellations as a stream: every wish from the subscription on, once, whoever wrote it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{Cancellation, Cancellations, QueueName, Result, TaskId, Timestamp};
use futures_util::stream;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::error::{failed, unreadable};
use crate::{SqliteQueue, sql};

const DOING: &str = "read cancellations";
/// The pause after a read that failed.
const PAUSE: Duration = Duration::from_secs(1);

/// Subscribes.
pub(crate) fn cancellations(queue: &SqliteQueue) -> Cancellations {
    let (changes, last_own) = queue.store.news.cancellations();
    let listener = Listener {
        queue: queue.clone(),
        changes,
        from: From::Subscription { at: queue.store.now(), last_own },
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
    /// Nothing yet. It wants what was asked for since `at`, in other processes, or after `last_own` here;
    /// in the very millisecond of `at` another process's earlier wish is heard too.
    Subscription { at: Timestamp, last_own: i64 },
    /// Everything up to this one.
    Seq(i64),
}

struct Listener {
    queue: SqliteQueue,
    changes: watch::Receiver<()>,
    from: From,
    heard: VecDeque<Cancellation>,
    lost: bool,
}

impl Listener {
    async fn next(&mut self) -> Cancellation {
        Arc::clone(&self.queue.store.news).poll();
        loop {
            if let Some(next) = self.heard.pop_front() {
                return next;
            }
            // What changes from here on is news to the wait below.
            self.changes.borrow_and_update();
            match self.read().await {
                Ok(()) if self.heard.is_empty() => {
                    // The sender lives in the queue that this listener holds, so this is a change.
                    let _changed = self.changes.changed().await;
                }
                Ok(()) => {}
                Err(error) => self.pause(&error).await,
            }
        }
    }

    async fn read(&mut self) -> Result<()> {
        let mut conn = self.queue.store.reader(DOING).await?;
        let seq = match self.from {
            From::Seq(seq) => seq,
            From::Subscription { at, last_own } => {
                let before = sqlx::query_scalar::<_, i64>(sql::CANCELLED_BEFORE).bind(at.as_millis());
                before.fetch_one(&mut *conn).await.map_err(failed(DOING))?.max(last_own)
            }
        };
        self.from = From::Seq(seq);
        let after = sqlx::query(sql::CANCELLATIONS).bind(seq).fetch_all(&mut *conn).await;
        for row in after.map_err(failed(DOING))? {
            let (seq, cancellation) = read(&row).map_err(|error| unreadable(DOING, error))?;
            self.from = From::Seq(seq);
            self.heard.push_back(cancellation);
        }
        if std::mem::take(&mut self.lost) {
            tracing::info!("cancellations are heard again");
        }
        Ok(())
    }

    async fn pause(&mut self, error: &aftercommit_core::Error) {
        if !self.lost {
            self.lost = true;
            tracing::warn!(%error, "cancellations are not heard; trying again");
        }
        sleep(PAUSE).await;
    }
}

fn read(row: &SqliteRow) -> Result<(i64, Cancellation), aftercommit_core::BoxError> {
    let queue = QueueName::new(row.try_get::<&str, _>(1)?)?;
    let id = TaskId::new(row.try_get::<&str, _>(2)?)?;
    Ok((row.try_get(0)?, Cancellation { id, queue: Some(queue) }))
}
