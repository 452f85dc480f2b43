//! Workers that die, and a worker that comes back too late.

use std::sync::Arc;
use std::time::{Duration, Instant};

use aftercommit::{Broker as _, QueueName, TaskState, WorkerId};
use aftercommit_core::{LeaseGrant, LeaseLost, Outcome, Quota, Settlement};

use crate::audit::What;
use crate::kit::{Job, Setup, play};
use crate::said::said_once_each;

const MS: Duration = Duration::from_millis(1);
/// The promise is fifteen seconds; the rest is for a machine that is busy with something else.
const RUN_AGAIN: Duration = Duration::from_secs(25);

#[test]
fn tasks_of_a_killed_worker_run_again() {
    let (verdict, lines) = play(Setup::new("worker killed, 50 tasks running"), async |rig| {
        let victim = rig.process(50, 10 * MS);
        let held = rig.enqueue(50, Job::Held).await;
        rig.until(What::Started, 50).await;
        let survivor = rig.work(100, 10 * MS);
        rig.enqueue(300, Job::Short).await;
        rig.until(What::Finished, 300).await;
        let killed = Instant::now();
        victim.kill();
        rig.ledger.when(|ledger| ledger.all_started_after(killed, &held).is_some()).await;
        let took = rig.ledger.all_started_after(killed, &held).unwrap() - killed;
        assert!(took < RUN_AGAIN, "{took:?}");
        rig.recovered_in(took);
        rig.let_go();
        rig.drained().await;
        assert_eq!(rig.counted().await.1, 0, "no attempt is burnt");
        survivor.shut_down().await;
    });
    assert_eq!(verdict.explained, 50, "each of the dead worker's tasks ran again, and no other");
    said_once_each(&lines, 0);
}

#[test]
fn settle_that_comes_too_late_is_refused() {
    let (_, lines) = play(Setup::new("settle after the lease has passed on"), async |rig| {
        rig.enqueue(20, Job::Short).await;
        let late = rig.another_backend();
        let grant =
            LeaseGrant { worker: WorkerId::from_stored("late:1:worker"), duration: Duration::from_secs(1) };
        let taken = late.dequeue(&[Quota { queue: QueueName::default(), count: 10 }], &grant).await.unwrap();
        assert_eq!(taken.len(), 10);
        let worker = rig.work(10, MS);
        rig.drained().await;
        let counted = rig.counted().await;
        let batch: Vec<Settlement> = taken
            .into_iter()
            .map(|leased| Settlement { leased: Arc::new(leased), outcome: Outcome::Done })
            .collect();
        assert_eq!(late.settle(&batch).await.unwrap(), [Err(LeaseLost); 10]);
        assert_eq!(rig.counted().await, counted);
        assert_eq!(rig.in_state(TaskState::Completed).await, 10, "every other task is kept");
        worker.shut_down().await;
    });
    said_once_each(&lines, 0);
}
