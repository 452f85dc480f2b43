//! Every kind of call can be made to go wrong, and says what it was for.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    ArchiveLimits, Backend, BatchKey, BoxFuture, Enqueue, EnqueueEvent, Error, GroupName, GroupRules,
    LeaseGrant, NewTask, Options, Page, QueueName, RawTask, Result, TaskId, TaskType, WorkerId,
};
use aftercommit_testing::{Call, Fault, Faults, Faulty, ManualClock, MemoryBackend, TEST_EPOCH};

fn task() -> Enqueue {
    let task = RawTask { task_type: TaskType::new("t").unwrap(), payload: "{}".into() };
    NewTask::from(task).resolve(&Options::new(), TEST_EPOCH).unwrap()
}

fn batch() -> BatchKey {
    BatchKey { queue: QueueName::default(), group: GroupName::new("g").unwrap(), id: "1".into() }
}

type Act = for<'a> fn(&'a dyn Backend) -> BoxFuture<'a, Result<()>>;

/// One call of each kind.
const CALLS: [(Call, Act); 18] = [
    (Call::Enqueue, |b| Box::pin(async { b.enqueue(&[task()]).await.map(drop) })),
    (Call::Dequeue, |b| {
        Box::pin(async {
            let grant = LeaseGrant { worker: WorkerId::from_stored("w"), duration: Duration::ZERO };
            b.dequeue(&[], &grant).await.map(drop)
        })
    }),
    (Call::Extend, |b| Box::pin(async { b.extend(&[], Duration::ZERO).await.map(drop) })),
    (Call::Settle, |b| Box::pin(async { b.settle(&[]).await.map(drop) })),
    (Call::Forward, |b| Box::pin(async { b.forward(&[], 1).await.map(drop) })),
    (Call::Orphans, |b| Box::pin(async { b.orphans(&[], 1).await.map(drop) })),
    (Call::DeleteExpired, |b| Box::pin(async { b.delete_expired(&[], 1).await.map(drop) })),
    (Call::TrimArchive, |b| {
        Box::pin(async { b.trim_archive(&[], &ArchiveLimits::default(), 1).await.map(drop) })
    }),
    (Call::Inspect, |b| Box::pin(async { b.remove_queue(&QueueName::default()).await.map(drop) })),
    (Call::Presence, |b| Box::pin(async { b.presence().unwrap().workers().await.map(drop) })),
    (Call::Groups, |b| Box::pin(async { b.groups().unwrap().groups(&QueueName::default()).await.map(drop) })),
    (Call::Gather, |b| {
        Box::pin(async { b.groups().unwrap().gather(&[], &GroupRules::default(), 1).await.map(drop) })
    }),
    (Call::Aggregate, |b| {
        Box::pin(async { b.groups().unwrap().aggregate(&batch(), &task()).await.map(drop) })
    }),
    (Call::Release, |b| Box::pin(async { b.groups().unwrap().release(&batch()).await })),
    (Call::Reclaim, |b| Box::pin(async { b.groups().unwrap().reclaim(&[], 1).await.map(drop) })),
    (Call::Publish, |b| Box::pin(async { b.publisher().unwrap().publish(&[task()]).await.map(drop) })),
    (Call::Forget, |b| Box::pin(async { b.publisher().unwrap().forget(&[]).await })),
    (Call::Look, |b| Box::pin(async { b.publisher().unwrap().look(&[]).await.map(drop) })),
];

fn faulty() -> Faulty<MemoryBackend> {
    let memory = MemoryBackend::new(Arc::new(ManualClock::new()));
    Faulty::new(Arc::new(memory), Faults::none())
}

#[tokio::test]
async fn each_call_goes_wrong_when_it_is_its_turn_and_only_then() {
    for (call, act) in CALLS {
        let backend = faulty();
        backend.inject(call, Fault::Refuse);
        for (other, act) in CALLS.into_iter().filter(|(other, _)| *other != call) {
            assert!(act(&backend).await.is_ok(), "{other:?} while {call:?} is to fail");
        }
        let refused = act(&backend).await.unwrap_err();
        assert!(matches!(refused, Error::Unavailable { .. }), "{call:?}: {refused}");
        assert_eq!(backend.injected(call), 1, "{call:?}");
        assert!(act(&backend).await.is_ok(), "{call:?}, again");
    }
}

#[tokio::test]
async fn every_call_about_schedulers_goes_wrong_as_one_kind() {
    let backend = faulty();
    let schedules = backend.schedules().unwrap();
    let (scheduler, event) =
        (WorkerId::from_stored("s"), EnqueueEvent { task: TaskId::new("a").unwrap(), at: TEST_EPOCH });
    for _ in 0..5 {
        backend.inject(Call::Schedules, Fault::LoseAnswer);
    }
    assert!(schedules.announce(&scheduler, &[], Duration::ZERO).await.is_err());
    assert!(schedules.record("x", &event).await.is_err());
    assert!(schedules.events("x", Page::first(1)).await.is_err());
    assert!(schedules.entries().await.is_err());
    assert_eq!(schedules.events("x", Page::first(1)).await.unwrap_err().to_string(), OF_SCHEDULERS);
    assert_eq!(schedules.events("x", Page::first(1)).await.unwrap(), [event], "it took effect");
    assert!(schedules.withdraw(&scheduler).await.is_ok());
}

const OF_SCHEDULERS: &str = "failed to tell or ask about schedulers: the store is unavailable";
