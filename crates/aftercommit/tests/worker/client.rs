//! Enqueue calls made at the same time, by callers who stop waiting and runtimes that end.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{Client, SystemClock};
use aftercommit_testing::{Call, Fault, Faults, Faulty, MemoryBackend, Odds, TokioClock};
use futures_util::FutureExt;

use crate::harness::note;

#[tokio::test(start_paused = true)]
async fn a_call_that_nobody_polls_any_more_does_not_hold_up_the_others() {
    let memory = Arc::new(MemoryBackend::new(Arc::new(TokioClock::new())));
    let slow = Faults::none().then(Call::Enqueue, Fault::Delay(Duration::from_secs(1)));
    let client = Client::from_dyn(Arc::new(Faulty::new(memory, slow)));
    let mut begun = client.enqueue(&note("first")).into_future();
    assert!(begun.as_mut().now_or_never().is_none(), "it is on the way");
    let second = tokio::time::timeout(Duration::from_secs(10), client.enqueue(&note("second")).into_future());
    second.await.expect("the second call does not wait for the first to be polled").unwrap();
    begun.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_takes_nobody_with_it() {
    let memory = Arc::new(MemoryBackend::new(Arc::new(TokioClock::new())));
    let slow = Faults::none().then(Call::Enqueue, Fault::Delay(Duration::from_secs(1)));
    let client = Client::from_dyn(Arc::new(Faulty::new(memory, slow)));
    let (first, second) = (client.clone(), client.clone());
    let gone = tokio::spawn(async move { first.enqueue(&note("first")).await });
    tokio::task::yield_now().await;
    let stays = tokio::spawn(async move { second.enqueue(&note("second")).await });
    tokio::task::yield_now().await;
    gone.abort();
    stays.await.unwrap().unwrap();
}

#[test]
fn a_client_outlives_the_runtime_it_was_first_used_on() {
    let memory = Arc::new(MemoryBackend::new(Arc::new(SystemClock)));
    let slow = Odds { delay: 1.0, longest_delay: Duration::from_millis(2), ..Odds::default() };
    let client = Client::from_dyn(Arc::new(Faulty::new(memory, Faults::random(1, slow))));
    for round in 0..3 {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let calls = (0..20).map(|_| {
                let client = client.clone();
                tokio::spawn(async move { client.enqueue(&note("n")).await })
            });
            for call in calls.collect::<Vec<_>>() {
                let stored = call.await.unwrap();
                assert!(stored.is_ok(), "round {round}: {stored:?}");
            }
        });
    }
}
