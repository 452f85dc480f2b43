//! The suite on the memory broker, which it describes, and again through the decorator.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::Backend;
use aftercommit_testing::conformance::Fixture;
use aftercommit_testing::{Faults, Faulty, ManualClock, MemoryBackend, Odds};

fn memory_broker() -> (Arc<MemoryBackend>, ManualClock) {
    let clock = ManualClock::new();
    (Arc::new(MemoryBackend::new(Arc::new(clock.clone()))), clock)
}

async fn memory() -> Fixture {
    let (backend, clock) = memory_broker();
    Fixture::new(backend, clock)
}

aftercommit_testing::conformance!(conformance, memory);

/// A decorator without faults is as if it were not there. Two of them on one broker are two handles on
/// one store, so that the cases about handles and restarts are played here too.
async fn transparent() -> Fixture {
    let (store, clock) = memory_broker();
    let first = Faulty::new(Arc::clone(&store), Faults::none());
    Fixture::new(Arc::new(first), clock).reopen(move || {
        let another: Arc<dyn Backend> = Arc::new(Faulty::new(Arc::clone(&store), Faults::none()));
        Box::pin(std::future::ready(another))
    })
}

aftercommit_testing::conformance!(conformance_through_a_transparent_decorator, transparent);

/// Slow calls change when things happen and nothing else.
async fn slow() -> Fixture {
    let (backend, clock) = memory_broker();
    let odds = Odds { delay: 0.05, longest_delay: Duration::from_millis(3), ..Odds::default() };
    Fixture::new(Arc::new(Faulty::new(backend, Faults::random(7, odds))), clock)
}

aftercommit_testing::conformance!(conformance_through_a_slow_connection, slow);
