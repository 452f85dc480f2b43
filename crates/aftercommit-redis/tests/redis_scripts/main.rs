//! The scripts where Lua has no way back: keys of a wrong type, a Redis without memory, counters that are none, clocks that
//! differ, and more tasks than a script may take at once.

#![expect(clippy::unwrap_used, reason = "a test that cannot unwrap has failed")]

mod brought_again;
mod chunks;
mod kit;
mod memory;
mod types;
