//! A task that is finished in the handler's own transaction: its effect and its end commit together, and a receipt
//! tells the settle that follows. One task, three workers.

use crate::explorer::{Model, Moves, explore};
use crate::report::Finding;

const MAX_STALLS: u8 = 2;
const MAX_ROLLBACKS: u8 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Row {
    Pending,
    Active,
    /// Active, and the lease is over.
    Overdue,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Verdict {
    Succeeded,
    Failed,
}

/// What a worker is at, and by which attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Worker {
    Idle,
    Took(u8),
    /// Effect and end are written, and not committed: others pass the row over, or wait for it.
    InTransaction(u8),
    Ended(u8, Verdict),
    Dead,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    row: Row,
    epoch: u8,
    workers: [Worker; 3],
    /// The attempt of which there is a receipt.
    receipt: Option<u8>,
    /// The attempt that did finish the task, for the auditor.
    finished_by: Option<u8>,
    effects: u8,
    stalls: u8,
    rollbacks: u8,
    lost_answers: u8,
    reported_falsely: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    Receipt,
    NoReceipt,
    /// The settle that reads the receipt deletes it.
    ReceiptReadOnce,
    /// `complete_in` has answered, and so the settle writes that the task is done.
    AnswerOfCompleteIn,
    /// `complete_in` finds its row by id alone.
    NoEpoch,
}

impl Model for Rules {
    type State = State;

    fn start(&self) -> State {
        State {
            row: Row::Pending,
            epoch: 0,
            workers: [Worker::Idle; 3],
            receipt: None,
            finished_by: None,
            effects: 0,
            stalls: 0,
            rollbacks: 0,
            lost_answers: 0,
            reported_falsely: false,
        }
    }

    fn moves(&self, moves: &mut Moves<'_, State>) {
        for (w, name) in [(0, "A"), (1, "B"), (2, "C")] {
            self.of_worker(moves, w, name);
        }
        of_lease(moves);
    }

    fn judge(&self, state: &State) -> Option<Finding> {
        if state.effects > 1 {
            Some(Finding::Duplicated)
        } else if state.reported_falsely {
            Some(Finding::FalseLoss)
        } else {
            (state.row == Row::Done && state.effects == 0).then_some(Finding::Lost)
        }
    }

    fn is_drained(&self, state: &State) -> bool {
        state.row == Row::Done
    }
}

impl Rules {
    fn of_worker(self, moves: &mut Moves<'_, State>, w: usize, name: &str) {
        let at = moves.at;
        match at.workers[w] {
            Worker::Idle if at.row == Row::Pending && !is_locked(at) => {
                moves.system(format!("{name} takes the task"), |next| {
                    next.epoch += 1;
                    (next.row, next.workers[w]) = (Row::Active, Worker::Took(next.epoch));
                })
            }
            Worker::Took(epoch) if !is_locked(at) => {
                let is_mine = is_held(at, epoch) || self == Self::NoEpoch;
                let what =
                    if is_mine { "writes its effect, and the end" } else { "is refused, and rolls back" };
                moves.system(format!("{name} {what}"), |next| {
                    next.workers[w] = if is_mine { Worker::InTransaction(epoch) } else { Worker::Idle };
                });
            }
            Worker::InTransaction(epoch) => self.of_transaction(moves, w, name, epoch),
            Worker::Ended(epoch, verdict) if !is_locked(at) => {
                moves.system(format!("{name} settles: {verdict:?}"), |next| {
                    self.settle(next, epoch, verdict);
                    next.workers[w] = Worker::Idle;
                });
                if at.lost_answers == 0 {
                    moves.world(format!("{name} settles, and the answer is lost"), |next| {
                        self.settle(next, epoch, verdict);
                        next.lost_answers += 1;
                    });
                }
            }
            _ => {}
        }
        if !at.workers.contains(&Worker::Dead) {
            moves.world(format!("{name} dies"), |next| next.workers[w] = Worker::Dead);
        }
    }

