//! The link to Redis against real servers: every option, every fault, and what a call costs.

mod checks;
mod faults;
mod kit;
mod options;
mod scripts;
