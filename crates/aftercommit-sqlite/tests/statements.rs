//! A batch costs a fixed number of statements, however large it is. The statements are counted as the
//! driver reports them, `BEGIN` and `COMMIT` apart.

use std::fmt::Debug;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use aftercommit_core::{
    Broker, Clock, GroupRules, Groups, Inspect, Kept, LeaseGrant, NewTask, Observed, Operation, Options,
    Outbox, Outcome, Postponed, QueueName, Quota, RawTask, RequeueCause, RowKey, Selection, Settlement,
    Sight, State, SystemClock, TaskType, Timestamp, Upkeep, WorkerId,
};
use aftercommit_sqlite::{SqliteOutbox, SqlitePools, SqliteQueue};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

const WORKER: &str = "h:1:w";

fn grant() -> LeaseGrant {
    LeaseGrant { worker: WorkerId::from_stored(WORKER), duration: Duration::from_secs(30) }
}

fn task(id: &str) -> NewTask {
    let raw = RawTask { task_type: TaskType::new("test:raw").expect("a valid type"), payload: "{}".into() };
    NewTask::from(raw).with(Options::new().id(id))
}

static STATEMENTS: AtomicUsize = AtomicUsize::new(0);

/// Counts the driver's reports. It listens to the whole process, so this file has one test.
struct Counter;

impl Subscriber for Counter {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "sqlx::query"
    }

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Report);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Reads the beginning of the statement out of a report. Those of the queue begin with a comment, which
/// tells them from the settings of a new connection and from the probes below.
struct Report;

impl Visit for Report {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "summary" && value.starts_with("--") {
            STATEMENTS.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn Debug) {}
}

/// How many statements a call needs. The driver may report one a moment after its answer, but before it
/// answers the next one on the same connection.
async fn counted<T>(pools: &SqlitePools, call: impl Future<Output = T>) -> (usize, T) {
    let probe = async || {
        for pool in [&pools.writer, &pools.readers] {
            sqlx::query("SELECT 1").execute(pool).await.expect("a connection answers");
        }
    };
    probe().await;
    let before = STATEMENTS.load(Ordering::SeqCst);
    let answer = call.await;
    probe().await;
    (STATEMENTS.load(Ordering::SeqCst) - before, answer)
}

/// What each call of a relay needs for an outbox with so many tasks, and their enqueue.
async fn of_the_outbox(outbox: &SqliteOutbox, size: usize) -> [usize; 5] {
    const HOLD: Duration = Duration::from_secs(30);
    let new = (0..size).map(|n| task(&format!("{size}-{n}"))).collect();
    let in_transaction = async {
        let mut tx = outbox.begin().await.expect("it works");
        assert_eq!(outbox.enqueue_batch_in(&mut tx, new).await.expect("it works").len(), size);
        tx.commit().await.expect("it works");
    };
    let enqueue = counted(outbox.pools(), in_transaction).await.0;
    let (claim, rows) = counted(outbox.pools(), outbox.claim(size, HOLD)).await;
    let rows = rows.expect("it works").rows;
    assert_eq!(rows.len(), size);
    let postponed: Vec<_> = rows
        .iter()
        .map(|row| Postponed { key: row.key, until: Timestamp::from_millis(1), error: "why".into() })
        .collect();
    let postpone = counted(outbox.pools(), outbox.postpone(&postponed)).await.0;
    let keys: Vec<RowKey> =
        outbox.claim(size, HOLD).await.expect("it works").rows.iter().map(|row| row.key).collect();
    let buried: Vec<_> = keys.iter().map(|key| (*key, "why".to_owned())).collect();
    let bury = counted(outbox.pools(), outbox.bury(&buried)).await.0;
    let mark = counted(outbox.pools(), outbox.mark(&keys)).await.0;
    [enqueue, claim, postpone, bury, mark]
}

