//! News within this process: who waits for what, told at once by whoever commits. What other processes
//! commit is found by the [`poller`](crate::poller), which runs while anybody waits.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aftercommit_core::{Wake, Wakes};
use futures_util::stream;
use sqlx::sqlite::SqliteConnectOptions;
use tokio::sync::watch;

use crate::poller;

/// The news of one queue handle and its clones. A watch keeps one unread change for each receiver, so
/// that hints are coalesced and one between subscribing and waiting is kept.
#[derive(Debug)]
pub(crate) struct News {
    pending: watch::Sender<()>,
    due: watch::Sender<()>,
    cancelled: watch::Sender<()>,
    /// The last cancellation that this process asked for itself.
    last_own_cancel: AtomicI64,
    /// Whether the poller runs. Held while deciding to start or to end it.
    polling: Mutex<bool>,
    options: Arc<SqliteConnectOptions>,
}

impl News {
    /// Nobody waits yet. The options are for the poller's own connection.
    pub(crate) fn new(options: Arc<SqliteConnectOptions>) -> Self {
        Self {
            pending: watch::Sender::new(()),
            due: watch::Sender::new(()),
            cancelled: watch::Sender::new(()),
            last_own_cancel: AtomicI64::new(0),
            polling: Mutex::new(false),
            options,
        }
    }

    /// There may be more pending tasks.
    pub(crate) fn pending(&self) {
        self.pending.send_replace(());
    }

    /// The earliest due time may have changed.
    pub(crate) fn due(&self) {
        self.due.send_replace(());
    }

    /// There may be more cancellations.
    pub(crate) fn cancelled(&self) {
        self.cancelled.send_replace(());
    }

    /// Anything may have changed.
    pub(crate) fn everything(&self) {
        self.pending();
        self.due();
        self.cancelled();
    }

    /// A stream of hints from now on.
    pub(crate) fn wakes(self: &Arc<Self>, wake: Wake) -> Wakes {
        let changes = match wake {
            Wake::Pending => self.pending.subscribe(),
            Wake::Due => self.due.subscribe(),
        };
        Box::pin(stream::unfold((Arc::clone(self), changes), |(news, mut changes)| async move {
            // The poller starts with a hint, so nothing is missed although it starts only now.
            news.poll();
            changes.changed().await.ok()?;
            Some(((), (news, changes)))
        }))
    }

    /// Changes of the cancellations from now on, and the last one of this process before.
    pub(crate) fn cancellations(&self) -> (watch::Receiver<()>, i64) {
        let changes = self.cancelled.subscribe();
        (changes, self.last_own_cancel.load(Ordering::SeqCst))
    }

    /// Remembers a cancellation of this process, and tells of it.
    pub(crate) fn cancelled_here(&self, seq: i64) {
        self.last_own_cancel.fetch_max(seq, Ordering::SeqCst);
        self.cancelled();
    }

    /// How to open a connection to look at the file with.
    pub(crate) fn options(&self) -> &SqliteConnectOptions {
        &self.options
    }

    /// Makes sure that the poller runs.
    pub(crate) fn poll(self: &Arc<Self>) {
        let mut polling = self.polling.lock().unwrap_or_else(PoisonError::into_inner);
        if !*polling {
            *polling = true;
            tokio::spawn(poller::run(Arc::clone(self)));
        }
    }

    /// True if nobody waits any more; then the poller counts as ended.
    pub(crate) fn end_if_unheard(&self) -> bool {
        let mut polling = self.polling.lock().unwrap_or_else(PoisonError::into_inner);
        let heard = [&self.pending, &self.due, &self.cancelled].iter().any(|news| news.receiver_count() > 0);
        *polling = heard;
        !heard
    }

    /// Says that the poller is gone, however it came to that.
    pub(crate) fn poller_gone(&self) {
        *self.polling.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}
