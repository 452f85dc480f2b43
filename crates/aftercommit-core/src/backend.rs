//! A whole back-end: what every store can do, and what only some can.

use std::fmt;

use crate::{Broker, Groups, Inspect, Presence, Publisher, Schedules, Upkeep};

/// A whole back-end. What not every store can do is visible here as an `Option`.
pub trait Backend: Broker + Upkeep + Inspect + fmt::Debug {
    /// Knows which workers are alive, and carries cancellations to them.
    fn presence(&self) -> Option<&dyn Presence> {
        None
    }

    /// Collects tasks in groups, to be aggregated. A store without it refuses tasks of a group.
    fn groups(&self) -> Option<&dyn Groups> {
        None
    }

    /// Stores what a relay brings, each task once even if it is brought twice.
    fn publisher(&self) -> Option<&dyn Publisher> {
        None
    }

    /// Shows operators what schedulers are at work.
    fn schedules(&self) -> Option<&dyn Schedules> {
        None
    }
}
