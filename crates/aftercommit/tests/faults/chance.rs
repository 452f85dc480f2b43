//! Calls that fail at random, from printed seeds: refused, carried out without an answer, late, sent twice.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_testing::{Call, Faults, Faulty, Odds};

use crate::audit::What;
use crate::kit::{Job, Setup, play};

const ODDS: Odds = Odds {
    refuse: 0.1,
    lose_answer: 0.1,
    delay: 0.2,
    longest_delay: Duration::from_millis(100),
    settle_twice: 0.1,
};

#[test]
fn calls_that_fail_at_random() {
    for (seed, fault) in
        [(1, "random faults, seed 1"), (2, "random faults, seed 2"), (3, "random faults, seed 3")]
    {
        println!("seed {seed}");
        play(Setup::new(fault), async |rig| {
            let bad = Arc::new(Faulty::new(Arc::new(rig.another_backend()), Faults::random(seed, ODDS)));
            // What a fetch took without an answer waits for the end of its lease here: the decorator keeps it from the
            // back-end that the answer is lost.
            let worker = rig.work_through(Arc::clone(&bad) as _, Duration::from_secs(2));
            rig.enqueue(500, Job::Short).await;
            rig.until(What::Finished, 300).await;
            assert!(
                bad.injected(Call::Settle) > 0 && bad.injected(Call::Dequeue) > 0,
                "something went wrong"
            );
            bad.heal();
            rig.healed();
            rig.drained().await;
            worker.shut_down().await;
        });
    }
}
