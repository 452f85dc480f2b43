//! The explorer itself: it finds the nearest fault, sees dead ends and circles, and does not count on the world.

use crate::explorer::{Model, Moves, explore};
use crate::report::Finding;

/// A walk from 0 to `goal` over numbered places.
struct Walk {
    /// From, to, and whether one may count on it.
    edges: &'static [(u8, u8, &'static str)],
    goal: u8,
    pit: Option<u8>,
}

impl Model for Walk {
    type State = u8;

    fn start(&self) -> u8 {
        0
    }

    fn moves(&self, moves: &mut Moves<'_, u8>) {
        for (from, to, by) in self.edges {
            if from == moves.at {
                match *by {
                    "system" => moves.system(format!("to {to}"), |at| *at = *to),
                    _ => moves.world(format!("thrown to {to}"), |at| *at = *to),
                }
            }
        }
    }

    fn judge(&self, at: &u8) -> Option<Finding> {
        (Some(*at) == self.pit).then_some(Finding::Unexpected)
    }

    fn is_drained(&self, at: &u8) -> bool {
        *at == self.goal
    }
}

#[test]
fn every_state_is_visited_once() {
    let walk = Walk {
        edges: &[(0, 1, "system"), (0, 2, "system"), (1, 3, "system"), (2, 3, "system")],
        goal: 3,
        pit: None,
    };
    let report = explore("diamond", &walk);
    assert_eq!(report.states(), 4);
    report.is_sound();
}

#[test]
fn the_shortest_of_several_ways_is_told() {
    let edges = &[(0, 1, "system"), (1, 2, "system"), (2, 3, "system"), (0, 2, "world"), (2, 4, "system")];
    let walk = Walk { edges, goal: 3, pit: Some(4) };
    explore("pit", &walk).shows(Finding::Unexpected, &["thrown to 2", "to 4"]);
}

#[test]
fn a_circle_without_a_way_out_is_a_loss() {
    let walk = Walk {
        edges: &[(0, 3, "system"), (0, 1, "world"), (1, 2, "system"), (2, 1, "system")],
        goal: 3,
        pit: None,
    };
    explore("circle", &walk).shows(Finding::Lost, &["thrown to 1"]);
}

#[test]
fn what_only_the_world_can_cure_is_a_loss() {
    let walk = Walk { edges: &[(0, 3, "system"), (0, 1, "world"), (1, 3, "world")], goal: 3, pit: None };
    explore("cure", &walk).shows(Finding::Lost, &["thrown to 1"]);
}
