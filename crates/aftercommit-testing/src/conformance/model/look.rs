//! What can be seen of a back-end, without what may differ between two that are both right.

use aftercommit_core::{
    Backend, Batch, GroupInfo, GroupName, LeaseToken, Leased, Message, Page, QueueInfo, QueueName, Selection,
    State, TaskInfo, Timestamp,
};

/// What must be the same about leased tasks: everything but the token and the stored form.
pub(super) fn leased(leased: &[Leased]) -> Vec<(Message, Timestamp)> {
    leased.iter().map(|leased| (leased.message.clone(), leased.lease.expires_at)).collect()
}

/// What must be the same about batches: everything but their ids, and in the order of their groups.
pub(super) fn batches(batches: &[Batch]) -> Vec<(GroupName, Vec<Message>, Timestamp)> {
    let sorted = |batch: &Batch| {
        let mut tasks = batch.tasks.clone();
        tasks.sort_by(|a, b| a.id.as_str().cmp(b.id.as_str()));
        tasks
    };
    batches.iter().map(|batch| (batch.key.group.clone(), sorted(batch), batch.deadline)).collect()
}

/// A queue, without how much space it takes.
pub(super) async fn queue(backend: &dyn Backend, name: &QueueName) -> Option<QueueInfo> {
    let info = backend.queue(name).await.expect("queue");
    info.map(|info| QueueInfo { approximate_bytes: None, ..info })
}

/// The tasks in a state, without their tokens, and in the order of their ids where tasks that came to
/// the state in the same moment may stand in any order.
pub(super) async fn list(backend: &dyn Backend, name: &QueueName, state: State) -> Vec<TaskInfo> {
    let mut tasks = backend.list(name, &state.into(), Page::first(1_000)).await.expect("list");
    for task in &mut tasks {
        if let Some(lease) = &mut task.lease {
            lease.token = LeaseToken::new(0);
        }
    }
    if state != State::Pending {
        tasks.sort_by(|a, b| {
            let order = |task: &TaskInfo| (task.next_process_at, task.message.id.to_string());
            order(a).cmp(&order(b))
        });
    }
    tasks
}

/// The groups of a queue, with the tasks that wait in them.
pub(super) async fn groups(backend: &dyn Backend, name: &QueueName) -> Vec<(GroupInfo, Vec<String>)> {
    let Some(groups) = backend.groups() else { return Vec::new() };
    let mut seen = Vec::new();
    for info in groups.groups(name).await.expect("groups") {
        let selection = Selection::Group(info.group.clone());
        let waiting = backend.list(name, &selection, Page::first(1_000)).await.expect("list");
        let mut ids: Vec<String> = waiting.iter().map(|task| task.message.id.to_string()).collect();
        ids.sort();
        seen.push((info, ids));
    }
    seen
}
