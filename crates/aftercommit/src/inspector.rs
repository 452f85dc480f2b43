//! What operators do that takes more than one call to the store.

use std::ops::Deref;
use std::sync::Arc;

use aftercommit_core::{
    Action, Backend, Error, Operation, QueueInfo, QueueName, Removal, Result, Selection, State, TaskId,
};

/// How many tasks one call changes at most, so that no call holds the store for long.
const CHUNK: usize = 500;

/// Shows and steers what is in a back-end: the base of dashboards and command-line tools. Cheap to clone.
///
/// It dereferences to its back-end, so that all of [`Inspect`](crate::Inspect) and the optional abilities are
/// there: `queues`, `queue`, `history`, `list`, `get`, `operate`, `update_payload`, `pause`, `resume`; workers and
/// cancellations under `presence()`, groups under `groups()`, the records of schedulers under `schedules()`. Its
/// own methods are those that take several calls.
///
/// ```
/// # use std::sync::Arc;
/// # use aftercommit_testing::{MemoryBackend, TokioClock};
/// use aftercommit::{Inspector, Operation, Page, QueueName, Selection, TaskState};
///
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> aftercommit::Result<()> {
/// # let backend = MemoryBackend::new(Arc::new(TokioClock::new()));
/// let inspector = Inspector::new(backend);
/// for queue in inspector.overview().await? {
///     println!("{}: {} tasks", queue.queue, queue.counts.total());
/// }
/// let critical = QueueName::new("critical")?;
/// let archived = Selection::State(TaskState::Archived);
/// let newest = inspector.list(&critical, &archived, Page::first(30)).await?;
/// let run = inspector.operate_on_all(&critical, &archived, Operation::Run).await?;
/// # assert_eq!((newest.len(), run), (0, 0));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Inspector {
    backend: Arc<dyn Backend>,
}

/// Which queues may be removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemoveQueue {
    /// Only one that holds no task in any state.
    IfEmpty,
    /// Also one with tasks, which are deleted; but none that has active ones.
    WithTasks,
}

impl Inspector {
    /// An inspector of a back-end.
    pub fn new<B: Backend>(backend: B) -> Self {
        Self::from_dyn(Arc::new(backend))
    }

    /// An inspector of a back-end that is shared.
    pub fn from_dyn(backend: Arc<dyn Backend>) -> Self {
        Self { backend }
    }

    /// Every queue with its numbers, by name.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses.
    pub async fn overview(&self) -> Result<Vec<QueueInfo>> {
        let mut infos = Vec::new();
        for queue in self.backend.queues().await? {
            // One that was removed meanwhile is not shown.
            infos.extend(self.backend.queue(&queue).await?);
        }
        Ok(infos)
    }

    /// Does something to every task of a selection, in chunks, and says to how many. It stops at the number of
    /// tasks that there were at the start, so that one that is run, fails and comes back does not make it endless.
    /// A selection for whose state the operation makes no sense has no such task.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses; what was done until then stays done.
    pub async fn operate_on_all(
        &self,
        queue: &QueueName,
        selection: &Selection,
        operation: Operation,
    ) -> Result<u64> {
        let mut left = self.count(queue, selection).await?;
        let mut done = 0;
        while left > 0 {
            let limit = usize::try_from(left).map_or(CHUNK, |left| left.min(CHUNK));
            let changed = self.backend.operate_all(queue, selection, operation, limit).await?;
            done += changed as u64;
            left -= (changed as u64).min(left);
            if changed < limit {
                break;
            }
        }
        Ok(done)
    }

    /// Removes a queue, with its counters and its pause. The tasks of a queue that is not empty are deleted in
    /// chunks first, while the queue is paused so that no worker takes one; if some come in meanwhile the answer
    /// is [`Removal::NotEmpty`], and the pause is ended.
    ///
    /// # Errors
    /// If the store cannot be reached or refuses; what was deleted until then stays deleted.
    pub async fn remove(&self, queue: &QueueName, which: RemoveQueue) -> Result<Removal> {
        if which == RemoveQueue::IfEmpty {
            return self.backend.remove_queue(queue).await;
        }
        let Some(info) = self.backend.queue(queue).await? else { return Ok(Removal::NotFound) };
        if info.counts.get(State::Active) > 0 {
            return Ok(Removal::NotEmpty);
        }
        if info.paused_since.is_some() {
            return self.empty_and_remove(queue).await;
        }
        self.backend.pause(queue).await?;
        let removed = self.empty_and_remove(queue).await;
        if !matches!(removed, Ok(Removal::Removed)) {
            self.backend.resume(queue).await?;
        }
        removed
    }

    /// Asks the worker that runs a task to stop it; the attempt then counts as failed. Says what state the task is
    /// in if none can be running it.
    ///
    /// # Errors
    /// [`Error::Invalid`] if the store carries no cancellations; else if it cannot be reached or refuses.
    pub async fn cancel(&self, queue: &QueueName, id: &TaskId) -> Result<Action> {
        let presence = self.backend.presence().ok_or_else(|| {
            let store = crate::text::store_name(self.backend.as_ref());
            Error::invalid("cancellation", format!("{store} does not carry cancellations to workers"))
        })?;
        match self.backend.get(queue, id).await? {
            None => Ok(Action::NotFound),
            Some(task) if task.state != State::Active => Ok(Action::Refused(task.state)),
            Some(_) => {
                presence.cancel(queue, id).await?;
                Ok(Action::Applied)
            }
        }
    }

    async fn count(&self, queue: &QueueName, selection: &Selection) -> Result<u64> {
        match (selection, self.backend.groups()) {
            (Selection::State(state), _) => {
                Ok(self.backend.queue(queue).await?.map_or(0, |info| info.counts.get(*state)))
            }
            (Selection::Group(_), None) => Ok(0),
            (Selection::Group(group), Some(groups)) => {
                let groups = groups.groups(queue).await?;
                Ok(groups.into_iter().find(|info| info.group == *group).map_or(0, |info| info.size))
            }
        }
    }

    async fn empty_and_remove(&self, queue: &QueueName) -> Result<Removal> {
        for state in State::ALL.into_iter().filter(|state| Operation::Delete.applies_to(*state)) {
            self.operate_on_all(queue, &Selection::State(state), Operation::Delete).await?;
        }
        self.backend.remove_queue(queue).await
    }
}

impl Deref for Inspector {
    type Target = dyn Backend;

    fn deref(&self) -> &Self::Target {
        self.backend.as_ref()
    }
}
