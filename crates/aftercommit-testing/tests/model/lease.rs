//! A lease is the right to settle, and carries a number that is new for each attempt. One task, three workers, one
//! of which may die; leases end under workers that stand still, and the store loses some.

use crate::explorer::{Model, Moves, explore};
use crate::report::Finding;

const MAX_STALLS: u8 = 2;
const MAX_EVICTIONS: u8 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Task {
    Pending,
    Active,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Lease {
    Missing,
    Running,
    Over,
}

/// What a worker is at, and by which attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Worker {
    Idle,
    Took(u8),
    Ran(u8),
    Dead,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    task: Task,
    epoch: u8,
    lease: Lease,
    workers: [Worker; 3],
    stalls: u8,
    evictions: u8,
    runs: u8,
    recoveries: u8,
    stale_accepted: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Settle {
    ByLease,
    ByStateOfTask,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Recoverer {
    LooksAtActiveTasks,
    LooksAtLeases,
}

struct Leases {
    settle: Settle,
    recoverer: Recoverer,
}

impl Model for Leases {
    type State = State;

    fn start(&self) -> State {
        State {
            task: Task::Pending,
            epoch: 0,
            lease: Lease::Missing,
            workers: [Worker::Idle; 3],
            stalls: 0,
            evictions: 0,
            runs: 0,
            recoveries: 0,
            stale_accepted: false,
        }
    }

    fn moves(&self, moves: &mut Moves<'_, State>) {
        for (w, name) in [(0, "A"), (1, "B"), (2, "C")] {
            self.of_worker(moves, w, name);
        }
        self.of_lease(moves);
    }

    fn judge(&self, state: &State) -> Option<Finding> {
        if state.stale_accepted {
            Some(Finding::StaleSettle)
        } else if state.runs > 1 + state.recoveries {
            Some(Finding::Duplicated)
        } else {
            (state.task == Task::Done && state.runs == 0).then_some(Finding::Lost)
        }
    }

    fn is_drained(&self, state: &State) -> bool {
        state.task == Task::Done
    }
}

impl Leases {
    fn of_worker(&self, moves: &mut Moves<'_, State>, w: usize, name: &str) {
        let at = moves.at;
        match at.workers[w] {
            Worker::Idle if at.task == Task::Pending => {
                moves.system(format!("{name} takes the task"), |next| {
                    next.epoch += 1;
                    (next.task, next.lease) = (Task::Active, Lease::Running);
                    next.workers[w] = Worker::Took(next.epoch);
                });
            }
            Worker::Took(epoch) => moves.system(format!("{name} runs the handler"), |next| {
                next.runs += 1;
                next.workers[w] = Worker::Ran(epoch);
            }),
            Worker::Ran(epoch) if self.may_settle(at, epoch) => {
                moves.system(format!("{name} settles"), |next| {
                    next.stale_accepted = epoch != at.epoch;
                    (next.task, next.lease) = (Task::Done, Lease::Missing);
                    next.workers[w] = Worker::Idle;
                });
            }
            _ => {}
        }
        if let Worker::Took(epoch) | Worker::Ran(epoch) = at.workers[w]
            && !holds_lease(at, epoch)
        {
            moves.system(format!("{name} is told that the lease is lost"), |next| {
                next.workers[w] = Worker::Idle;
            });
        }
        if !at.workers.contains(&Worker::Dead) {
            moves.world(format!("{name} dies"), |next| next.workers[w] = Worker::Dead);
        }
    }

    fn may_settle(&self, at: &State, epoch: u8) -> bool {
        match self.settle {
            Settle::ByLease => holds_lease(at, epoch),
            Settle::ByStateOfTask => at.task == Task::Active,
        }
    }

    fn of_lease(&self, moves: &mut Moves<'_, State>) {
        let at = moves.at;
        let is_held =
            at.workers.iter().any(|w| matches!(w, Worker::Took(e) | Worker::Ran(e) if *e == at.epoch));
        if at.lease == Lease::Running && !is_held {
            moves.system("the lease ends, and nobody is there to extend it", |next| next.lease = Lease::Over);
        }
        if at.lease == Lease::Running && is_held && at.stalls < MAX_STALLS {
            moves.world("the worker stands still until the lease ends", |next| {
                next.lease = Lease::Over;
                next.stalls += 1;
            });
        }
        if at.lease != Lease::Missing && at.evictions < MAX_EVICTIONS {
            moves.world("the store loses the lease", |next| {
                next.lease = Lease::Missing;
                next.evictions += 1;
            });
        }
        let is_seen = match at.lease {
            Lease::Over => true,
            Lease::Missing => self.recoverer == Recoverer::LooksAtActiveTasks,
            Lease::Running => false,
        };
        if at.task == Task::Active && is_seen {
            moves.system("the recoverer takes the task back", |next| {
                (next.task, next.lease) = (Task::Pending, Lease::Missing);
                next.recoveries += 1;
            });
        }
    }
}

/// A lease whose time is over is held until somebody takes the task back.
fn holds_lease(at: &State, epoch: u8) -> bool {
    at.task == Task::Active && at.epoch == epoch && at.lease != Lease::Missing
}

#[test]
fn a_task_ends_once_and_only_by_whoever_holds_its_lease() {
    let model = Leases { settle: Settle::ByLease, recoverer: Recoverer::LooksAtActiveTasks };
    explore("lease", &model).is_sound();
}

#[test]
fn without_a_look_at_the_epoch_a_stale_attempt_settles_for_its_successor() {
    let model = Leases { settle: Settle::ByStateOfTask, recoverer: Recoverer::LooksAtActiveTasks };
    explore("lease, settled without its epoch", &model).shows(
        Finding::StaleSettle,
        &[
            "A takes the task",
            "A runs the handler",
            "the worker stands still until the lease ends",
            "the recoverer takes the task back",
            "B takes the task",
            "A settles",
        ],
    );
}

#[test]
fn a_recoverer_that_looks_at_leases_alone_never_sees_a_task_that_has_none() {
    let model = Leases { settle: Settle::ByLease, recoverer: Recoverer::LooksAtLeases };
    explore("lease, recovered by leases alone", &model)
        .shows(Finding::Lost, &["A takes the task", "the store loses the lease"]);
}
