//! Several processes on one queue: each task is run once, nobody waits for nobody in a circle, and what is committed late
//! is found.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use aftercommit_core::{
    Broker, Clock, Enqueue, Inspect, LeaseGrant, Leased, NewTask, Options, Outcome, QueueName, Quota,
    Refusal, RequeueCause, Settlement, State, SystemClock, TaskId, Timestamp, Upkeep, Wake, WorkerId,
};
use aftercommit_postgres::PostgresQueue;
use futures_util::StreamExt;
use tokio::task::JoinSet;

use crate::kit::{Kit, task};

/// How many processes there are.
const PROCESSES: usize = 4;

fn new(id: String, options: Options) -> Enqueue {
    let task = NewTask::from(task()).with(options.id(id));
    task.resolve(&Options::new(), SystemClock.now()).expect("it is valid")
}

async fn take(queue: &PostgresQueue, worker: usize, count: usize, lease: Duration) -> Vec<Leased> {
    let worker = WorkerId::from_stored(&format!("h:1:{worker}"));
    let quotas = [Quota { queue: QueueName::default(), count }];
    queue.dequeue(&quotas, &LeaseGrant { worker, duration: lease }).await.expect("dequeue")
}

const LEASE: Duration = Duration::from_secs(60);

async fn settle(queue: &PostgresQueue, leased: &[Leased], outcome: impl Fn(usize) -> Outcome) -> usize {
    let one = |(nth, leased): (usize, &Leased)| Settlement {
        leased: Arc::new(leased.clone()),
        outcome: outcome(nth),
    };
    let batch: Vec<_> = leased.iter().enumerate().map(one).collect();
    queue.settle(&batch).await.expect("settle").into_iter().filter(Result::is_ok).count()
}

/// Runs what each process does at the same time.
async fn at_once<F, T>(kit: &Kit, act: impl Fn(PostgresQueue, usize) -> F) -> Vec<T>
where
    F: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    (0..PROCESSES).map(|process| act(kit.handle(), process)).collect::<JoinSet<T>>().join_all().await
}

