//! Many tasks through a bad connection, in virtual time, from printed seeds: while faults happen no task
//! is lost, and once they stop every task comes to its end.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Broker, Clock, Enqueue, Inspect, LeaseGrant, NewTask, Options, Outcome, QueueName, Quota, RawTask,
    RequeueCause, Settlement, State, TaskType, Upkeep, WorkerId,
};
use aftercommit_testing::{Call, Faults, Faulty, MemoryBackend, Odds, TokioClock};
use tokio::time::sleep;

const TASKS: usize = 200;
const LEASE: Duration = Duration::from_secs(30);
const ODDS: Odds = Odds {
    refuse: 0.1,
    lose_answer: 0.1,
    delay: 0.2,
    longest_delay: Duration::from_secs(5),
    settle_twice: 0.1,
};

type Bad = Faulty<MemoryBackend>;

fn tasks(clock: &TokioClock) -> Vec<Enqueue> {
    let task = |i: usize| {
        let task = RawTask { task_type: TaskType::new("t").unwrap(), payload: "{}".into() };
        let options = Options::new().id(format!("task-{i}")).retention(Duration::from_secs(86_400 * 365));
        NewTask::from(task).with(options).resolve(&Options::new(), clock.now()).unwrap()
    };
    (0..TASKS).map(task).collect()
}

fn queues() -> [QueueName; 1] {
    [QueueName::default()]
}

/// Enqueues until every task is known to be there: a lost answer shows as an id conflict next time.
async fn produce(backend: Arc<Bad>, tasks: Vec<Enqueue>) {
    for chunk in tasks.chunks(10) {
        while backend.enqueue(chunk).await.is_err() {
            sleep(Duration::from_millis(100)).await;
        }
    }
}

/// Takes, "runs" and settles. A settle is repeated until it is answered or the lease is over.
async fn work(backend: Arc<Bad>, clock: TokioClock, name: usize, ran: Arc<std::sync::Mutex<Vec<String>>>) {
    let grant = LeaseGrant { worker: WorkerId::from_stored(&format!("worker-{name}")), duration: LEASE };
    let quotas = queues().map(|queue| Quota { queue, count: 5 });
    loop {
        let leased = backend.dequeue(&quotas, &grant).await.unwrap_or_default();
        let ends = leased.iter().map(|leased| leased.lease.expires_at).min();
        let batch: Vec<Settlement> = leased
            .into_iter()
            .map(|leased| {
                ran.lock().unwrap().push(leased.lease.id.to_string());
                let outcome = Outcome::Complete { retention: leased.message.retention, result: None };
                Settlement { leased: Arc::new(leased), outcome }
            })
            .collect();
        while ends.is_some_and(|ends| clock.now() < ends) && backend.settle(&batch).await.is_err() {
            sleep(Duration::from_millis(100)).await;
        }
        sleep(Duration::from_millis(200)).await;
    }
}

/// Puts orphans back.
async fn recover(backend: Arc<Bad>) {
    loop {
        let orphans = backend.orphans(&queues(), 100).await.unwrap_or_default();
        let batch: Vec<Settlement> = orphans
            .into_iter()
            .map(|orphan| Settlement {
                leased: Arc::new(orphan.leased),
                outcome: Outcome::Requeue(RequeueCause::Recovered),
            })
            .collect();
        // What could not be put back is found again in the next round.
        let _found_again = backend.settle(&batch).await;
        sleep(Duration::from_secs(2)).await;
    }
}

async fn play(seed: u64) {
    println!("seed {seed}");
    let clock = TokioClock::new();
    let memory = Arc::new(MemoryBackend::new(Arc::new(clock.clone())));
    let bad = Arc::new(Faulty::new(Arc::clone(&memory), Faults::random(seed, ODDS)));
    let ran = Arc::default();
    let mut loops = tokio::task::JoinSet::new();
    for name in 0..3 {
        loops.spawn(work(Arc::clone(&bad), clock.clone(), name, Arc::clone(&ran)));
    }
    loops.spawn(recover(Arc::clone(&bad)));

    // Faults happen: whatever they did, every acknowledged task is somewhere.
    produce(Arc::clone(&bad), tasks(&clock)).await;
    let info = memory.queue(&QueueName::default()).await.unwrap().unwrap();
    assert_eq!(info.counts.total(), TASKS as u64);
    assert!(bad.injected(Call::Settle) > 0, "some settles went wrong");

    // Faults stop: after two leases and some rounds everything has ended, each task counted once.
    bad.heal();
    sleep(LEASE * 4).await;
    let info = memory.queue(&QueueName::default()).await.unwrap().unwrap();
    assert_eq!(info.counts.get(State::Completed), TASKS as u64, "{info:?}");
    assert_eq!((info.processed, info.failed), (TASKS as u64, 0));
    let mut times: BTreeMap<String, usize> = BTreeMap::new();
    for id in ran.lock().unwrap().iter() {
        *times.entry(id.clone()).or_default() += 1;
    }
    assert_eq!(times.len(), TASKS, "each ran at least once");
}

#[tokio::test(start_paused = true)]
async fn no_task_is_lost_through_a_bad_connection_and_all_end_once_it_heals() {
    for seed in 0..20 {
        play(seed).await;
    }
}
