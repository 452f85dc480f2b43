//! The suite on the memory broker, which it describes, and again in every way in which a back-end may differ
//! from it and still be right.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aftercommit_core::{Backend, Clock, Timestamp};
use aftercommit_testing::conformance::Fixture;
use aftercommit_testing::{Ability, Faults, Faulty, ManualClock, MemoryBackend, Odds};

fn memory_broker() -> (Arc<MemoryBackend>, ManualClock) {
    let clock = ManualClock::new();
    (Arc::new(MemoryBackend::new(Arc::new(clock.clone()))), clock)
}

async fn memory() -> Fixture {
    let (backend, clock) = memory_broker();
    Fixture::new(backend, clock)
}

aftercommit_testing::conformance!(
    conformance,
    memory,
    has: [presence, groups, publisher, schedules],
    lacks: [handles],
);

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

aftercommit_testing::conformance!(
    conformance_through_a_transparent_decorator,
    transparent,
    has: [presence, groups, publisher, schedules, handles],
    lacks: [],
);

/// Slow calls change when things happen and nothing else.
async fn slow() -> Fixture {
    let (backend, clock) = memory_broker();
    let odds = Odds { delay: 0.05, longest_delay: Duration::from_millis(3), ..Odds::default() };
    Fixture::new(Arc::new(Faulty::new(backend, Faults::random(7, odds))), clock)
}

aftercommit_testing::conformance!(
    conformance_through_a_slow_connection,
    slow,
    has: [presence, groups, publisher, schedules],
    lacks: [handles],
);

/// A server's clock: it goes on by itself, shows something else than that of the suite, and is moved on when
/// the suite lets time pass.
#[derive(Debug)]
struct ServerClock {
    shown: ManualClock,
    started: Instant,
}

impl Clock for ServerClock {
    fn now(&self) -> Timestamp {
        self.shown.now().plus(self.started.elapsed())
    }
}

/// A store that ends lives by its own clock.
async fn with_a_clock_of_its_own() -> Fixture {
    let (clock, shown) = (ManualClock::new(), ManualClock::at(Timestamp::from_millis(5_000_000_000_000)));
    let own = ServerClock { shown: shown.clone(), started: Instant::now() };
    let backend = MemoryBackend::new(Arc::new(clock.clone())).with_own_clock(Arc::new(own));
    Fixture::new(Arc::new(backend), clock).on_pass(move |duration| {
        shown.advance(duration);
        Box::pin(std::future::ready(()))
    })
}

aftercommit_testing::conformance!(
    conformance_with_a_clock_of_its_own,
    with_a_clock_of_its_own,
    has: [presence, groups, publisher, schedules],
    lacks: [handles],
);

/// The least that a back-end can be.
async fn bare() -> Fixture {
    let clock = ManualClock::new();
    let whole = MemoryBackend::new(Arc::new(clock.clone()));
    let bare = Ability::ALL.into_iter().fold(whole, MemoryBackend::without);
    Fixture::new(Arc::new(bare), clock)
}

aftercommit_testing::conformance!(
    conformance_of_the_bare_minimum,
    bare,
    has: [],
    lacks: [presence, groups, publisher, schedules, handles],
);