async fn deadlocks(kit: &Kit) -> i64 {
    kit.number("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn processes_that_drain_one_queue_run_each_task_once() {
    const TASKS: usize = 4_000;
    let kit = Kit::new().await;
    let before = deadlocks(&kit).await;
    for chunk in 0..TASKS / 500 {
        let batch: Vec<_> = (0..500).map(|n| new(format!("{chunk}-{n}"), Options::new())).collect();
        kit.queue.enqueue(&batch).await.expect("enqueue");
    }
    let run = at_once(&kit, |queue, process| async move {
        let mut run = Vec::new();
        loop {
            let leased = take(&queue, process, 10 + 30 * process, LEASE).await;
            if leased.is_empty() {
                return run;
            }
            // One in ten is given back, so that some come at the front while others take.
            let outcome = |nth| match nth % 10 {
                3 => Outcome::Requeue(RequeueCause::Returned),
                7 => Outcome::Complete { retention: LEASE, result: None },
                _ => Outcome::Done,
            };
            assert_eq!(settle(&queue, &leased, outcome).await, leased.len());
            let ended = leased.into_iter().enumerate().filter(|(nth, _)| nth % 10 != 3);
            run.extend(ended.map(|(_, leased)| leased.lease.id.to_string()));
        }
    })
    .await;
    let run: Vec<String> = run.into_iter().flatten().collect();
    assert_eq!(run.iter().collect::<HashSet<_>>().len(), run.len(), "run twice");
    assert_eq!(run.len(), TASKS);
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.tasks").await, 0);
    assert_eq!(deadlocks(&kit).await - before, 0);
}

/// Both want the same rows, in different orders.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settles_and_extensions_of_the_same_leases_do_not_lock_each_other_out() {
    let kit = Kit::new().await;
    let before = deadlocks(&kit).await;
    for round in 0..20 {
        let batch: Vec<_> = (0..100).map(|n| new(format!("{round}-{n}"), Options::new())).collect();
        kit.queue.enqueue(&batch).await.expect("enqueue");
        let leased = take(&kit.queue, 0, 100, LEASE).await;
        let settled = at_once(&kit, |queue, process| {
            let mut leased = leased.clone();
            if process % 2 == 1 {
                leased.reverse();
            }
            async move {
                let leases: Vec<_> = leased.iter().map(|leased| leased.lease.clone()).collect();
                queue.extend(&leases, LEASE).await.expect("extend");
                match process {
                    0 | 1 => settle(&queue, &leased, |_| Outcome::Done).await,
                    _ => settle(&queue, &leased, |_| Outcome::Archive { error: "why".into() }).await,
                }
            }
        })
        .await;
        assert_eq!(settled.into_iter().sum::<usize>(), 100, "each once");
    }
    assert_eq!(deadlocks(&kit).await - before, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_recoverers_one_gets_each_orphan() {
    let kit = Kit::new().await;
    let batch: Vec<_> = (0..200).map(|n| new(format!("{n}"), Options::new())).collect();
    kit.queue.enqueue(&batch).await.expect("enqueue");
    take(&kit.queue, 0, 200, Duration::ZERO).await;
    let recovered = at_once(&kit, |queue, _| async move {
        let orphans = queue.orphans(&[QueueName::default()], 500).await.expect("orphans");
        let leased: Vec<_> = orphans.into_iter().map(|orphan| orphan.leased).collect();
        settle(&queue, &leased, |_| Outcome::Requeue(RequeueCause::Recovered)).await
    })
    .await;
    assert_eq!(recovered.into_iter().sum::<usize>(), 200);
}

/// An id is blocked while its task is in any state, also in the moment in which it moves to the archive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn id_of_a_task_that_is_just_being_archived_is_taken() {
    let kit = Kit::new().await;
    for round in 0..40 {
        let id = format!("{round}");
        assert_eq!(kit.queue.enqueue(&[new(id.clone(), Options::new())]).await.expect("enqueue"), [Ok(())]);
        let leased = take(&kit.queue, 0, 1, LEASE).await;
        let answers = at_once(&kit, |queue, process| {
            let (leased, id) = (leased.clone(), id.clone());
            async move {
                if process == 0 {
                    assert_eq!(
                        settle(&queue, &leased, |_| Outcome::Archive { error: "why".into() }).await,
                        1
                    );
                    return Err(Refusal::IdConflict);
                }
                queue.enqueue(&[new(id, Options::new())]).await.expect("enqueue")[0]
            }
        })
        .await;
        assert_eq!(answers, [Err(Refusal::IdConflict); PROCESSES], "round {round}");
        let id = TaskId::new(id).expect("an id");
        let info = kit.queue.get(&QueueName::default(), &id).await.expect("get").expect("it is there");
        assert_eq!(info.state, State::Archived);
    }
}

/// Its place was given out before those of tasks that were long taken when it commits.
#[tokio::test]
async fn task_that_enqueued_first_and_committed_last_is_found() {
    let kit = Kit::new().await;
    let mut late = kit.queue.begin(&kit.pool).await.expect("a transaction");
    kit.queue.enqueue_raw_in(&mut late, task()).id("late").await.expect("it is stored");
    let drain = async |from: usize| {
        for chunk in from..from + 4 {
            let batch: Vec<_> = (0..500).map(|n| new(format!("{chunk}-{n}"), Options::new())).collect();
            kit.queue.enqueue(&batch).await.expect("enqueue");
            let leased = take(&kit.queue, 0, 500, LEASE).await;
            assert_eq!(settle(&kit.queue, &leased, |_| Outcome::Done).await, 500);
        }
    };
    drain(0).await;
    let mut wakes = kit.queue.wakes(Wake::Pending, &[QueueName::default()]);
    late.commit().await.expect("it commits");
    let found = async {
        loop {
            let found = take(&kit.queue, 0, 10, LEASE).await;
            if !found.is_empty() {
                return found;
            }
            // A look from the beginning that was slow has to rest; who waits is told when it may be repeated.
            wakes.next().await.expect("the stream lives");
        }
    };
    let found = tokio::time::timeout(Duration::from_secs(30), found).await.expect("it is found");
    assert_eq!(found[0].lease.id.as_str(), "late");
}

#[tokio::test]
async fn task_that_committed_late_is_found_while_there_are_always_enough_others() {
    let kit = Kit::new().await;
    let mut late = kit.queue.begin(&kit.pool).await.expect("a transaction");
    kit.queue.enqueue_raw_in(&mut late, task()).id("late").await.expect("it is stored");
    let mut late = Some(late);
    let (started, mut taken, mut stored) = (Instant::now(), 0, 0);
    loop {
        let batch: Vec<_> = (0..400).map(|n| new(format!("{stored}-{n}"), Options::new())).collect();
        kit.queue.enqueue(&batch).await.expect("enqueue");
        stored += 1;
        let leased = take(&kit.queue, 0, 200, LEASE).await;
        assert_eq!(leased.len(), 200, "there are always more");
        taken += 200;
        if leased.iter().any(|leased| leased.lease.id.as_str() == "late") {
            break;
        }
        if taken >= 2_000
            && let Some(late) = late.take()
        {
            late.commit().await.expect("it commits");
        }
        assert!(started.elapsed() < Duration::from_secs(30), "it is not found");
        assert_eq!(settle(&kit.queue, &leased, |_| Outcome::Done).await, 200);
    }
    assert!(taken > 2_000);
}

#[tokio::test]
async fn text_that_postgres_does_not_take_is_refused_or_replaced() {
    let kit = Kit::new().await;
    let error = kit.queue.enqueue(&[new("a\0b".into(), Options::new())]).await.expect_err("an id with a NUL");
    assert!(error.to_string().starts_with("invalid task id"), "{error}");
    let mut tried = new("b".into(), Options::new().header("key\0", "\0"));
    tried.message.last_error = Some("a\0b".into());
    assert_eq!(kit.queue.enqueue(&[tried.clone()]).await.expect("enqueue"), [Ok(())]);
    let leased = take(&kit.queue, 0, 1, LEASE).await;
    assert_eq!(leased[0].message.headers, tried.message.headers);
    assert_eq!(leased[0].message.last_error.as_deref(), Some("a\u{fffd}b"));
    let retry = |_| Outcome::Retry { at: Timestamp::from_millis(0), error: "\0".into() };
    assert_eq!(settle(&kit.queue, &leased, retry).await, 1);
}
