//! A limit of one at a time over the whole fleet: the slot is a lease. Four tasks, two workers that may stand still, and
//! one of which may die.

use crate::explorer::{Model, Moves, explore};
use crate::report::Finding;

const TASKS: usize = 4;
const MAX_STALLS: u8 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Task {
    Pending,
    Active,
    Done,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Worker {
    Idle,
    /// Runs a task, with a slot of this number.
    Runs(usize, u8),
    /// The same, and its log says that the slot is lost.
    RunsWithoutSlot(usize, u8),
    /// Died with a task, or without.
    Dead(Option<usize>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    tasks: [Task; TASKS],
    workers: [Worker; 2],
    /// The number under which the slot is taken: a new one each time.
    slot: Option<u8>,
    taken: u8,
    stalls: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Slot {
    Leased,
    /// It is free again when whoever has it gives it back.
    NotLeased,
    /// Whoever gives a slot back frees it, under whatever number it is taken.
    GivenBackByAnybody,
}

impl Model for Slot {
    type State = State;

    fn start(&self) -> State {
        State { tasks: [Task::Pending; TASKS], workers: [Worker::Idle; 2], slot: None, taken: 0, stalls: 0 }
    }

    fn moves(&self, moves: &mut Moves<'_, State>) {
        for (w, name) in [(0, "A"), (1, "B")] {
            self.of_worker(moves, w, name);
        }
        self.of_slot(moves);
    }

    fn judge(&self, state: &State) -> Option<Finding> {
        let with_slot = state.workers.iter().filter(|worker| matches!(worker, Worker::Runs(..)));
        (with_slot.count() > 1).then_some(Finding::OverLimit)
    }

    fn is_drained(&self, state: &State) -> bool {
        state.tasks == [Task::Done; TASKS]
    }
}

impl Slot {
    fn of_worker(self, moves: &mut Moves<'_, State>, w: usize, name: &str) {
        let at = moves.at;
        match at.workers[w] {
            Worker::Idle => {
                let pending = at.tasks.iter().position(|task| *task == Task::Pending);
                if let Some(t) = pending.filter(|_| at.slot.is_none()) {
                    moves.system(format!("{name} takes the slot and task {}", t + 1), |next| {
                        next.taken += 1;
                        next.slot = Some(next.taken);
                        (next.tasks[t], next.workers[w]) = (Task::Active, Worker::Runs(t, next.taken));
                    });
                }
            }
            Worker::Runs(t, number) | Worker::RunsWithoutSlot(t, number) => {
                moves.system(
                    format!("{name} is done with task {}, and gives its slot back", t + 1),
                    |next| {
                        (next.tasks[t], next.workers[w]) = (Task::Done, Worker::Idle);
                        if at.slot == Some(number) || self == Self::GivenBackByAnybody {
                            next.slot = None;
                        }
                    },
                );
            }
            Worker::Dead(Some(t)) => moves.system(format!("task {} is recovered", t + 1), |next| {
                (next.tasks[t], next.workers[w]) = (Task::Pending, Worker::Dead(None));
            }),
            Worker::Dead(None) => {}
        }
        if !at.workers.iter().any(|worker| matches!(worker, Worker::Dead(_))) {
            moves.world(format!("{name} dies"), |next| {
                next.workers[w] = Worker::Dead(match at.workers[w] {
                    Worker::Runs(t, _) | Worker::RunsWithoutSlot(t, _) => Some(t),
                    Worker::Idle | Worker::Dead(_) => None,
                });
            });
        }
    }

    fn of_slot(self, moves: &mut Moves<'_, State>) {
        let at = moves.at;
        let Some(number) = at.slot.filter(|_| self != Self::NotLeased) else { return };
        let holder =
            at.workers.iter().position(|worker| matches!(worker, Worker::Runs(_, n) if *n == number));
        match holder {
            None => moves.system("the slot's lease ends, and nobody is there to extend it", |next| {
                next.slot = None;
            }),
            Some(w) if at.stalls < MAX_STALLS => {
                moves.world("the worker stands still until its slot's lease ends", |next| {
                    (next.slot, next.stalls) = (None, at.stalls + 1);
                    if let Worker::Runs(t, number) = at.workers[w] {
                        next.workers[w] = Worker::RunsWithoutSlot(t, number);
                    }
                });
            }
            Some(_) => {}
        }
    }
}

#[test]
fn a_slot_that_is_a_lease_is_had_by_one_and_never_leaks() {
    explore("limit", &Slot::Leased).is_sound();
}

#[test]
fn a_slot_without_a_lease_is_lost_with_its_worker() {
    explore("limit without a lease", &Slot::NotLeased)
        .shows(Finding::Lost, &["A takes the slot and task 1", "A dies"]);
}

#[test]
fn a_slot_must_not_be_given_back_for_its_next_owner() {
    explore("limit given back by anybody", &Slot::GivenBackByAnybody).shows(
        Finding::OverLimit,
        &[
            "A takes the slot and task 1",
            "the worker stands still until its slot's lease ends",
            "B takes the slot and task 2",
            "A is done with task 1, and gives its slot back",
            "A takes the slot and task 3",
        ],
    );
}
