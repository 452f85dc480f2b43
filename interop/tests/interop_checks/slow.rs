//! The checks that have to wait: leases of half a minute, asynq's recoverer, deadlines of two minutes. They wait together,
//! in one window of at most four minutes, whatever the number of test threads.

use std::time::{Duration, Instant};

use crate::{dead_go, dead_rust, soak, stuck_groups};

const WINDOW: Duration = Duration::from_secs(240);

#[tokio::test]
async fn killed_workers_of_either_language_lose_nothing() {
    let began = Instant::now();
    let local = tokio::task::LocalSet::new();
    let checks = [
        local.spawn_local(dead_rust::go_takes_over_from_a_dead_worker_of_ours()),
        local.spawn_local(dead_go::we_take_over_from_a_dead_worker_of_go()),
        local.spawn_local(soak::mixed_fleet_survives_random_kills()),
        local.spawn_local(stuck_groups::we_put_back_what_a_dead_aggregator_of_go_held()),
        local.spawn_local(stuck_groups::go_puts_back_what_a_dead_aggregator_of_ours_held()),
    ];
    // All of them come to their ends, so that one that fails hides no other.
    let mut failed = Vec::new();
    let ended = async {
        for check in checks {
            failed.extend(check.await.err());
        }
    };
    local.run_until(ended).await;
    assert!(failed.is_empty(), "{failed:?}");
    assert!(began.elapsed() < WINDOW, "the window is over: {:?}", began.elapsed());
}