/// What the calls about published tasks need for an outbox with so many of them.
async fn of_kept_rows(outbox: &SqliteOutbox, size: usize) -> [usize; 5] {
    const HOLD: Duration = Duration::from_secs(30);
    let new = (0..size).map(|n| task(&format!("kept-{size}-{n}"))).collect();
    let mut tx = outbox.begin().await.expect("it works");
    outbox.enqueue_batch_in(&mut tx, new).await.expect("it works");
    tx.commit().await.expect("it works");
    let moment = Timestamp::from_millis(1);
    let claimed = outbox.claim(size, HOLD).await.expect("it works").rows;
    let kept: Vec<_> =
        claimed.iter().map(|row| Kept { key: row.key, seen_at: moment, look_at: moment }).collect();
    let keep = counted(outbox.pools(), outbox.keep(&kept)).await.0;
    let (watch, watched) = counted(outbox.pools(), outbox.watch(size, HOLD)).await;
    let keys: Vec<RowKey> = watched.expect("it works").rows.iter().map(|row| row.key).collect();
    assert_eq!(keys.len(), size);
    let missing = |key: &RowKey| Observed { key: *key, sight: Sight::Missing(moment), look_at: moment };
    let observed: Vec<_> = keys.iter().map(missing).collect();
    let observe = counted(outbox.pools(), outbox.observe(&observed)).await.0;
    let keys: Vec<RowKey> =
        outbox.watch(size, HOLD).await.expect("it works").rows.iter().map(|row| row.key).collect();
    let again = counted(outbox.pools(), outbox.publish_again(&keys)).await.0;
    let (idle, nothing) = counted(outbox.pools(), outbox.watch(size, HOLD)).await;
    assert_eq!(nothing.expect("it works").rows, []);
    outbox.mark(&keys).await.expect("it works");
    [keep, watch, observe, again, idle]
}

/// What each step of a group with so many tasks needs: enqueue, gather, release, and the aggregate of a batch.
async fn of_a_group(queue: &SqliteQueue, size: usize) -> [usize; 4] {
    let now = SystemClock.now();
    let of_group = |n| task(&format!("{size}-group-{n}")).with(Options::new().queue("grouped").group("g"));
    let new: Vec<_> =
        (0..size).map(|n| of_group(n).resolve(&Options::new(), now).expect("it is valid")).collect();
    let enqueue = counted(queue.pools(), queue.enqueue(&new)).await.0;
    let names = [QueueName::new("grouped").expect("a valid name")];
    let rules = GroupRules { max_size: Some(size), ..GroupRules::default() };
    let (gather, gathered) = counted(queue.pools(), queue.gather(&names, &rules, 9)).await;
    let key = gathered.expect("it works").batches.remove(0).key;
    let release = counted(queue.pools(), queue.release(&key)).await.0;
    let batch = queue.gather(&names, &rules, 9).await.expect("it works").batches.remove(0);
    assert_eq!(batch.tasks.len(), size);
    let whole = task(&format!("{size}-whole")).with(Options::new().queue("grouped"));
    let whole = whole.resolve(&Options::new(), now).expect("it is valid");
    let (aggregate, answer) = counted(queue.pools(), queue.aggregate(&batch.key, &whole)).await;
    assert_eq!(answer.expect("it works"), Ok(()));
    [enqueue, gather, release, aggregate]
}

/// What the operations on so many tasks at once need: archive, run, archive again, delete.
async fn of_operators(queue: &SqliteQueue, size: usize) -> [usize; 4] {
    let name = QueueName::new("operated").expect("a valid name");
    let scheduled = |n| {
        let options = Options::new().queue("operated").process_in(Duration::from_secs(3_600));
        task(&format!("{size}-operated-{n}")).with(options)
    };
    let new = (0..size).map(|n| scheduled(n).resolve(&Options::new(), SystemClock.now()));
    let new: Vec<_> = new.map(|task| task.expect("it is valid")).collect();
    queue.enqueue(&new).await.expect("it works");
    let mut counts = [0; 4];
    let steps = [
        (State::Scheduled, Operation::Archive),
        (State::Archived, Operation::Run),
        (State::Pending, Operation::Archive),
        (State::Archived, Operation::Delete),
    ];
    for (count, (state, operation)) in counts.iter_mut().zip(steps) {
        let selection = Selection::State(state);
        let all = queue.operate_all(&name, &selection, operation, size);
        let (statements, done) = counted(queue.pools(), all).await;
        assert_eq!(done.expect("it works"), size);
        *count = statements;
    }
    counts
}

