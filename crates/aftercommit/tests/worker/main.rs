//! The worker and the relay over the memory broker, in virtual time: hours pass in milliseconds, in the right
//! order.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod harness;
mod lines;
mod spy;

mod client;
mod endings;
mod groups;
mod hostile;
mod inspector;
mod lifecycle;
mod outage;
mod picky;
mod queues;
mod recovery;
mod relay;
mod routing;
mod scheduling;
mod stopped;
mod unresponsive;
mod upkeep;
