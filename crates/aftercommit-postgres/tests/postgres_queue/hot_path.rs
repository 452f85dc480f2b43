//! The hot path costs a fixed number of statements, and each of those reads what it is about and not the tables.

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Broker, Clock, Enqueue, LeaseGrant, Leased, NewTask, Options, Outcome, QueueName, Quota, Refusal,
    RequeueCause, Settlement, SystemClock, Timestamp, Upkeep, WorkerId,
};
use sqlx::{Connection, PgConnection};

use crate::counted::Counted;
use crate::kit::{Kit, task};

fn new(id: String, options: Options) -> Enqueue {
    let task = NewTask::from(task()).with(options.id(id));
    task.resolve(&Options::new(), SystemClock.now()).expect("it is valid")
}

fn grant() -> LeaseGrant {
    LeaseGrant { worker: WorkerId::from_stored("h:1:w"), duration: Duration::from_secs(30) }
}

fn quotas(count: usize) -> [Quota; 2] {
    [QueueName::default(), QueueName::new("low").expect("a name")].map(|queue| Quota { queue, count })
}

fn settlements(leased: &[Leased], outcomes: &[Outcome]) -> Vec<Settlement> {
    let outcomes = outcomes.iter().cycle().cloned();
    let one =
        |(leased, outcome): (&Leased, Outcome)| Settlement { leased: Arc::new(leased.clone()), outcome };
    leased.iter().zip(outcomes).map(one).collect()
}

fn every_outcome() -> [Outcome; 7] {
    let (at, error) = (Timestamp::from_millis(0), || "why".to_owned());
    [
        Outcome::Requeue(RequeueCause::Returned),
        Outcome::Done,
        Outcome::Complete { retention: Duration::from_secs(1), result: Some("{}".into()) },
        Outcome::Retry { at, error: error() },
        Outcome::Snooze { at, error: error() },
        Outcome::Archive { error: error() },
        Outcome::Requeue(RequeueCause::Recovered),
    ]
}

/// Enqueue, the same again, with unique locks, dequeue, extend, settle, forward.
async fn of_the_hot_path(counted: &Counted, size: usize) -> [i64; 7] {
    let queue = &counted.queue;
    let plain: Vec<_> = (0..size).map(|n| new(format!("{size}-{n}"), Options::new())).collect();
    let (enqueue, stored) = counted.count(queue.enqueue(&plain)).await;
    assert_eq!(stored, vec![Ok(()); size]);
    let (again, refused) = counted.count(queue.enqueue(&plain)).await;
    assert_eq!(refused, vec![Err(Refusal::IdConflict); size]);
    let unique = |n| {
        let options = Options::new().queue("low").unique_for(Duration::from_secs(60));
        let mut new = new(format!("{size}-unique-{n}"), options);
        new.message.payload = size.to_string().into();
        new
    };
    let (locked, stored) = counted.count(queue.enqueue(&(0..size).map(unique).collect::<Vec<_>>())).await;
    assert_eq!(stored.iter().filter(|answer| answer.is_ok()).count(), 1, "they are all the same task");
    let (dequeue, leased) = counted.count(queue.dequeue(&quotas(size), &grant())).await;
    assert!(leased.len() > size, "those that came back before are among them");
    let leases: Vec<_> = leased.iter().map(|leased| leased.lease.clone()).collect();
    let (extend, extended) = counted.count(queue.extend(&leases, Duration::from_secs(60))).await;
    assert!(extended.iter().all(Result::is_ok));
    let (settle, settled) = counted.count(queue.settle(&settlements(&leased, &every_outcome()))).await;
    assert_eq!(settled, vec![Ok(()); leased.len()]);
    let names = quotas(0).map(|quota| quota.queue);
    let (forward, _) = counted.count(queue.forward(&names, 1_000)).await;
    [enqueue, again, locked, dequeue, extend, settle, forward]
}

