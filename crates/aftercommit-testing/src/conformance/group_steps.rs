//! Short ways to act on groups and to look at them.

use std::time::Duration;

use aftercommit_core::{Batch, BatchKey, Enqueue, Gathered, GroupRules, Page, Selection, State};

use super::Stage;
use super::task::{TaskExt, group, queue, task};

/// The grace period in the cases.
pub(super) const GRACE: Duration = Duration::from_secs(60);
/// How long a batch may be held in the cases.
pub(super) const HOLD: Duration = Duration::from_secs(120);
/// Ripe when nothing was added for a while, and nothing else.
pub(super) const QUIET: GroupRules =
    GroupRules { grace_period: GRACE, max_delay: None, max_size: None, hold: HOLD };
/// Ripe at once.
pub(super) const AT_ONCE: GroupRules = GroupRules { grace_period: Duration::ZERO, ..QUIET };

/// The variations of rules.
pub(super) trait RulesExt {
    fn max_size(self, size: usize) -> Self;
    fn max_delay(self, delay: Duration) -> Self;
}

impl RulesExt for GroupRules {
    fn max_size(self, size: usize) -> Self {
        Self { max_size: Some(size), ..self }
    }

    fn max_delay(self, delay: Duration) -> Self {
        Self { max_delay: Some(delay), ..self }
    }
}

/// Enqueues plain tasks of a group in one batch.
pub(super) async fn add<T: AsRef<str>>(
    s: &Stage,
    queue_name: &str,
    group_name: &str,
    ids: impl IntoIterator<Item = T>,
) {
    let batch: Vec<Enqueue> =
        ids.into_iter().map(|id| task(queue_name, id.as_ref()).of(group_name)).collect();
    assert_eq!(s.enqueue_all(&batch).await, vec![Ok(()); batch.len()]);
}

pub(super) async fn gather(s: &Stage, names: &[&str], rules: &GroupRules, limit: usize) -> Gathered {
    let names: Vec<_> = names.iter().map(|name| queue(name)).collect();
    s.groups().gather(&names, rules, limit).await.expect("gather")
}

/// Gathers the one batch that there is in a queue.
pub(super) async fn gather_one(s: &Stage, queue_name: &str) -> Batch {
    let mut batches = gather(s, &[queue_name], &AT_ONCE, 10).await.batches;
    assert_eq!(batches.len(), 1, "one batch is ripe");
    batches.remove(0)
}

pub(super) fn ids_of(batch: &Batch) -> Vec<String> {
    batch.tasks.iter().map(|message| message.id.to_string()).collect()
}

/// The groups of a queue that have waiting tasks, and how many.
pub(super) async fn sizes(s: &Stage, queue_name: &str) -> Vec<(String, u64)> {
    let groups = s.groups().groups(&queue(queue_name)).await.expect("groups");
    groups.into_iter().map(|info| (info.group.to_string(), info.size)).collect()
}

/// The ids of the tasks that wait in a group, in the order of the list.
pub(super) async fn waiting(s: &Stage, queue_name: &str, group_name: &str) -> Vec<String> {
    let selection = Selection::Group(group(group_name));
    let list = s.backend().list(&queue(queue_name), &selection, Page::first(1_000)).await.expect("list");
    assert!(list.iter().all(|info| info.state == State::Aggregating));
    list.iter().map(|info| info.message.id.to_string()).collect()
}

/// How many tasks are aggregating, and how many groups have waiting ones.
pub(super) async fn counted(s: &Stage, queue_name: &str) -> (u64, u64) {
    let info = s.queue_info(queue_name).await;
    (info.counts.get(State::Aggregating), info.groups)
}

/// Another batch of the same group, made up.
pub(super) fn made_up(key: &BatchKey) -> BatchKey {
    BatchKey { id: "00000000-0000-4000-8000-000000000000".into(), ..key.clone() }
}
