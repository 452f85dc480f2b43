//! What every running part of the library is made of: loops that tick, phases that end them, and one place
//! that knows whether their store answers.

mod due;
mod health;
mod lifecycle;
mod periodic;

pub(crate) use due::DueIn;
pub(crate) use health::{Pauses, Reach, StoreHealth};
pub use lifecycle::StopHandle;
pub(crate) use lifecycle::{Phase, Phases};
pub(crate) use periodic::{Next, Periodic, Tick, hint};