#[tokio::test]
async fn a_batch_is_one_statement_whatever_its_size() {
    let counted = Counted::new().await;
    // A worker without a row gets one before its first tasks; a statement that fails is not counted.
    assert_eq!(of_the_hot_path(&counted, 1).await, [1, 1, 1, 2, 1, 1, 1]);
    for size in [10, 500] {
        assert_eq!(of_the_hot_path(&counted, size).await, [1; 7], "{size} tasks");
    }
    let names = quotas(0).map(|quota| quota.queue);
    assert_eq!(counted.count(counted.queue.forward(&names, 9)).await.0, 1, "with nothing due");
    assert_eq!(counted.count(counted.queue.dequeue(&quotas(5), &grant())).await.0, 1);
    assert_eq!(counted.count(counted.queue.orphans(&names, 100)).await.0, 1);
    assert_eq!(
        counted.count(counted.queue.delete_expired(&names, 100)).await.0,
        2,
        "counts are added up too"
    );
    let done = counted.queue.dequeue(&quotas(5), &grant()).await.expect("it works");
    assert_eq!(counted.count(counted.queue.settle(&settlements(&done, &[Outcome::Done]))).await.0, 1);
}

/// Rows read of the tables of tasks and of those that are over, by whole reads, and by way of their indexes.
const READS: &str = "
    SELECT sum(seq_tup_read)::bigint, sum(idx_tup_fetch)::bigint FROM pg_stat_user_tables
     WHERE schemaname = 'aftercommit' AND relname IN ('tasks', 'ended', 'unique_locks')";

async fn reads(conn: &mut PgConnection) -> (i64, i64) {
    sqlx::raw_sql("SELECT pg_stat_force_next_flush()").execute(&mut *conn).await.expect("it works");
    sqlx::raw_sql("SELECT 1").execute(&mut *conn).await.expect("it works");
    sqlx::query_as(READS).fetch_one(conn).await.expect("two numbers")
}

/// What the function's statements read, whose plans no `EXPLAIN` shows.
#[tokio::test]
async fn an_enqueue_in_the_hosts_transaction_reads_nobody_elses_tasks() {
    let kit = Kit::new().await;
    // The plans are made now, by a host with settings of its own, and kept.
    let mut host = PgConnection::connect(&kit.url).await.expect("a connection");
    let options = |n: usize| match n % 3 {
        0 => Options::new(),
        1 => Options::new().id("taken"),
        _ => Options::new().unique_for(Duration::from_secs(60)),
    };
    let batch = || (0..30).map(|n| NewTask::from(task()).with(options(n))).collect::<Vec<_>>();
    let plain = || (0..30).map(|_| NewTask::from(task())).collect::<Vec<_>>();
    for _ in 0..3 {
        kit.queue.enqueue_batch_in(&mut host, batch()).await.expect("it works");
        kit.queue.enqueue_batch_in(&mut host, plain()).await.expect("it works");
    }
    for fill in [
        "INSERT INTO aftercommit.tasks (state, pos, at, queue, id, task_type, payload)
         SELECT 2, n, n, 'default', 'live-' || n, 't', '{}' FROM generate_series(1, 20000) AS n",
        "INSERT INTO aftercommit.ended (state, ended_at, queue, id, task_type, retried, recovered, payload)
         SELECT 6, n, 'default', 'ended-' || n, 't', 0, 0, '{}' FROM generate_series(1, 20000) AS n",
        "INSERT INTO aftercommit.unique_locks (queue, key, id, until)
         SELECT 'default', int8send(n), 'live-' || n, 9e18 FROM generate_series(1, 20000) AS n",
    ] {
        sqlx::query(fill).execute(&kit.pool).await.expect("it works");
    }
    let before = reads(&mut host).await;
    for answers in [
        kit.queue.enqueue_batch_in(&mut host, batch()).await.expect("it works"),
        kit.queue.enqueue_batch_in(&mut host, plain()).await.expect("it works"),
    ] {
        assert!(answers.iter().any(Result::is_ok));
    }
    let after = reads(&mut host).await;
    assert_eq!(after.0 - before.0, 0, "rows read by reading a whole table");
    assert!(after.1 - before.1 < 500, "{} rows read for 60 tasks", after.1 - before.1);
}

