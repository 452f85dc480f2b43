//! Tells other processes that there may be something new: a notification sent after the commit, on a connection of the
//! engine's. Inside the transaction it would make all commits that notify wait for each other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::time::sleep;

use crate::links::Links;
use crate::news::Topics;
use crate::sql;

/// The pause after a notification: what is new meanwhile goes with the next one.
const SPACING: Duration = Duration::from_millis(5);
/// How long it may take to tell the last before the connections are closed.
const TELL_AT_MOST: Duration = Duration::from_secs(1);

/// Rings for other processes. What is to be told while it rings goes with the next ring.
#[derive(Debug)]
pub(crate) struct Bell {
    /// Which process rings, so that it does not listen to itself.
    ringer: String,
    topics: AtomicU8,
    rings: AtomicBool,
    /// It does not ring any more.
    silence: Notify,
}

impl Bell {
    pub(crate) fn new() -> Self {
        Self {
            ringer: format!("{:016x}", rand::random::<u64>()),
            topics: AtomicU8::new(0),
            rings: AtomicBool::new(false),
            silence: Notify::new(),
        }
    }

    /// What other processes are to be told. Returns at once. Outside of a runtime nobody is told, and they notice by
    /// themselves.
    pub(crate) fn ring(self: &Arc<Self>, topics: Topics, links: &Arc<Links>) {
        self.topics.fetch_or(topics.bits(), Ordering::SeqCst);
        if let Ok(runtime) = Handle::try_current()
            && !self.rings.swap(true, Ordering::SeqCst)
        {
            let ringing = Ringing(Arc::clone(self));
            runtime.spawn(ring(ringing, Arc::clone(links)));
        }
    }

    /// Waits until everybody has been told, for a while.
    pub(crate) async fn is_silent(self: &Arc<Self>, links: &Arc<Links>) {
        // Without the database nobody can be told; and others may go on telling.
        let _ = tokio::time::timeout(TELL_AT_MOST, self.told(links)).await;
    }

    async fn told(self: &Arc<Self>, links: &Arc<Links>) {
        let mut silence = std::pin::pin!(self.silence.notified());
        loop {
            // From here on it is not missed.
            silence.as_mut().enable();
            if self.rings.load(Ordering::SeqCst) {
                silence.as_mut().await;
                silence.set(self.silence.notified());
            } else if self.topics.load(Ordering::SeqCst) == 0 {
                return;
            } else {
                self.ring(Topics::default(), links);
            }
        }
    }

    /// What a notification of another process says; nothing if it is our own.
    pub(crate) fn heard(&self, payload: &str) -> Option<Topics> {
        let (ringer, topics) = payload.split_once(' ')?;
        (ringer != self.ringer).then(|| Topics::named(topics))
    }
}

/// The right to ring, given back even when the runtime ends.
struct Ringing(Arc<Bell>);

impl Drop for Ringing {
    fn drop(&mut self) {
        self.0.rings.store(false, Ordering::SeqCst);
        self.0.silence.notify_waiters();
    }
}

async fn ring(ringing: Ringing, links: Arc<Links>) {
    let bell = Arc::clone(&ringing.0);
    loop {
        let topics = Topics::from_bits(bell.topics.swap(0, Ordering::SeqCst));
        if topics.is_empty() {
            drop(ringing);
            // What was added just before the right was given back has nobody to tell it.
            if bell.topics.load(Ordering::SeqCst) != 0 {
                bell.ring(Topics::default(), &links);
            }
            return;
        }
        if let Err(error) = notify(&links, &format!("{} {topics}", bell.ringer)).await {
            // The links say when the database is away; others look for themselves.
            tracing::debug!(error, "other processes could not be told of news");
        }
        sleep(SPACING).await;
    }
}

async fn notify(links: &Arc<Links>, payload: &str) -> Result<(), String> {
    let mut conn = links.acquire().await.map_err(|fault| fault.to_string())?;
    let sent = conn.execute(sqlx::query(sql::NOTIFY).bind(payload)).await;
    sent.map(drop).map_err(|error| error.to_string())
}
