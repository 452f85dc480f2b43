//! Waiting for a task or a queue to come to a state, woken by the back-end's hints where it gives any.

use std::time::Duration;

use aftercommit_core::{Backend, QueueName, State, TaskId, TaskInfo, Wake, Wakes};
use futures_util::StreamExt;
use tokio::time::{Instant, sleep, timeout_at};

/// A settle gives no hint, so one has to look. The longer it has taken, the more rarely: in virtual time
/// hours pass, and each look costs real time.
const LOOK_AT_MOST_EVERY: Duration = Duration::from_millis(2);
const LOOK_AT_LEAST_EVERY: Duration = Duration::from_millis(100);
const SHARE_OF_THE_WAIT: u32 = 20;

/// Waits until a task is in a state, and says what it looks like there.
///
/// # Panics
/// If that does not happen within `limit`, by tokio's clock, or if the back-end fails.
pub async fn wait_for_state(
    backend: &dyn Backend,
    queue: &QueueName,
    id: &TaskId,
    state: State,
    limit: Duration,
) -> TaskInfo {
    let look = async || {
        let found = get(backend, queue, id).await;
        found.filter(|info| info.state == state)
    };
    match watch(backend, std::slice::from_ref(queue), limit, look).await {
        Some(info) => info,
        None => {
            let is = get(backend, queue, id).await.map_or("gone or never there", |info| info.state.as_str());
            panic!(
                "task {id} in queue {queue} did not come to the state {state} within {limit:?}; it is {is}"
            );
        }
    }
}

/// Waits until a task does not exist any more: done without retention, expired, or deleted.
///
/// # Panics
/// If that does not happen within `limit`, by tokio's clock, or if the back-end fails.
pub async fn wait_until_gone(backend: &dyn Backend, queue: &QueueName, id: &TaskId, limit: Duration) {
    let look = async || get(backend, queue, id).await.is_none().then_some(());
    if watch(backend, std::slice::from_ref(queue), limit, look).await.is_none() {
        let is = get(backend, queue, id).await.map_or("gone by now", |info| info.state.as_str());
        panic!("task {id} in queue {queue} did not go away within {limit:?}; it is {is}");
    }
}

/// Waits until nothing is pending or active in these queues. What is scheduled or waits for a retry may
/// wait on.
///
/// # Panics
/// If that does not happen within `limit`, by tokio's clock, or if the back-end fails.
pub async fn wait_until_idle(backend: &dyn Backend, queues: &[QueueName], limit: Duration) {
    let busy = async || {
        let mut busy = 0;
        for queue in queues {
            if let Some(info) = backend.queue(queue).await.expect("the back-end shows the queue") {
                busy += info.counts.get(State::Pending) + info.counts.get(State::Active);
            }
        }
        busy
    };
    let look = async || (busy().await == 0).then_some(());
    if watch(backend, queues, limit, look).await.is_none() {
        panic!("{} tasks are still pending or active after {limit:?}", busy().await);
    }
}

async fn get(backend: &dyn Backend, queue: &QueueName, id: &TaskId) -> Option<TaskInfo> {
    backend.get(queue, id).await.expect("the back-end shows the task")
}

/// Looks until there is something to see, or the time is over.
async fn watch<T>(
    backend: &dyn Backend,
    queues: &[QueueName],
    limit: Duration,
    look: impl AsyncFn() -> Option<T>,
) -> Option<T> {
    let started = Instant::now();
    let deadline = started + limit;
    let mut hints = [backend.wakes(Wake::Pending, queues), backend.wakes(Wake::Due, queues)];
    loop {
        if let Some(seen) = look().await {
            return Some(seen);
        }
        let [pending, due] = &mut hints;
        let pause = (started.elapsed() / SHARE_OF_THE_WAIT).clamp(LOOK_AT_MOST_EVERY, LOOK_AT_LEAST_EVERY);
        timeout_at(deadline, async {
            tokio::select! {
                () = hint(pending) => {}
                () = hint(due) => {}
                () = sleep(pause) => {}
            }
        })
        .await
        .ok()?;
    }
}

async fn hint(hints: &mut Wakes) {
    if hints.next().await.is_none() {
        std::future::pending().await
    }
}
