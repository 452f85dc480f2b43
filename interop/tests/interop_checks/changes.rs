//! The changes that operators can make, as a matrix: what, to tasks in which state, to one or to all.

use aftercommit::{Operation, TaskState};
use aftercommit_interop::{Request, Task};

use crate::state::task;

/// The group of those that aggregate.
pub(crate) const GROUP: &str = "mails:de";
/// The tasks of each queue.
pub(crate) const TASKS: [&str; 3] = ["one", "two", "three"];

/// A change, and to how many.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Change {
    pub(crate) operation: Operation,
    pub(crate) state: TaskState,
    /// All of the state, or the second task only.
    pub(crate) all: bool,
}

impl Change {
    /// A queue for itself.
    pub(crate) fn queue(&self) -> String {
        format!("{:?}-{}-{}", self.operation, if self.all { "all" } else { "one" }, self.state).to_lowercase()
    }

    /// The tasks that are changed.
    pub(crate) fn changed(&self) -> &'static [&'static str] {
        if self.all { &TASKS } else { &TASKS[1..2] }
    }

    pub(crate) fn outcome(&self) -> &'static str {
        match self.operation {
            Operation::Run => "pending",
            Operation::Archive => "archived",
            Operation::Delete => "",
        }
    }

    pub(crate) fn tasks(&self) -> Vec<Task> {
        let task_type = match self.state {
            TaskState::Retry => "fail:",
            TaskState::Archived => "skip:",
            _ => "ok:",
        };
        TASKS
            .map(|id| {
                let mut task = task(&self.queue(), &task_id(self, id), task_type, id);
                match self.state {
                    TaskState::Scheduled => task.options.process_in_ms = Some(7_200_250),
                    TaskState::Aggregating => task.options.group = Some(GROUP.to_owned()),
                    _ => {}
                }
                task.options.unique_ms = Some(3_600_000);
                task
            })
            .into()
    }

    pub(crate) fn has_run(&self) -> bool {
        matches!(self.state, TaskState::Retry | TaskState::Archived | TaskState::Completed)
    }
}

/// Every change that asynq's Inspector knows.
pub(crate) fn changes() -> Vec<Change> {
    use Operation::{Archive, Delete, Run};
    use TaskState::{Aggregating, Archived, Completed, Pending, Retry, Scheduled};
    let of = |operation, states: &[TaskState], all| {
        states.iter().map(move |state| Change { operation, state: *state, all }).collect::<Vec<_>>()
    };
    [
        of(Run, &[Scheduled, Retry, Archived, Aggregating], false),
        of(Run, &[Scheduled, Retry, Archived, Aggregating], true),
        of(Archive, &[Pending, Scheduled, Retry, Aggregating], false),
        of(Archive, &[Pending, Scheduled, Retry, Aggregating], true),
        of(Delete, &[Pending, Scheduled, Retry, Archived, Completed, Aggregating], false),
        of(Delete, &[Pending, Scheduled, Retry, Archived, Completed, Aggregating], true),
    ]
    .concat()
}

/// An id that names the queue too: an execution is known by it alone.
pub(crate) fn task_id(change: &Change, id: &str) -> String {
    format!("{}/{id}", change.queue())
}

/// How asynq is asked to change one.
pub(crate) fn one<'a>(operation: Operation, queue: &'a str, id: &'a str) -> Request<'a> {
    match operation {
        Operation::Run => Request::RunTask { queue, id },
        Operation::Archive => Request::ArchiveTask { queue, id },
        Operation::Delete => Request::DeleteTask { queue, id },
    }
}

/// How asynq is asked to change all.
pub(crate) fn all<'a>(change: &Change, queue: &'a str) -> Request<'a> {
    let group = GROUP;
    match (change.operation, change.state) {
        (Operation::Run, TaskState::Scheduled) => Request::RunAllScheduled { queue },
        (Operation::Run, TaskState::Retry) => Request::RunAllRetry { queue },
        (Operation::Run, TaskState::Archived) => Request::RunAllArchived { queue },
        (Operation::Run, _) => Request::RunAllAggregating { queue, group },
        (Operation::Archive, TaskState::Pending) => Request::ArchiveAllPending { queue },
        (Operation::Archive, TaskState::Scheduled) => Request::ArchiveAllScheduled { queue },
        (Operation::Archive, TaskState::Retry) => Request::ArchiveAllRetry { queue },
        (Operation::Archive, _) => Request::ArchiveAllAggregating { queue, group },
        (Operation::Delete, TaskState::Pending) => Request::DeleteAllPending { queue },
        (Operation::Delete, TaskState::Scheduled) => Request::DeleteAllScheduled { queue },
        (Operation::Delete, TaskState::Retry) => Request::DeleteAllRetry { queue },
        (Operation::Delete, TaskState::Archived) => Request::DeleteAllArchived { queue },
        (Operation::Delete, TaskState::Completed) => Request::DeleteAllCompleted { queue },
        (Operation::Delete, _) => Request::DeleteAllAggregating { queue, group },
    }
}
