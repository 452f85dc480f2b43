//! The search for differences finds one where there is one, and says how to find it again.

use std::sync::Arc;

use aftercommit_testing::conformance::{Fixture, model};
use aftercommit_testing::{Call, Fault, Faults, Faulty, ManualClock, MemoryBackend};

/// A memory broker whose connection is faulty in one way.
fn fixture(call: Call, fault: impl Fn(u32) -> Option<Fault>) -> Fixture {
    let clock = ManualClock::new();
    let memory = Arc::new(MemoryBackend::new(Arc::new(clock.clone())));
    let faults = (0..20_000).fold(Faults::none(), |faults, i| faults.then(call, fault(i)));
    Fixture::new(Arc::new(Faulty::new(memory, faults)), clock)
}

#[tokio::test]
async fn long_histories_of_a_sound_back_end_show_no_difference() {
    model::explore(fixture(Call::Settle, |_| None), 1_000..1_020, model::MAX_STEPS).await;
}

#[tokio::test]
#[should_panic(expected = "of seed")]
async fn a_back_end_that_loses_tasks_on_the_way_is_found() {
    model::explore(fixture(Call::Dequeue, |_| Some(Fault::Twice)), 0..10, 60).await;
}

#[tokio::test]
#[should_panic(expected = "of seed")]
async fn a_back_end_that_forwards_more_than_it_says_is_found() {
    model::explore(fixture(Call::Forward, |_| Some(Fault::Twice)), 0..10, 60).await;
}

#[tokio::test]
#[should_panic(expected = "of seed")]
async fn a_back_end_that_operates_on_more_than_it_says_is_found() {
    model::explore(fixture(Call::Inspect, |_| Some(Fault::Twice)), 0..30, 100).await;
}
