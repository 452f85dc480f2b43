//! Running everything that is pending, here and now: for tests of what tasks do, without a worker.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    AsynqBackoff, Backend, Clock, LeaseGrant, Message, Outcome, QueueName, Quota, Result, Settlement,
    Verdict, WorkerId, decide,
};

/// A drain that has not ended after this many tasks will not end: its handler makes more than it takes.
pub const DRAIN_LIMIT: usize = 100_000;

const BATCH: usize = 100;
const LEASE: Duration = Duration::from_secs(3_600);

/// Forwards what is due and runs what is pending in these queues, one task after the other, until
/// nothing is left; also what the handler enqueues meanwhile. Settles each task as a worker with the
/// default retry policy (without jitter) would. Returns the tasks in the order in which they ran, each
/// with what became of it.
///
/// ```
/// use std::sync::Arc;
/// use aftercommit_core::{Broker, Clock, NewTask, Options, Outcome, QueueName, RawTask, TaskType, Verdict};
/// use aftercommit_testing::{ManualClock, MemoryBackend, drain};
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), aftercommit_core::Error> {
/// let clock = ManualClock::new();
/// let backend = MemoryBackend::new(Arc::new(clock.clone()));
/// let task = RawTask { task_type: TaskType::new("greet")?, payload: "alice".into() };
/// backend.enqueue(&[NewTask::from(task).resolve(&Options::new(), clock.now())?]).await?;
///
/// let ran = drain(&backend, &clock, &[QueueName::default()], async |task| {
///     assert_eq!(task.payload, "alice");
///     Verdict::Succeeded(None)
/// })
/// .await?;
/// assert_eq!(ran.len(), 1);
/// assert_eq!(ran[0].1, Outcome::Done);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// If the back-end fails.
///
/// # Panics
/// After [`DRAIN_LIMIT`] tasks, and if somebody else settles a task meanwhile.
pub async fn drain(
    backend: &dyn Backend,
    clock: &dyn Clock,
    queues: &[QueueName],
    mut handler: impl AsyncFnMut(&Message) -> Verdict,
) -> Result<Vec<(Message, Outcome)>> {
    let grant = LeaseGrant { worker: WorkerId::from_stored("drain"), duration: LEASE };
    let one_of_each: Vec<Quota> =
        queues.iter().map(|queue| Quota { queue: queue.clone(), count: 1 }).collect();
    let mut ran = Vec::new();
    loop {
        while backend.forward(queues, BATCH).await?.moved == BATCH {}
        let leased = backend.dequeue(&one_of_each, &grant).await?;
        if leased.is_empty() {
            return Ok(ran);
        }
        for leased in leased {
            assert!(ran.len() < DRAIN_LIMIT, "{DRAIN_LIMIT} tasks ran and there are still more");
            let verdict = handler(&leased.message).await;
            let outcome = decide(&leased.message, &verdict, &AsynqBackoff, clock.now(), 0);
            let message = leased.message.clone();
            let settlement = Settlement { leased: Arc::new(leased), outcome: outcome.clone() };
            let answers = backend.settle(&[settlement]).await?;
            assert_eq!(answers, [Ok(())], "task {} is settled by its drain alone", message.id);
            ran.push((message, outcome));
        }
    }
}