/// A large batch is stored in another way than a small one, as long as nothing of it is taken.
#[tokio::test]
async fn what_is_taken_is_refused_whatever_the_size_of_the_batch() {
    let kit = Kit::new().await;
    let archived = new("archived".into(), Options::new());
    assert_eq!(kit.queue.enqueue(&[archived]).await.expect("enqueue"), [Ok(())]);
    let leased = kit.queue.dequeue(&quotas(1), &grant()).await.expect("dequeue");
    let archive = settlements(&leased, &[Outcome::Archive { error: "why".into() }]);
    assert_eq!(kit.queue.settle(&archive).await.expect("settle"), [Ok(())]);
    let elsewhere = new("elsewhere".into(), Options::new().queue("low"));
    assert_eq!(kit.queue.enqueue(&[elsewhere]).await.expect("enqueue"), [Ok(())]);
    for size in [4, 100] {
        let mut ids: Vec<String> = (0..size).map(|n| format!("{size}-{n}")).collect();
        ids[1] = "archived".into();
        ids[2] = format!("{size}-0");
        ids[3] = "elsewhere".into();
        let batch: Vec<_> = ids.into_iter().map(|id| new(id, Options::new())).collect();
        let mut wanted = vec![Ok(()); size];
        wanted[1] = Err(Refusal::IdConflict);
        wanted[2] = Err(Refusal::IdConflict);
        if size > 4 {
            wanted[3] = Err(Refusal::IdConflict);
        }
        assert_eq!(kit.queue.enqueue(&batch).await.expect("enqueue"), wanted, "of {size}");
    }
    let places = "SELECT count(*) FROM (SELECT pos, lag(pos) OVER (ORDER BY substr(id, 5)::integer) AS last
                                          FROM aftercommit.tasks WHERE id LIKE '100-%') AS p WHERE pos < last";
    assert_eq!(kit.number(places).await, 0, "they stand in the order of the batch");
}

/// Updates of tasks so far, and those of them for which no index got an entry.
async fn updates(kit: &Kit) -> (i64, i64) {
    let mut conn = PgConnection::connect(&kit.url).await.expect("a connection");
    sqlx::raw_sql("SELECT pg_stat_force_next_flush()").execute(&mut conn).await.expect("it works");
    let updates = "SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_user_tables
                    WHERE schemaname = 'aftercommit' AND relname = 'tasks'";
    sqlx::query_as(updates).fetch_one(&mut conn).await.expect("two numbers")
}

#[tokio::test]
async fn a_claim_writes_to_no_index_of_the_tasks() {
    const TASKS: i64 = 1_000;
    let kit = Kit::new().await;
    // A worker without a row gets one when it takes its first task; what that undoes is counted too.
    kit.queue.enqueue(&[new("first".to_owned(), Options::new())]).await.expect("enqueue");
    assert_eq!(kit.queue.dequeue(&quotas(1), &grant()).await.expect("dequeue").len(), 1);
    let batch: Vec<_> = (0..TASKS).map(|n| new(n.to_string(), Options::new())).collect();
    kit.queue.enqueue(&batch).await.expect("enqueue");
    let leased = kit.queue.dequeue(&quotas(1_000), &grant()).await.expect("dequeue");
    assert_eq!(leased.len(), batch.len());
    // A session tells what it did at its end at the latest.
    kit.queue.close().await;
    kit.until(async |kit| updates(kit).await.0 >= TASKS).await;
    let (all, without_an_index) = updates(&kit).await;
    assert_eq!(all, without_an_index);
}
