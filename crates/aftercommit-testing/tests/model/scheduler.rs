//! Two schedulers with the same entry, of which every tick is wanted once. Both may die, and are started again; what
//! they have done is noted in the store. A task is gone as soon as it has run.

use crate::explorer::{Model, Moves, explore};
use crate::report::Finding;

const TICKS: usize = 3;
const MAX_DEATHS: u8 = 3;

/// What a scheduler is at. Ticks count from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scheduler {
    /// Waits for this tick.
    At(usize),
    /// Has done the first of two things for it: enqueued it, or noted it.
    HalfDone(usize),
    Dead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Tick {
    waiting: u8,
    has_marker: bool,
    runs: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    /// So many ticks are over.
    now: usize,
    /// So many ticks are noted as done.
    noted: usize,
    schedulers: [Scheduler; 2],
    ticks: [Tick; TICKS],
    deaths: u8,
}

/// By what a tick is recognised that somebody else has enqueued.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Identity {
    None,
    /// The task's id is made of entry and tick, and taken as long as the task exists.
    Id,
    /// And a marker stays when the task is gone.
    IdAndMarker,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    EnqueueThenNote,
    NoteThenEnqueue,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    WhereItWasNoted,
    AtTheNextTick,
}

struct Schedule {
    identity: Identity,
    order: Order,
    start: Start,
}

impl Model for Schedule {
    type State = State;

    fn start(&self) -> State {
        State {
            now: 0,
            noted: 0,
            schedulers: [Scheduler::At(0); 2],
            ticks: [Tick::default(); TICKS],
            deaths: 0,
        }
    }

    fn moves(&self, moves: &mut Moves<'_, State>) {
        for (s, name) in [(0, "A"), (1, "B")] {
            self.of_scheduler(moves, s, name);
        }
        let at = moves.at;
        if at.now < TICKS {
            moves.world(format!("it is time for tick {}", at.now + 1), |next| next.now += 1);
        }
        for tick in (0..TICKS).filter(|tick| at.ticks[*tick].waiting > 0) {
            moves.system(
                format!("a worker runs the task of tick {}, which is gone then", tick + 1),
                |next| {
                    next.ticks[tick].waiting -= 1;
                    next.ticks[tick].runs += 1;
                },
            );
        }
    }

    fn judge(&self, state: &State) -> Option<Finding> {
        state.ticks.iter().any(|tick| tick.runs > 1).then_some(Finding::Duplicated)
    }

    fn is_drained(&self, state: &State) -> bool {
        state.ticks[..state.now].iter().all(|tick| tick.runs > 0)
    }
}

impl Schedule {
    fn of_scheduler(&self, moves: &mut Moves<'_, State>, s: usize, name: &str) {
        let at = moves.at;
        let (tick, is_second) = match at.schedulers[s] {
            Scheduler::At(tick) => (tick, false),
            Scheduler::HalfDone(tick) => (tick, true),
            Scheduler::Dead => {
                moves.system(format!("{name} is started again"), |next| {
                    next.schedulers[s] = Scheduler::At(match self.start {
                        Start::WhereItWasNoted => at.noted,
                        Start::AtTheNextTick => at.now,
                    });
                });
                return;
            }
        };
        if tick < at.now {
            let enqueues = is_second == (self.order == Order::NoteThenEnqueue);
            let what = if enqueues { "enqueues" } else { "notes" };
            moves.system(format!("{name} {what} tick {}", tick + 1), |next| {
                if enqueues {
                    self.enqueue(&mut next.ticks[tick]);
                } else {
                    next.noted = at.noted.max(tick + 1);
                }
                next.schedulers[s] =
                    if is_second { Scheduler::At(tick + 1) } else { Scheduler::HalfDone(tick) };
            });
        }
        if at.deaths < MAX_DEATHS {
            moves.world(format!("{name} dies"), |next| {
                next.schedulers[s] = Scheduler::Dead;
                next.deaths += 1;
            });
        }
    }

    fn enqueue(&self, tick: &mut Tick) {
        let is_known = match self.identity {
            Identity::None => false,
            Identity::Id => tick.waiting > 0,
            Identity::IdAndMarker => tick.has_marker,
        };
        if !is_known {
            tick.waiting += 1;
            tick.has_marker = true;
        }
    }
}

const SOUND: Schedule = Schedule {
    identity: Identity::IdAndMarker,
    order: Order::EnqueueThenNote,
    start: Start::WhereItWasNoted,
};

#[test]
fn every_tick_runs_once_whoever_dies() {
    explore("scheduler", &SOUND).is_sound();
}

#[test]
fn two_schedulers_without_tick_identity_enqueue_everything_twice() {
    let model = Schedule { identity: Identity::None, ..SOUND };
    explore("scheduler without tick identity", &model).shows(
        Finding::Duplicated,
        &[
            "it is time for tick 1",
            "A enqueues tick 1",
            "B enqueues tick 1",
            "a worker runs the task of tick 1, which is gone then",
            "a worker runs the task of tick 1, which is gone then",
        ],
    );
}

#[test]
fn an_id_alone_does_not_stop_a_scheduler_that_comes_when_the_task_is_gone() {
    let model = Schedule { identity: Identity::Id, ..SOUND };
    explore("scheduler with an id only", &model).shows(
        Finding::Duplicated,
        &[
            "it is time for tick 1",
            "A enqueues tick 1",
            "a worker runs the task of tick 1, which is gone then",
            "B enqueues tick 1",
            "a worker runs the task of tick 1, which is gone then",
        ],
    );
}

#[test]
fn a_tick_that_is_noted_before_it_is_enqueued_is_lost_with_the_schedulers() {
    let model = Schedule { order: Order::NoteThenEnqueue, ..SOUND };
    explore("scheduler that notes first", &model)
        .shows(Finding::Lost, &["A dies", "it is time for tick 1", "B notes tick 1", "B dies"]);
}

#[test]
fn schedulers_that_start_at_the_next_tick_lose_what_came_while_all_were_dead() {
    let model = Schedule { start: Start::AtTheNextTick, ..SOUND };
    explore("scheduler that does not catch up", &model)
        .shows(Finding::Lost, &["A dies", "B dies", "it is time for tick 1"]);
}
