//! A look at the store, and at what is waiting in it, when the worker starts: a store that may lose tasks, or a task type
//! without a handler, shows at once, and not when somebody misses a task.

use std::collections::BTreeSet;
use std::time::Duration;

use aftercommit_core::{Page, Selection, State};

use super::Shared;
use crate::telemetry;

/// How many waiting tasks of each queue and state are looked at.
const SAMPLE: usize = 100;

/// How long to wait for a store that is away; the other loops say that it is.
const PAUSE: Duration = Duration::from_secs(1);

/// Warns of a store that may lose tasks, and of waiting tasks that this worker cannot handle. Those stay in their
/// queue's care: a newer worker may know them.
pub(super) async fn run(shared: &Shared) {
    loop {
        match shared.backend.check().await {
            Ok(()) => break,
            Err(error) if error.is_transient() => tokio::time::sleep(PAUSE).await,
            Err(error) => return telemetry::unfit_store(&error),
        }
    }
    for queue in shared.config.queues.names() {
        let mut unknown = BTreeSet::new();
        for state in [State::Pending, State::Scheduled, State::Retry] {
            let tasks = shared
                .backend
                .list(queue, &Selection::State(state), Page::first(SAMPLE))
                .await
                .unwrap_or_default();
            unknown.extend(
                tasks
                    .into_iter()
                    .map(|task| task.message.task_type)
                    .filter(|task_type| shared.routes.find(task_type).is_none()),
            );
        }
        for task_type in &unknown {
            telemetry::no_handler(queue, task_type);
        }
    }
}