    fn of_transaction(self, moves: &mut Moves<'_, State>, w: usize, name: &str, epoch: u8) {
        let commit = |next: &mut State| {
            next.row = Row::Done;
            next.effects += 1;
            next.finished_by = Some(epoch);
            next.receipt = (self != Self::NoReceipt).then_some(epoch);
            next.workers[w] = Worker::Ended(epoch, Verdict::Succeeded);
        };
        moves.system(format!("{name} commits"), commit);
        if moves.at.rollbacks < MAX_ROLLBACKS {
            moves.world(format!("{name} rolls back"), |next| {
                next.rollbacks += 1;
                next.workers[w] = Worker::Ended(epoch, Verdict::Failed);
            });
        }
        if moves.at.lost_answers == 0 {
            moves.world(format!("{name} commits, and the answer is lost"), |next| {
                commit(next);
                next.lost_answers += 1;
                next.workers[w] = Worker::Ended(epoch, Verdict::Failed);
            });
        }
    }

    fn settle(self, next: &mut State, epoch: u8, verdict: Verdict) {
        let is_done = verdict == Verdict::Succeeded || self == Self::AnswerOfCompleteIn;
        if is_held(next, epoch) {
            next.row = if is_done { Row::Done } else { Row::Pending };
        } else if next.receipt == Some(epoch) {
            if self == Self::ReceiptReadOnce {
                next.receipt = None;
            }
        } else {
            next.reported_falsely |= next.finished_by == Some(epoch);
        }
    }
}

fn of_lease(moves: &mut Moves<'_, State>) {
    let at = moves.at;
    let is_extended = at.workers.iter().any(|worker| match worker {
        Worker::Took(epoch) | Worker::InTransaction(epoch) | Worker::Ended(epoch, _) => *epoch == at.epoch,
        Worker::Idle | Worker::Dead => false,
    });
    if at.row == Row::Active && !is_extended {
        moves.system("the lease ends, and nobody is there to extend it", |next| next.row = Row::Overdue);
    } else if at.row == Row::Active && at.stalls < MAX_STALLS {
        moves.world("the worker stands still until the lease ends", |next| {
            next.row = Row::Overdue;
            next.stalls += 1;
        });
    }
    if at.row == Row::Overdue && !is_locked(at) {
        moves.system("the recoverer takes the task back", |next| next.row = Row::Pending);
    }
}

fn is_held(at: &State, epoch: u8) -> bool {
    matches!(at.row, Row::Active | Row::Overdue) && at.epoch == epoch
}

fn is_locked(at: &State) -> bool {
    at.workers.iter().any(|worker| matches!(worker, Worker::InTransaction(_)))
}

#[test]
fn an_effect_and_its_end_commit_together_once() {
    explore("complete_in", &Rules::Receipt).is_sound();
}

#[test]
fn without_a_receipt_a_finished_task_is_reported_as_lost() {
    explore("complete_in without a receipt", &Rules::NoReceipt).shows(
        Finding::FalseLoss,
        &["A takes the task", "A writes its effect, and the end", "A commits", "A settles: Succeeded"],
    );
}

#[test]
fn a_receipt_that_is_deleted_when_it_is_read_does_not_serve_the_settle_that_is_repeated() {
    explore("complete_in with a receipt read once", &Rules::ReceiptReadOnce).shows(
        Finding::FalseLoss,
        &[
            "A takes the task",
            "A writes its effect, and the end",
            "A commits",
            "A settles, and the answer is lost",
            "A settles: Succeeded",
        ],
    );
}

#[test]
fn a_rollback_that_counts_as_finished_loses_the_task() {
    explore("complete_in that trusts its answer", &Rules::AnswerOfCompleteIn).shows(
        Finding::Lost,
        &["A takes the task", "A writes its effect, and the end", "A rolls back", "A settles: Failed"],
    );
}

#[test]
fn without_a_look_at_the_epoch_two_attempts_have_their_effects() {
    explore("complete_in without an epoch", &Rules::NoEpoch).shows(
        Finding::Duplicated,
        &[
            "A takes the task",
            "the worker stands still until the lease ends",
            "the recoverer takes the task back",
            "B takes the task",
            "A writes its effect, and the end",
            "A commits",
            "B writes its effect, and the end",
            "B commits",
        ],
    );
}
