//! An outbox row that stays until the back-end shows its task completed, and a reconciler that brings back what a
//! Redis has lost. One row, one relay, one reconciler; Redis loses everything, a task or a marker at any moment.

use crate::explorer::{Model, Moves, explore};
use crate::report::Finding;

const MAX_LOSSES: u8 = 3;
const MAX_DEATHS: u8 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Row {
    Waiting,
    Published,
    /// Set aside: a task has the id, and there is no marker to tell that it is this one.
    Buried,
    Closed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Task {
    Absent,
    Pending,
    Completed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Relay {
    Idle,
    Calling,
    Answered,
    /// Answered that a task has the id.
    Refused,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Reconciler {
    Idle,
    SawNothing,
    Calling,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    row: Row,
    task: Task,
    has_marker: bool,
    relay: Relay,
    reconciler: Reconciler,
    deaths: u8,
    losses: u8,
    /// How often Redis lost the task, or what it knew of it.
    wiped: u8,
    runs: u8,
    /// A task was said to be lost that was there, or on its way.
    said_falsely: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Rules {
    /// Two looks at every row that is not closed, whatever its marker says, and records of what is done.
    Sound,
    ClosesAtPublish,
    OneLook,
    /// The same, and it does not say that anything was lost.
    OneLookInSilence,
    /// A task that has run leaves no record.
    NoRecord,
    HonoursMarker,
    /// What the relay has set aside is nobody's concern.
    PassesOverWhatIsSetAside,
}

impl Model for Rules {
    type State = State;

    fn start(&self) -> State {
        State {
            row: Row::Waiting,
            task: Task::Absent,
            has_marker: false,
            relay: Relay::Idle,
            reconciler: Reconciler::Idle,
            deaths: 0,
            losses: 0,
            wiped: 0,
            runs: 0,
            said_falsely: false,
        }
    }

    fn moves(&self, moves: &mut Moves<'_, State>) {
        self.of_relay(moves);
        self.of_reconciler(moves);
        self.of_redis(moves);
    }

    /// Each loss explains one more run.
    fn judge(&self, state: &State) -> Option<Finding> {
        if state.runs > 1 + state.wiped {
            Some(Finding::Duplicated)
        } else {
            state.said_falsely.then_some(Finding::FalseLoss)
        }
    }

    fn is_drained(&self, state: &State) -> bool {
        state.runs > 0 && matches!(state.row, Row::Closed | Row::Buried)
    }
}

impl Rules {
    fn of_relay(self, moves: &mut Moves<'_, State>) {
        let at = moves.at;
        match at.relay {
            Relay::Idle if at.row == Row::Waiting => {
                moves.system("the relay sends the task", |next| next.relay = Relay::Calling);
            }
            Relay::Calling => moves.system("the relay's call is answered", |next| {
                next.relay =
                    if at.has_marker || at.task == Task::Absent { Relay::Answered } else { Relay::Refused };
                if !at.has_marker && at.task == Task::Absent {
                    (next.task, next.has_marker) = (Task::Pending, true);
                }
            }),
            Relay::Answered => moves.system("the relay marks the row", |next| {
                let published = if self == Self::ClosesAtPublish { Row::Closed } else { Row::Published };
                next.row = if at.row == Row::Waiting { published } else { at.row };
                next.relay = Relay::Idle;
            }),
            Relay::Refused => moves.system("the relay sets the row aside: its id is taken", |next| {
                next.row = if at.row == Row::Waiting { Row::Buried } else { at.row };
                next.relay = Relay::Idle;
            }),
            Relay::Idle => {}
        }
        if at.relay != Relay::Idle && at.deaths < MAX_DEATHS {
            moves.world("the relay dies, and is started again", |next| {
                next.relay = Relay::Idle;
                next.deaths += 1;
            });
        }
    }

    fn of_reconciler(self, moves: &mut Moves<'_, State>) {
        let at = moves.at;
        let is_open = match at.row {
            Row::Waiting => at.relay != Relay::Idle,
            Row::Published => true,
            Row::Buried => self != Self::PassesOverWhatIsSetAside,
            Row::Closed => false,
        };
        match at.reconciler {
            Reconciler::Calling => moves.system("the reconciler's call is answered", |next| {
                if at.task == Task::Absent && !(at.has_marker && self == Self::HonoursMarker) {
                    (next.task, next.has_marker) = (Task::Pending, true);
                }
                next.reconciler = Reconciler::Idle;
            }),
            _ if !is_open => {}
            _ if at.task == Task::Completed => {
                moves.system("the reconciler sees the task completed, and closes the row", |next| {
                    (next.row, next.reconciler) = (Row::Closed, Reconciler::Idle);
                });
            }
            Reconciler::SawNothing if at.task == Task::Pending => {
                moves.system("the reconciler sees the task", |next| next.reconciler = Reconciler::Idle);
            }
            Reconciler::Idle
                if at.task == Task::Absent && matches!(self, Self::OneLook | Self::OneLookInSilence) =>
            {
                moves.system("the reconciler does not see the task, and sends it again", |next| {
                    self.send_again(next)
                });
            }
            Reconciler::Idle if at.task == Task::Absent => {
                moves.system("the reconciler does not see the task", |next| {
                    next.reconciler = Reconciler::SawNothing;
                });
            }
            // A minute later: a call that was under way has arrived, or never will.
            Reconciler::SawNothing if at.relay != Relay::Calling => {
                moves.system("a minute later it does not see it either, and sends it again", |next| {
                    self.send_again(next)
                });
            }
            Reconciler::Idle | Reconciler::SawNothing => {}
        }
    }

    fn send_again(self, next: &mut State) {
        next.reconciler = Reconciler::Calling;
        let is_lost = next.task == Task::Absent && next.relay != Relay::Calling;
        next.said_falsely = !is_lost && self != Self::OneLookInSilence;
    }

    fn of_redis(self, moves: &mut Moves<'_, State>) {
        let at = moves.at;
        if at.task == Task::Pending {
            moves.system("a worker runs the task", |next| {
                next.task = if self == Self::NoRecord { Task::Absent } else { Task::Completed };
                next.runs += 1;
            });
        }
        if at.losses < MAX_LOSSES {
            let lose = |next: &mut State| {
                next.wiped += u8::from(at.task != Task::Absent);
                next.task = Task::Absent;
                next.losses += 1;
            };
            moves.world("Redis loses everything", |next| {
                lose(next);
                next.has_marker = false;
            });
            moves.world("Redis loses the task, and not its marker", lose);
            moves.world("Redis loses the marker, and not its task", |next| {
                next.has_marker = false;
                next.losses += 1;
            });
        }
    }
}

#[test]
fn what_redis_loses_is_brought_back_and_no_second_run_is_without_a_loss() {
    explore("reconciler", &Rules::Sound).is_sound();
}

#[test]
fn a_row_that_is_closed_when_it_is_published_is_lost_with_redis() {
    explore("reconciler without rows", &Rules::ClosesAtPublish).shows(
        Finding::Lost,
        &[
            "the relay sends the task",
            "the relay's call is answered",
            "the relay marks the row",
            "Redis loses everything",
        ],
    );
}

#[test]
fn a_single_look_takes_a_task_on_its_way_for_lost() {
    explore("reconciler with one look", &Rules::OneLook).shows(
        Finding::FalseLoss,
        &["the relay sends the task", "the reconciler does not see the task, and sends it again"],
    );
}

#[test]
fn it_is_the_record_and_not_the_second_look_that_keeps_a_task_from_running_twice() {
    explore("reconciler with one look, in silence", &Rules::OneLookInSilence).is_sound();
}

#[test]
fn without_a_record_a_finished_task_looks_lost_and_runs_again() {
    explore("reconciler without records", &Rules::NoRecord).shows(
        Finding::Duplicated,
        &[
            "the relay sends the task",
            "the relay's call is answered",
            "a worker runs the task",
            "the reconciler does not see the task",
            "a minute later it does not see it either, and sends it again",
            "the reconciler's call is answered",
            "a worker runs the task",
        ],
    );
}

#[test]
fn a_marker_that_outlives_its_task_must_not_keep_it_from_coming_back() {
    explore("reconciler that honours markers", &Rules::HonoursMarker).shows(
        Finding::Lost,
        &[
            "the relay sends the task",
            "the relay's call is answered",
            "Redis loses the task, and not its marker",
        ],
    );
}

#[test]
fn a_row_that_was_set_aside_for_its_own_task_is_lost_with_redis_if_nobody_looks_at_it() {
    let report = explore("reconciler that passes over what is set aside", &Rules::PassesOverWhatIsSetAside);
    report.shows(
        Finding::Lost,
        &[
            "the relay sends the task",
            "the relay's call is answered",
            "the relay dies, and is started again",
            "the relay sends the task",
            "Redis loses the marker, and not its task",
            "the relay's call is answered",
            "the relay sets the row aside: its id is taken",
            "Redis loses everything",
        ],
    );
}
