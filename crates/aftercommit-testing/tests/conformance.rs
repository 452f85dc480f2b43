//! The suite on the memory broker, which it describes.

use std::sync::Arc;

use aftercommit_testing::conformance::Fixture;
use aftercommit_testing::{ManualClock, MemoryBackend};

async fn memory() -> Fixture {
    let clock = ManualClock::new();
    Fixture::new(Arc::new(MemoryBackend::new(Arc::new(clock.clone()))), clock)
}

aftercommit_testing::conformance!(conformance, memory);
