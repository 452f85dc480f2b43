//! One committed row of the outbox, two relays that may die or stand still, and a back-end whose tasks are gone
//! as soon as they have run: only the marker tells that a task was brought before.

mod stories;

use crate::explorer::{Model, Moves};
use crate::report::Finding;

const MAX_DEATHS: u8 = 2;
const MAX_STRAYS: u8 = 2;

/// What a relay is at, and under which claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Relay {
    Idle,
    Claimed(u8),
    /// A call is under way.
    Calling(u8),
    /// The task is published.
    Published(u8),
    /// The row is deleted.
    Marked(Then),
    Dead,
}

/// What is to become of the marker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Then {
    Drop,
    /// It passes away by itself, long after everything here.
    Leave,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    /// How often the row was claimed, while it is there.
    row: Option<u8>,
    is_held: bool,
    relays: [Relay; 2],
    /// Whether a relay has given up waiting for a call of its claim.
    gave_up: [bool; 2],
    /// Calls under way that nobody waits for any more.
    strays: u8,
    is_pending: bool,
    has_marker: bool,
    runs: u8,
    deaths: u8,
    stalls: u8,
}

/// When the marker is dropped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Marker {
    /// There is none.
    Never,
    BeforeMark,
    AfterMark,
    /// After the mark, by a relay whose claim still stands then.
    AfterMarkOfOwnClaim,
    /// After the mark, if there was one claim only, and all its calls were answered.
    AfterMarkWithoutDoubt,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Calls {
    /// A call has reached the back-end before its claim ends, or never does.
    EndWithTheirClaim,
    /// A call may arrive whenever it likes.
    MayBeLate,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    PublishThenMark,
    MarkThenPublish,
}

struct Outbox {
    marker: Marker,
    calls: Calls,
    order: Order,
    /// How often a relay stands still until its claim is over.
    stalls: u8,
}

impl Model for Outbox {
    type State = State;

    fn start(&self) -> State {
        State {
            row: Some(0),
            is_held: false,
            relays: [Relay::Idle; 2],
            gave_up: [false; 2],
            strays: 0,
            is_pending: false,
            has_marker: false,
            runs: 0,
            deaths: 0,
            stalls: 0,
        }
    }

    fn moves(&self, moves: &mut Moves<'_, State>) {
        for (r, name) in [(0, "A"), (1, "B")] {
            self.of_relay(moves, r, name);
            self.of_death(moves, r, name);
        }
        self.of_claim(moves);
        let at = moves.at;
        if at.strays > 0 {
            moves.world("the late call arrives", |next| {
                next.strays -= 1;
                self.publish(next);
            });
        }
        if at.is_pending {
            moves.system("a worker runs the task, which is gone then", |next| {
                next.is_pending = false;
                next.runs += 1;
            });
        }
    }

    /// Whoever stores a task twice without knowing says nothing about it.
    fn judge(&self, state: &State) -> Option<Finding> {
        (state.runs > 1).then_some(Finding::Duplicated)
    }

    fn is_drained(&self, state: &State) -> bool {
        state.row.is_none() && state.runs > 0
    }
}

