//! Everything one needs to test with aftercommit, or to test a back-end of it.

pub mod conformance;

mod clock;
mod memory;

pub use clock::{ManualClock, TEST_EPOCH, TokioClock};
pub use memory::MemoryBackend;
