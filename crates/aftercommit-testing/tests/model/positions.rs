//! Rows take their positions before their transactions commit, so a lower position may appear after a higher one; and
//! a task that is recovered goes back to its place. Four transactions, a claimer that takes one row at a time.

use crate::explorer::{Model, Moves, explore};
use crate::report::Finding;

const ROWS: usize = 4;
const MAX_RECOVERIES: u8 = 2;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Row {
    NotYet,
    /// It has its position, and its transaction is open.
    Uncommitted,
    Pending,
    Active,
    Done,
    RolledBack,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct State {
    /// By position.
    rows: [Row; ROWS],
    /// The claimer looks at this position and beyond.
    floor: usize,
    /// Whether other rows beyond all of these keep every claim full.
    is_busy: bool,
    recoveries: u8,
}

/// When the claimer looks from the beginning.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Look {
    /// After a claim that brought less than it might, and at times.
    Both,
    AtTimes,
    AfterAnUnderfilledClaim,
    Never,
    /// There is nothing but the last position that was published: `id > last`.
    HighWaterMark,
}

impl Model for Look {
    type State = State;

    fn start(&self) -> State {
        State { rows: [Row::NotYet; ROWS], floor: 0, is_busy: false, recoveries: 0 }
    }

    fn moves(&self, moves: &mut Moves<'_, State>) {
        of_host(moves);
        self.of_claimer(moves);
        of_worker(moves);
        if *self != Self::HighWaterMark {
            let others = if moves.at.is_busy { "other rows come no more" } else { "other rows keep coming" };
            moves.world(others, |next| next.is_busy = !next.is_busy);
        }
    }

    fn judge(&self, _: &State) -> Option<Finding> {
        None
    }

    fn is_drained(&self, state: &State) -> bool {
        !state.rows.iter().any(|row| matches!(row, Row::Pending | Row::Active))
    }
}

fn of_host(moves: &mut Moves<'_, State>) {
    let at = moves.at;
    if let Some(row) = at.rows.iter().position(|row| *row == Row::NotYet) {
        moves.world(format!("a transaction takes position {}", row + 1), |next| {
            next.rows[row] = Row::Uncommitted;
        });
    }
    for row in (0..ROWS).filter(|row| at.rows[*row] == Row::Uncommitted) {
        let end = |to| move |next: &mut State| next.rows[row] = to;
        moves.world(format!("position {} is committed", row + 1), end(Row::Pending));
        moves.world(format!("position {} is rolled back", row + 1), end(Row::RolledBack));
    }
}

fn of_worker(moves: &mut Moves<'_, State>) {
    let at = moves.at;
    for row in (0..ROWS).filter(|row| at.rows[*row] == Row::Active) {
        moves.system(format!("the task of position {} is done", row + 1), |next| next.rows[row] = Row::Done);
        if at.recoveries < MAX_RECOVERIES {
            moves.world(format!("the worker dies, and position {} is pending again", row + 1), |next| {
                next.rows[row] = Row::Pending;
                next.recoveries += 1;
            });
        }
    }
}

impl Look {
    fn of_claimer(self, moves: &mut Moves<'_, State>) {
        let at = moves.at;
        if let Some(row) = (at.floor..ROWS).find(|row| at.rows[*row] == Row::Pending) {
            // A relay with a mark of its own publishes the row, and that is all.
            let (what, then) = match self {
                Self::HighWaterMark => ("the relay publishes", Row::Done),
                _ => ("the claimer takes", Row::Active),
            };
            moves.system(format!("{what} position {}", row + 1), |next| {
                (next.floor, next.rows[row]) = (row + 1, then);
            });
        } else if at.is_busy {
            moves.system("the claimer takes other rows", |next| next.floor = ROWS);
        } else if matches!(self, Self::Both | Self::AfterAnUnderfilledClaim) {
            moves.system("a claim finds nothing; the next one looks from the beginning", |next| {
                next.floor = 0
            });
        }
        if matches!(self, Self::Both | Self::AtTimes) && at.floor > 0 {
            moves.system("it is time to look from the beginning", |next| next.floor = 0);
        }
    }
}

#[test]
fn a_claimer_that_looks_from_the_beginning_in_the_end_takes_every_committed_row() {
    explore("positions", &Look::Both).is_sound();
    explore("positions that look again at times only", &Look::AtTimes).is_sound();
}

#[test]
fn a_high_water_mark_passes_over_what_commits_late() {
    explore("positions with a high-water mark", &Look::HighWaterMark).shows(
        Finding::Lost,
        &[
            "a transaction takes position 1",
            "a transaction takes position 2",
            "position 2 is committed",
            "the relay publishes position 2",
            "position 1 is committed",
        ],
    );
}

#[test]
fn a_floor_that_only_rises_passes_over_what_comes_back() {
    explore("positions with a floor that only rises", &Look::Never).shows(
        Finding::Lost,
        &[
            "a transaction takes position 1",
            "position 1 is committed",
            "the claimer takes position 1",
            "the worker dies, and position 1 is pending again",
        ],
    );
}

#[test]
fn an_underfilled_claim_alone_never_comes_while_others_keep_coming() {
    let report =
        explore("positions that look again when there is little to do", &Look::AfterAnUnderfilledClaim);
    report.shows(
        Finding::Lost,
        &[
            "a transaction takes position 1",
            "other rows keep coming",
            "the claimer takes other rows",
            "position 1 is committed",
        ],
    );
}
