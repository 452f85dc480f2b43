//! Hints and cancellations from real servers: who is woken by what, what waiting costs, and every fault.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod cancellations;
mod due;
mod fallback;
mod faults;
mod groups;
mod kit;
mod life;
mod pending;
