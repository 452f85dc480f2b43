//! News within this process: who waits for what, told at once by whoever commits. What other processes
//! commit is found by the [`poller`](crate::poller), which runs while anybody waits.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aftercommit_core::{State, Wake, Wakes};
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
    groups: watch::Sender<()>,
    cancelled: watch::Sender<()>,
    outbox: watch::Sender<()>,
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
            groups: watch::Sender::new(()),
            cancelled: watch::Sender::new(()),
            outbox: watch::Sender::new(()),
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

    /// There may be more tasks in groups.
    pub(crate) fn groups(&self) {
        self.groups.send_replace(());
    }

    /// There may be something to claim in the outbox.
    pub(crate) fn outbox(&self) {
        self.outbox.send_replace(());
    }

    /// There is one more task in this state.
    pub(crate) fn stored(&self, state: State) {
        match state {
            State::Pending => self.pending(),
            State::Scheduled | State::Retry => self.due(),
            State::Aggregating => self.groups(),
            State::Active | State::Archived | State::Completed => {}
        }
    }

    /// There may be more cancellations.
    pub(crate) fn cancelled(&self) {
        self.cancelled.send_replace(());
    }

    /// Anything may have changed.
    pub(crate) fn everything(&self) {
        self.pending();
        self.due();
        self.groups();
        self.cancelled();
        self.outbox();
    }

    /// A stream of hints from now on.
    pub(crate) fn wakes(self: &Arc<Self>, wake: Wake) -> Wakes {
        let changes = match wake {
            Wake::Pending => self.pending.subscribe(),
            Wake::Due => self.due.subscribe(),
            Wake::Groups => self.groups.subscribe(),
        };
        self.stream(changes)
    }

    /// The same about the outbox.
    pub(crate) fn outbox_wakes(self: &Arc<Self>) -> Wakes {
        self.stream(self.outbox.subscribe())
    }

    fn stream(self: &Arc<Self>, changes: watch::Receiver<()>) -> Wakes {
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
        let heard = [&self.pending, &self.due, &self.groups, &self.cancelled, &self.outbox]
            .into_iter()
            .any(|news| news.receiver_count() > 0);
        *polling = heard;
        !heard
    }

    /// Says that the poller is gone, however it came to that.
    pub(crate) fn poller_gone(&self) {
        *self.polling.lock().unwrap_or_else(PoisonError::into_inner) = false;
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aftercommit_core::{Options, RawTask, TaskType};
    use futures_util::{FutureExt, StreamExt};

    use super::*;
    use crate::SqliteQueue;

    /// For what has to happen sooner or later; to fail, not to wait.
    const SOON: Duration = Duration::from_secs(10);

    async fn queue() -> (tempfile::TempDir, SqliteQueue) {
        let dir = tempfile::tempdir().unwrap();
        let queue = SqliteQueue::open(dir.path().join("queue.db")).await.unwrap();
        queue.migrate().await.unwrap();
        (dir, queue)
    }

    fn task() -> RawTask {
        RawTask { task_type: TaskType::new("t").unwrap(), payload: "{}".into() }
    }

    #[tokio::test]
    async fn an_enqueue_in_a_transaction_is_no_news_before_the_commit_and_is_at_once_after_it() {
        let (_dir, queue) = queue().await;
        let (pending, due) = (queue.store.news.pending.subscribe(), queue.store.news.due.subscribe());
        let mut tx = queue.begin().await.unwrap();
        queue.enqueue_raw_in(&mut tx, task()).await.unwrap();
        queue.enqueue_raw_in(&mut tx, task()).options(Options::new().process_in(SOON)).await.unwrap();
        assert!(!pending.has_changed().unwrap() && !due.has_changed().unwrap());
        tx.commit().await.unwrap();
        assert!(pending.has_changed().unwrap() && due.has_changed().unwrap());
    }

    #[tokio::test]
    async fn a_rollback_is_no_news() {
        let (_dir, queue) = queue().await;
        let pending = queue.store.news.pending.subscribe();
        for explicit in [true, false] {
            let mut tx = queue.begin().await.unwrap();
            queue.enqueue_raw_in(&mut tx, task()).await.unwrap();
            if explicit { tx.rollback().await.unwrap() } else { drop(tx) }
        }
        assert!(!pending.has_changed().unwrap());
    }

    #[tokio::test]
    async fn a_commit_that_nobody_waits_for_is_news_all_the_same() {
        let (_dir, queue) = queue().await;
        let pending = queue.store.news.pending.subscribe();
        let mut tx = queue.begin().await.unwrap();
        queue.enqueue_raw_in(&mut tx, task()).await.unwrap();
        let mut commit = Box::pin(tx.commit());
        assert!((&mut commit).now_or_never().is_none(), "the commit is on its way to SQLite's thread");
        drop(commit);
        assert!(pending.has_changed().unwrap());
    }

    #[tokio::test]
    async fn a_host_that_commits_by_itself_may_wake() {
        let (_dir, queue) = queue().await;
        let pending = queue.store.news.pending.subscribe();
        let mut tx = queue.pools().writer.begin_with("BEGIN IMMEDIATE").await.unwrap();
        queue.enqueue_raw_in(&mut tx, task()).await.unwrap();
        tx.commit().await.unwrap();
        assert!(!pending.has_changed().unwrap());
        queue.wake();
        assert!(pending.has_changed().unwrap());
    }

    /// Lets the poller work until something holds.
    async fn until(holds: impl Fn() -> bool) {
        let wait = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(SOON, wait).await.expect("it holds soon");
    }

    fn polls(news: &News) -> bool {
        *news.polling.lock().unwrap()
    }

    #[tokio::test]
    async fn the_file_is_watched_from_the_first_listener_to_the_last() {
        let (_dir, queue) = queue().await;
        let (mut first, mut second) =
            (queue.store.news.wakes(Wake::Pending), queue.store.news.wakes(Wake::Due));
        assert!(!polls(&queue.store.news), "nobody has listened yet");
        for wakes in [&mut first, &mut second] {
            wakes.next().await.unwrap();
            assert!(polls(&queue.store.news));
        }
        drop(first);
        let mut again = queue.store.news.wakes(Wake::Pending);
        queue.store.news.pending();
        again.next().await.unwrap();
        assert!(polls(&queue.store.news));
        drop((second, again));
        until(|| !polls(&queue.store.news)).await;
        queue.store.news.wakes(Wake::Pending).next().await.unwrap();
        assert!(polls(&queue.store.news), "it starts again");
    }

    #[tokio::test]
    async fn a_file_that_comes_back_is_watched_again() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("later").join("queue.db");
        let options = crate::SqlitePools::options(&path);
        let news = Arc::new(News::new(Arc::new(options)));
        let mut wakes = news.wakes(Wake::Pending);
        assert!(tokio::time::timeout(Duration::from_millis(100), wakes.next()).await.is_err());
        std::fs::create_dir(path.parent().unwrap()).unwrap();
        let queue = SqliteQueue::open(&path).await.unwrap();
        queue.migrate().await.unwrap();
        tokio::time::timeout(SOON, wakes.next()).await.expect("a hint comes with the file");
    }
}
