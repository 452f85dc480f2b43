//! The lock of a unique task, taken in a transaction that may roll back. Five transactions want the same one; a lock's
//! time may run out while its task still waits.

use crate::explorer::{Model, Moves, explore};
use crate::report::Finding;

const TASKS: usize = 5;

/// A transaction, and then the task it asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Task {
    NotYet,
    /// Its row is written, and not committed.
    Stored,
    Pending,
    Done,
    /// The lock is held by that one, and nothing is written.
    Refused(usize),
    /// That was committed.
    RefusedForGood(usize),
    RolledBack,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    tasks: [Task; TASKS],
    /// Whose lock it is.
    lock: Option<usize>,
    /// Whose lock has ended before its task.
    expired: Option<usize>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    /// The lock is a row of the transaction, with a unique key: who wants it waits until whoever has it has
    /// committed or rolled back.
    InTheTransaction,
    /// The lock is taken elsewhere, and stays when the transaction rolls back.
    KeptOnRollback,
    /// Whoever finds the lock taken is refused at once.
    WithoutWaiting,
    /// Whoever finds no committed task with the lock writes his.
    LookThenWrite,
    /// A task that is done frees the lock, whosever it is.
    FreedByAnybody,
}

impl Model for Rules {
    type State = State;

    fn start(&self) -> State {
        State { tasks: [Task::NotYet; TASKS], lock: None, expired: None }
    }

    fn moves(&self, moves: &mut Moves<'_, State>) {
        let at = moves.at;
        if let Some(t) = at.tasks.iter().position(|task| *task == Task::NotYet) {
            self.enqueue(moves, t);
        }
        for t in 0..TASKS {
            self.go_on(moves, t);
        }
        if let Some(owner) = at.lock
            && at.tasks[owner] == Task::Pending
            && at.expired.is_none()
        {
            moves.world(format!("the time of the lock of {} runs out", owner + 1), |next| {
                (next.lock, next.expired) = (None, Some(owner));
            });
        }
    }

    fn judge(&self, state: &State) -> Option<Finding> {
        let waits = |t: usize| state.tasks[t] == Task::Pending && state.expired != Some(t);
        let in_vain = |task: &Task| match task {
            Task::RefusedForGood(owner) => state.tasks[*owner] == Task::RolledBack,
            _ => false,
        };
        if state.tasks.iter().any(in_vain) {
            Some(Finding::Lost)
        } else {
            ((0..TASKS).filter(|t| waits(*t)).count() > 1).then_some(Finding::Duplicated)
        }
    }

    fn is_drained(&self, state: &State) -> bool {
        !state.tasks.contains(&Task::Pending)
    }
}

impl Rules {
    fn enqueue(self, moves: &mut Moves<'_, State>, t: usize) {
        let name = t + 1;
        let open = moves.at.lock.filter(|owner| moves.at.tasks[*owner] == Task::Stored);
        match moves.at.lock {
            Some(owner) if open.is_none() || self == Self::WithoutWaiting => {
                let was_never = moves.at.tasks[owner] == Task::RolledBack;
                let why = if was_never { "by a lock that nobody has" } else { "since another has the lock" };
                moves.world(format!("{name} enqueues, and is refused {why}"), |next| {
                    next.tasks[t] = Task::Refused(owner);
                });
            }
            // It waits for the other transaction.
            Some(_) if self != Self::LookThenWrite => {}
            _ => moves.world(format!("{name} enqueues"), |next| {
                (next.tasks[t], next.lock) = (Task::Stored, Some(t));
            }),
        }
    }

    fn go_on(self, moves: &mut Moves<'_, State>, t: usize) {
        let (at, name) = (moves.at, t + 1);
        let is_own = at.lock == Some(t);
        match at.tasks[t] {
            Task::Stored => {
                moves.world(format!("{name} commits"), |next| next.tasks[t] = Task::Pending);
                moves.world(format!("{name} rolls back"), |next| {
                    next.tasks[t] = Task::RolledBack;
                    if is_own && self != Self::KeptOnRollback {
                        next.lock = None;
                    }
                });
            }
            Task::Refused(owner) => {
                moves.world(format!("{name} commits"), |next| next.tasks[t] = Task::RefusedForGood(owner));
            }
            Task::Pending => moves.system(format!("the task of {name} is done"), |next| {
                next.tasks[t] = Task::Done;
                if is_own || self == Self::FreedByAnybody {
                    next.lock = None;
                }
            }),
            Task::NotYet | Task::Done | Task::RefusedForGood(_) | Task::RolledBack => {}
        }
    }
}

#[test]
fn a_lock_in_the_transaction_refuses_only_for_a_task_that_exists() {
    explore("unique", &Rules::InTheTransaction).is_sound();
}

#[test]
fn a_lock_that_outlives_its_rollback_refuses_for_a_task_that_never_was() {
    explore("unique, kept on rollback", &Rules::KeptOnRollback).shows(
        Finding::Lost,
        &["1 enqueues", "1 rolls back", "2 enqueues, and is refused by a lock that nobody has", "2 commits"],
    );
}

#[test]
fn who_does_not_wait_for_an_open_transaction_may_be_refused_for_nothing() {
    explore("unique, without waiting", &Rules::WithoutWaiting).shows(
        Finding::Lost,
        &["1 enqueues", "2 enqueues, and is refused since another has the lock", "1 rolls back", "2 commits"],
    );
}

#[test]
fn two_that_look_and_then_write_both_have_the_lock() {
    explore("unique, look then write", &Rules::LookThenWrite)
        .shows(Finding::Duplicated, &["1 enqueues", "2 enqueues", "1 commits", "2 commits"]);
}

#[test]
fn a_task_that_outlived_its_lock_must_not_free_that_of_another() {
    explore("unique, freed by anybody", &Rules::FreedByAnybody).shows(
        Finding::Duplicated,
        &[
            "1 enqueues",
            "1 commits",
            "the time of the lock of 1 runs out",
            "2 enqueues",
            "the task of 1 is done",
            "3 enqueues",
            "2 commits",
            "3 commits",
        ],
    );
}
