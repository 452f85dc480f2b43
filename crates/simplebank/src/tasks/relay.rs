//! Publishes committed tasks from the outbox to Redis: the relay, and what is logged about it.

use super::background::Background;
use super::watched_outbox::WatchedOutbox;
use crate::config::Retain;
use crate::store;
use aftercommit::redis::RedisBackend;
use aftercommit::{Clock, Outbox, Relay, RelayMonitor, RetainUntilDone, StopHandle, SystemClock, Upkeep};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{sleep, timeout};
use tokio_util::task::AbortOnDropHandle;

/// How long a stop waits for what was committed last to be published. The rest stays in the outbox.
const LAST_TASKS: Duration = Duration::from_secs(2);
/// How long a stop waits, beyond that, for calls that Redis does not answer.
const LAST_CALLS: Duration = Duration::from_secs(2);
/// How often the depth of the outbox is logged, at debug level.
const REPORT: Duration = Duration::from_secs(60);
/// When a published task is first looked for in Redis, unless it would be lost by then.
const FIRST_LOOK: Duration = Duration::from_secs(10);
/// The pause between two looks at a Redis that is not ready for one.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// A relay that runs.
#[derive(Debug)]
pub struct TaskRelay {
    outbox: Arc<WatchedOutbox>,
    stop: StopHandle,
    running: Background,
    _reporting: AbortOnDropHandle<()>,
}

/// Starts a relay from the outbox to Redis, which may be away for now.
///
/// # Errors
/// The relay cannot be put together.
pub fn start_task_relay(
    outbox: store::Outbox,
    backend: RedisBackend,
    retain: Retain,
) -> aftercommit::Result<TaskRelay> {
    let outbox = Arc::new(WatchedOutbox::new(outbox));
    let relay = Relay::builder(Arc::clone(&outbox) as _, Arc::new(backend));
    let relay = match retain {
        Retain::UntilPublished => relay,
        Retain::UntilDone { lost_after } => relay.retain_until_done(watching(lost_after)),
    };
    let relay = relay.build()?;
    tracing::info!("start task relay");
    let reporting = tokio::spawn(keep_reporting(relay.monitor()));
    Ok(TaskRelay {
        outbox,
        stop: relay.stop_handle(),
        running: Background::start(relay.run()),
        _reporting: AbortOnDropHandle::new(reporting),
    })
}

/// A mail is sent at once, so that its task is soon looked for; one that waits longer is looked for more rarely.
fn watching(lost_after: Duration) -> RetainUntilDone {
    let usual = RetainUntilDone::new();
    usual.first_look(FIRST_LOOK.min(lost_after)).lost_after(lost_after)
}

impl TaskRelay {
    /// Waits until the relay has ended.
    ///
    /// # Errors
    /// It ended because something in it broke.
    pub async fn ended(&mut self) -> anyhow::Result<()> {
        self.running.ended().await
    }

    /// Publishes what is committed, and ends. Not for long: what Redis does not take soon is safe in the outbox, until
    /// the next start or for another relay.
    pub async fn drain(mut self) {
        if self.running.is_over() {
            return;
        }
        tracing::info!("graceful shutdown task relay");
        let drained = timeout(LAST_TASKS, self.outbox.drained()).await.is_ok();
        self.stop.shutdown();
        match timeout(LAST_CALLS, self.ended()).await {
            Ok(Ok(())) => tracing::info!("task relay is stopped"),
            Ok(Err(error)) => tracing::error!("task relay broke: {error:#}"),
            // It may be cut off anywhere: what it holds is claimed again, and recognised if it was published.
            Err(_) => {
                self.running.abort();
                tracing::warn!("task relay is stopped, calls to Redis were cut");
            }
        }
        if !drained
            && let Ok(backlog) = self.outbox.backlog().await
            && backlog.waiting > 0
        {
            tracing::warn!(waiting = backlog.waiting, "tasks stay in the outbox until a relay reaches Redis");
        }
    }
}

/// Looks at how Redis is set up as soon as it can be reached, and warns of what may cost tasks.
pub async fn look_at_redis(backend: RedisBackend) {
    loop {
        match backend.check().await {
            Ok(()) => return,
            // The link to Redis says that it is away. A call finds out no sooner than the next attempt to connect.
            Err(error) if error.is_transient() => sleep(LOOK_AGAIN).await,
            Err(error) => {
                tracing::error!(error = &error as &dyn Error, "Redis cannot be relied on");
                return;
            }
        }
    }
}

async fn keep_reporting(monitor: RelayMonitor) {
    loop {
        sleep(REPORT).await;
        if tracing::enabled!(tracing::Level::DEBUG) {
            report(&monitor).await;
        }
    }
}

async fn report(monitor: &RelayMonitor) {
    match monitor.backlog().await {
        Ok(backlog) => {
            let oldest_ms = backlog.oldest_age(SystemClock.now()).map(|age| age.as_millis() as u64);
            let counts = monitor.counts();
            tracing::debug!(
                waiting = backlog.waiting,
                oldest_ms,
                buried = backlog.buried,
                kept = backlog.kept,
                published = counts.published,
                republished = counts.republished,
                ended = counts.ended,
                lost = counts.lost,
                "outbox"
            );
        }
        Err(error) => tracing::debug!(error = &error as &dyn Error, "cannot measure the outbox"),
    }
}