impl Outbox {
    fn of_relay(&self, moves: &mut Moves<'_, State>, r: usize, name: &str) {
        let at = moves.at;
        let is_mine = |epoch| at.row == Some(epoch) && at.is_held;
        match at.relays[r] {
            Relay::Idle if at.row.is_some() && !at.is_held => {
                moves.system(format!("{name} claims the row"), |next| {
                    let epoch = at.row.map_or(1, |claims| claims + 1);
                    (next.row, next.is_held, next.relays[r]) = (Some(epoch), true, Relay::Claimed(epoch));
                    next.gave_up[r] = false;
                    if self.order == Order::MarkThenPublish {
                        next.row = None;
                    }
                });
            }
            Relay::Claimed(epoch) if self.order == Order::PublishThenMark && !is_mine(epoch) => {
                moves.system(format!("{name} sees that the claim is over"), |next| {
                    next.relays[r] = Relay::Idle
                });
                if self.calls == Calls::MayBeLate {
                    moves.world(format!("{name} sends the task though the claim is over"), |next| {
                        next.relays[r] = Relay::Calling(epoch);
                    });
                }
            }
            Relay::Claimed(epoch) => moves.system(format!("{name} sends the task"), |next| {
                next.relays[r] = Relay::Calling(epoch);
            }),
            Relay::Calling(epoch) => {
                moves.system(format!("{name}'s call is answered"), |next| {
                    self.publish(next);
                    next.relays[r] = Relay::Published(epoch);
                });
                if self.calls == Calls::MayBeLate && at.strays < MAX_STRAYS {
                    moves.world(format!("{name} waits for the call no longer"), |next| {
                        next.strays += 1;
                        (next.relays[r], next.gave_up[r]) = (Relay::Claimed(epoch), true);
                    });
                }
            }
            Relay::Published(epoch) => {
                if self.marker == Marker::BeforeMark && at.has_marker {
                    moves.system(format!("{name} drops the marker"), |next| next.has_marker = false);
                } else {
                    moves.system(format!("{name} marks the row"), |next| {
                        next.relays[r] = Relay::Marked(self.then(at, r, epoch));
                        next.row = None;
                    });
                }
            }
            Relay::Marked(Then::Drop) => moves.system(format!("{name} drops the marker"), |next| {
                (next.has_marker, next.relays[r]) = (false, Relay::Idle);
            }),
            Relay::Marked(Then::Leave) => {
                moves.system(format!("{name} leaves the marker"), |next| next.relays[r] = Relay::Idle);
            }
            Relay::Idle | Relay::Dead => {}
        }
    }

    /// What is to become of the marker when a relay deletes the row.
    fn then(&self, at: &State, r: usize, epoch: u8) -> Then {
        let is_own_claim = at.row == Some(epoch);
        let drops = match self.marker {
            Marker::Never | Marker::BeforeMark => false,
            Marker::AfterMark => true,
            Marker::AfterMarkOfOwnClaim => is_own_claim,
            Marker::AfterMarkWithoutDoubt => is_own_claim && epoch == 1 && !at.gave_up[r],
        };
        if drops { Then::Drop } else { Then::Leave }
    }

    fn of_death(&self, moves: &mut Moves<'_, State>, r: usize, name: &str) {
        let at = moves.at;
        if at.relays[r] == Relay::Dead {
            moves.system(format!("{name} is started again"), |next| next.relays[r] = Relay::Idle);
        } else if at.deaths < MAX_DEATHS {
            let die = |next: &mut State| {
                next.relays[r] = Relay::Dead;
                next.deaths += 1;
            };
            moves.world(format!("{name} dies"), die);
            if matches!(at.relays[r], Relay::Calling(_)) {
                moves.world(format!("{name} dies, and its call arrives"), |next| {
                    die(next);
                    self.publish(next);
                });
                if self.calls == Calls::MayBeLate && at.strays < MAX_STRAYS {
                    moves.world(format!("{name} dies, and its call is still under way"), |next| {
                        die(next);
                        next.strays += 1;
                    });
                }
            }
        }
    }

    fn of_claim(&self, moves: &mut Moves<'_, State>) {
        let at = moves.at;
        let holder = at.relays.iter().find(|relay| match relay {
            Relay::Claimed(epoch) | Relay::Calling(epoch) | Relay::Published(epoch) => at.row == Some(*epoch),
            _ => false,
        });
        let may_end = self.calls == Calls::MayBeLate || !matches!(holder, Some(Relay::Calling(_)));
        if at.row.is_some() && at.is_held && holder.is_none() {
            moves.system("the claim ends", |next| next.is_held = false);
        } else if at.row.is_some() && at.is_held && may_end && at.stalls < self.stalls {
            moves.world("the relay stands still until the claim ends", |next| {
                next.is_held = false;
                next.stalls += 1;
            });
        }
    }

    /// What the call does. A task that is still there is not stored a second time.
    fn publish(&self, next: &mut State) {
        if !next.has_marker {
            next.is_pending = true;
            next.has_marker = self.marker != Marker::Never;
        }
    }
}
