//! Machines whose clocks differ.

use std::sync::Arc;
use std::time::Duration;

use aftercommit::{Clock, SystemClock, Timestamp};

use crate::audit::What;
use crate::kit::{Job, Setup, play};
use crate::said::said_once_each;

const MS: Duration = Duration::from_millis(1);
/// As far as clocks may be apart.
const SKEW_MS: i64 = 30_000;

/// The clock of a machine that is ahead, or behind.
#[derive(Debug)]
struct Skewed(i64);

impl Clock for Skewed {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(SystemClock.now().as_millis() + self.0)
    }
}

#[test]
fn workers_half_a_minute_apart_leave_each_other_their_tasks() {
    let (verdict, lines) = play(Setup::new("clocks of three workers 30 s apart"), async |rig| {
        let mut workers = Vec::new();
        // Each takes as many as it can hold, so that each has some that the others might take for lost.
        for (count, skew) in [(1, SKEW_MS), (2, 0), (3, -SKEW_MS)] {
            workers.push(rig.work_by(Arc::new(Skewed(skew)), 10, MS));
            rig.enqueue(10, Job::Held).await;
            rig.until(What::Started, count * 10).await;
        }
        let held = rig.ledger.running();
        // Longer than a recoverer waits between two looks, several times.
        tokio::time::sleep(Duration::from_secs(6)).await;
        assert_eq!(rig.ledger.running(), held, "nobody's lease is over by any clock");
        rig.let_go();
        rig.enqueue(300, Job::Short).await;
        rig.drained().await;
        for worker in workers {
            worker.shut_down().await;
        }
    });
    assert_eq!(verdict.explained, 0, "no task was taken away from a live worker");
    said_once_each(&lines, 0);
}
