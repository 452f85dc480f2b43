//! The ways of enqueueing a task for a transaction. One transaction with a savepoint, one task, one host that may
//! die at any moment.

use crate::explorer::{Model, Moves, explore};
use crate::report::Finding;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    /// A row in the transaction; the queue, or the outbox, is the table.
    RowInTransaction,
    /// A call to another store while the transaction is open.
    CallBeforeCommit,
    /// The same, due after a time in which every transaction has ended.
    CallBeforeCommitWithDelay,
    /// A call to another store by a callback.
    CallAfterCommit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Transaction {
    Open,
    Committed,
    RolledBack,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Host {
    Working,
    /// It has asked for the task.
    Asked,
    /// It has rolled back to a savepoint before that.
    TookBack,
    Dead,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    transaction: Transaction,
    host: Host,
    /// Whether the transaction, as it stands, wants the task.
    is_wanted: bool,
    /// Whether a worker could take the task, if the transaction did not matter.
    is_queued: bool,
    ran: bool,
}

impl Model for Way {
    type State = State;

    fn start(&self) -> State {
        State {
            transaction: Transaction::Open,
            host: Host::Working,
            is_wanted: false,
            is_queued: false,
            ran: false,
        }
    }

    fn moves(&self, moves: &mut Moves<'_, State>) {
        let at = moves.at;
        if at.host != Host::Dead {
            self.of_host(moves);
        }
        let is_visible = match self {
            Self::RowInTransaction => at.transaction == Transaction::Committed,
            Self::CallBeforeCommitWithDelay => at.transaction != Transaction::Open,
            Self::CallBeforeCommit | Self::CallAfterCommit => true,
        };
        if at.is_queued && is_visible && !at.ran {
            moves.system("a worker runs the task", |next| next.ran = true);
        }
    }

    fn judge(&self, state: &State) -> Option<Finding> {
        let is_due = state.transaction == Transaction::Committed && state.is_wanted;
        (state.ran && !is_due).then_some(Finding::Unexpected)
    }

    fn is_drained(&self, state: &State) -> bool {
        state.ran || state.transaction != Transaction::Committed || !state.is_wanted
    }
}

impl Way {
    fn of_host(self, moves: &mut Moves<'_, State>) {
        let at = moves.at;
        if at.transaction == Transaction::Open {
            if at.host == Host::Working {
                moves.world("the host asks for the task", |next| {
                    (next.host, next.is_wanted) = (Host::Asked, true);
                    next.is_queued = self != Self::CallAfterCommit;
                });
            }
            if at.host == Host::Asked {
                moves.world("the host rolls back to a savepoint", |next| {
                    (next.host, next.is_wanted) = (Host::TookBack, false);
                    // What is in the transaction goes with it; what was told to another store does not.
                    next.is_queued = at.is_queued && self != Self::RowInTransaction;
                });
            }
            moves.world("the host commits", |next| next.transaction = Transaction::Committed);
            moves.world("the host rolls back", |next| {
                next.transaction = Transaction::RolledBack;
            });
        }
        let is_called_back = self == Self::CallAfterCommit && at.transaction == Transaction::Committed;
        if is_called_back && at.is_wanted && !at.is_queued {
            moves.system("the callback enqueues the task", |next| next.is_queued = true);
        }
        moves.world("the host dies", |next| {
            next.host = Host::Dead;
            if at.transaction == Transaction::Open {
                next.transaction = Transaction::RolledBack;
            }
        });
    }
}

#[test]
fn a_row_in_the_transaction_is_neither_early_nor_a_ghost_nor_lost() {
    explore("enqueue", &Way::RowInTransaction).is_sound();
}

#[test]
fn a_task_told_to_another_store_before_the_commit_runs_early() {
    let report = explore("enqueue before the commit", &Way::CallBeforeCommit);
    report.shows(Finding::Unexpected, &["the host asks for the task", "a worker runs the task"]);
}

#[test]
fn a_task_that_is_delayed_past_the_commit_is_still_a_ghost_if_there_is_none() {
    let report = explore("enqueue before the commit with a delay", &Way::CallBeforeCommitWithDelay);
    report.shows(
        Finding::Unexpected,
        &["the host asks for the task", "the host rolls back", "a worker runs the task"],
    );
}

#[test]
fn a_callback_after_the_commit_is_lost_with_its_process() {
    explore("enqueue after the commit", &Way::CallAfterCommit)
        .shows(Finding::Lost, &["the host asks for the task", "the host commits", "the host dies"]);
}