/// What the settle of one task of each outcome needs, and the forward of those that wait then.
async fn of_outcomes_of_every_kind(queue: &SqliteQueue) {
    let leased =
        queue.dequeue(&[Quota { queue: QueueName::default(), count: 7 }], &grant()).await.expect("it works");
    let error = || "why".to_owned();
    let at = Timestamp::from_millis(0);
    let one_of_each = [
        Outcome::Done,
        Outcome::Complete { retention: Duration::from_secs(1), result: None },
        Outcome::Retry { at, error: error() },
        Outcome::Snooze { at, error: error() },
        Outcome::Archive { error: error() },
        Outcome::Requeue(RequeueCause::Returned),
        Outcome::Requeue(RequeueCause::Recovered),
    ];
    let batch: Vec<_> = leased
        .into_iter()
        .zip(one_of_each)
        .map(|(leased, outcome)| Settlement { leased: leased.into(), outcome })
        .collect();
    let (settle, _) = counted(queue.pools(), queue.settle(&batch)).await;
    assert_eq!(settle, 5, "one for each thing that can become of a row, and one to count");

    let names = [QueueName::default()];
    let (idle, forwarded) =
        counted(queue.pools(), queue.forward(&[QueueName::new("none").expect("it works")], 100)).await;
    assert_eq!((idle, forwarded.expect("it works").moved), (1, 0));
    let (due, forwarded) = counted(queue.pools(), queue.forward(&names, 100)).await;
    assert_eq!((due, forwarded.expect("it works").moved), (4, 2));
}

#[tokio::test]
async fn the_number_of_statements_does_not_depend_on_the_size_of_a_batch() {
    tracing::subscriber::set_global_default(Counter).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let queue = SqliteQueue::open(dir.path().join("queue.db")).await.unwrap();
    queue.migrate().await.unwrap();
    let now = SystemClock.now();
    let mut table = Vec::new();
    for size in [1, 10, 500] {
        let name = |kind: &str, n: usize| format!("{size}-{kind}-{n}");
        let plain: Vec<_> =
            (0..size).map(|n| task(&name("plain", n)).resolve(&Options::new(), now).unwrap()).collect();
        let (enqueue, stored) = counted(queue.pools(), queue.enqueue(&plain)).await;
        assert_eq!(stored.unwrap(), vec![Ok(()); size]);

        let again = counted(queue.pools(), queue.enqueue(&plain)).await.0;

        let new = (0..size).map(|n| task(&name("tx", n)));
        let in_transaction = async {
            let mut tx = queue.begin().await.unwrap();
            assert_eq!(queue.enqueue_batch_in(&mut tx, new.collect()).await.unwrap().len(), size);
            tx.commit().await.unwrap();
        };
        let in_transaction = counted(queue.pools(), in_transaction).await.0;

        let quotas = [
            Quota { queue: QueueName::default(), count: size },
            Quota { queue: QueueName::new("low").unwrap(), count: size },
        ];
        let (dequeue, leased) = counted(queue.pools(), queue.dequeue(&quotas, &grant())).await;
        let leased = leased.unwrap();
        assert_eq!(leased.len(), 2 * size);

        let leases: Vec<_> = leased.iter().map(|leased| leased.lease.clone()).collect();
        let extend = counted(queue.pools(), queue.extend(&leases, Duration::from_secs(60))).await.0;

        let batch = |outcomes: &[Outcome]| -> Vec<Settlement> {
            let outcomes = outcomes.iter().cycle().cloned();
            leased
                .iter()
                .cloned()
                .zip(outcomes)
                .map(|(leased, outcome)| Settlement { leased: leased.into(), outcome })
                .collect()
        };
        let requeue =
            counted(queue.pools(), queue.settle(&batch(&[Outcome::Requeue(RequeueCause::Returned)]))).await.0;
        let lost = counted(queue.pools(), queue.settle(&batch(&[Outcome::Done]))).await.0;
        table.push((size, [enqueue, again, in_transaction, dequeue, extend, requeue, lost]));
    }
    // A lone task can only have been refused for its id, and a worker is greeted before its first tasks.
    // Leases that are lost are looked for among the tasks, and then among the receipts.
    let wanted = |again, dequeue| [1, again, 1, dequeue, 1, 1, 3];
    assert_eq!(table, [(1, wanted(1, 2)), (10, wanted(2, 1)), (500, wanted(2, 1))]);

    let outbox = SqliteOutbox::new(queue.pools().clone());
    for size in [1, 10, 1_000] {
        // A claim looks before it waits for the writer, reads, and writes.
        assert_eq!(of_the_outbox(&outbox, size).await, [1, 3, 1, 1, 1], "{size} rows");
        assert_eq!(of_kept_rows(&outbox, size).await, [1, 3, 1, 1, 1], "{size} kept rows");
    }
    for size in [1, 10, 500] {
        assert_eq!(of_a_group(&queue, size).await, [1, 6, 2, 3], "{size} tasks");
        assert_eq!(of_operators(&queue, size).await, [3, 3, 3, 3], "{size} tasks");
    }
    of_outcomes_of_every_kind(&queue).await;
}
