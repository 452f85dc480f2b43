//! Longer random histories than the suite plays, through a slow connection; and connections that are faulty in a way that
//! is seen, so that the search is known to see.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_testing::conformance::model;
use aftercommit_testing::{Call, Fault, Faults, Faulty, Odds};

use super::in_a_database;

#[tokio::test]
async fn long_histories_through_a_slow_connection_show_no_difference() {
    let fixture = in_a_database(|queue| {
        let odds = Odds { delay: 0.05, longest_delay: Duration::from_millis(3), ..Odds::default() };
        Arc::new(Faulty::new(Arc::new(queue), Faults::random(7, odds)))
    });
    model::explore(fixture.await, 1_000..1_004, model::MAX_STEPS).await;
}

#[tokio::test]
#[should_panic(expected = "of seed")]
async fn connection_that_loses_tasks_on_the_way_is_found() {
    let fixture = in_a_database(|queue| {
        let faults = (0..1_000).fold(Faults::none(), |faults, _| faults.then(Call::Dequeue, Fault::Twice));
        Arc::new(Faulty::new(Arc::new(queue), faults))
    });
    model::explore(fixture.await, 0..10, 60).await;
}
