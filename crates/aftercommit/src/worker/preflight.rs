//! A look at what is waiting before the worker starts: a task type without a handler shows at once, and
//! not when somebody misses its effect.

use std::collections::BTreeSet;

use aftercommit_core::{Page, Selection, State};

use super::Shared;
use crate::telemetry;

/// How many waiting tasks of each queue and state are looked at.
const SAMPLE: usize = 100;

/// Warns of waiting tasks that this worker cannot handle. They stay in their queue's care: a newer
/// worker may know them. A store that is away is the other loops' business.
pub(super) async fn run(shared: &Shared) {
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
