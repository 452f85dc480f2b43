//! Check 3: a unique lock that one side takes the other sees, and frees when it ought to.

use std::time::{Duration, Instant};

use aftercommit::{Client, Error, InspectExt as _, RawTask, TaskType};
use aftercommit_interop::{GoClient, GoInspector, Options, Request, Task};

use crate::ground::{Ground, hasty, id, queue, until};
use crate::report;

const LOCKED_MS: i64 = 3_600_000;
const QUEUE: &str = "three";

/// Payloads that make locks of their own, on either side.
const PAYLOADS: [&[u8]; 4] = [b"{\"user\":1}", b"\0\xff\x80\n\r", b" ", "text beyond ASCII: é".as_bytes()];

fn of_go(id: &str, payload: Option<&[u8]>, unique_ms: i64) -> Task {
    let options = Options {
        id: Some(id.to_owned()),
        queue: Some(QUEUE.to_owned()),
        unique_ms: Some(unique_ms),
        ..Options::default()
    };
    Task { task_type: "ok:lock".to_owned(), payload: payload.map(<[u8]>::to_vec), ..Task::default() }
        .with(options)
}

/// Enqueues by Go and answers whether the lock was free.
async fn go_takes(client: &mut GoClient, id: &str, payload: Option<&[u8]>) -> bool {
    match client.enqueue(&of_go(id, payload, LOCKED_MS)).await {
        Ok(_) => true,
        Err(error) if error.name() == Some("duplicate") => false,
        Err(error) => panic!("{error}"),
    }
}

async fn we_take(client: &Client, id: &str, payload: &[u8]) -> bool {
    we_take_for(client, id, payload, Duration::from_millis(LOCKED_MS.unsigned_abs())).await
}

async fn we_take_for(client: &Client, id: &str, payload: &[u8], length: Duration) -> bool {
    let task = RawTask { task_type: TaskType::new("ok:lock").unwrap(), payload: payload.to_vec().into() };
    match client.enqueue_raw(task).queue(QUEUE).id(id).unique_for(length).await {
        Ok(_) => true,
        Err(Error::Duplicate { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

#[tokio::test]
async fn a_lock_of_one_side_stops_the_other() {
    let ground = Ground::new();
    let mut go = GoClient::start(&ground.redis(0)).await.unwrap();
    let ours = ground.client(0);
    for (place, payload) in PAYLOADS.into_iter().enumerate() {
        let name = |who: &str| format!("{who}-{place}");
        let first = [payload, b"go first"].concat();
        assert!(go_takes(&mut go, &name("go"), Some(&first)).await);
        assert!(!we_take(&ours, &name("rust-late"), &first).await);
        let second = [payload, b"rust first"].concat();
        assert!(we_take(&ours, &name("rust"), &second).await);
        assert!(!go_takes(&mut go, &name("go-late"), Some(&second)).await);
    }
    // Go's nil is our empty payload. Go's empty one that is not nil has a lock of its own.
    assert!(go_takes(&mut go, "go-nil", None).await);
    assert!(!we_take(&ours, "rust-nil", b"").await);
    assert!(go_takes(&mut go, "go-empty", Some(b"")).await);
    ground.raw(0).text(&["FLUSHALL"]).await;
    assert!(we_take(&ours, "rust-nil", b"").await);
    assert!(!go_takes(&mut go, "go-nil", None).await);
    report::passed(
        "3",
        "locks, both ways",
        PAYLOADS.len() * 2 + 3,
        "the other side gets Duplicate; Go's empty payload that is not nil has another lock",
    );
}

#[tokio::test]
async fn a_lock_is_freed_by_success_on_either_side() {
    let ground = Ground::new();
    let (raw, redis, ours) = (ground.raw(0), ground.redis(0), ground.client(0));
    let mut go = GoClient::start(&redis).await.unwrap();
    for by_go in [true, false] {
        assert!(go_takes(&mut go, "of-go", Some(b"one")).await);
        assert!(we_take(&ours, "of-rust", b"two").await);
        assert!(go_takes(&mut go, "of-go-nil", None).await);
        let config = hasty([QUEUE]);
        let worker =
            if by_go { ground.go(0, &config, "go").await } else { ground.rust(0, &config, "rust").await };
        raw.drained(&[QUEUE.to_owned()]).await;
        worker.stop().await.unwrap();
        assert_eq!(raw.int(&["EXISTS", "asynq:{three}:unique:ok:lock:"]).await, 0);
        assert!(we_take(&ours, "again-1", b"one").await && go_takes(&mut go, "again-2", Some(b"two")).await);
        assert!(we_take(&ours, "again-3", b"").await);
        raw.text(&["FLUSHALL"]).await;
        // asynq's client announces a queue once; the inspectors ask for it.
        raw.text(&["SADD", "asynq:queues", QUEUE]).await;
    }
    report::passed("3", "locks, success", 6, "freed by either worker");
}

#[tokio::test]
async fn a_lock_is_freed_by_deletion_and_not_by_a_stranger() {
    let ground = Ground::new();
    let (redis, ours) = (ground.redis(0), ground.client(0));
    let mut go = GoClient::start(&redis).await.unwrap();
    let (mut theirs, inspector) = (GoInspector::start(&redis).await.unwrap(), ground.inspector(0));
    assert!(go_takes(&mut go, "of-go", Some(b"one")).await);
    assert!(we_take(&ours, "of-rust", b"two").await);
    inspector.delete(&queue(QUEUE), &id("of-go")).await.unwrap();
    theirs.ask::<()>(Request::DeleteTask { queue: QUEUE, id: "of-rust" }).await.unwrap();
    assert!(we_take(&ours, "one", b"one").await && go_takes(&mut go, "two", Some(b"two")).await);

    // The lock has passed to another task: the first must not free it.
    ground
        .raw(0)
        .text(&["SET", "asynq:{three}:unique:ok:lock:f97c5d29941bfb1b2fdab0874906ab82", "heir"])
        .await;
    inspector.delete(&queue(QUEUE), &id("one")).await.unwrap();
    assert!(!go_takes(&mut go, "three", Some(b"one")).await);
    report::passed("3", "locks, deletion", 3, "freed by either inspector, unless another task has it");
}

#[tokio::test]
async fn a_lock_is_not_left_behind_by_an_id_that_is_taken() {
    let ground = Ground::new();
    let mut go = GoClient::start(&ground.redis(0)).await.unwrap();
    let ours = ground.client(0);
    go.enqueue(&Task::new("ok:", "x").with(Options {
        queue: Some(QUEUE.to_owned()),
        id: Some("taken".to_owned()),
        ..Options::default()
    }))
    .await
    .unwrap();
    let task = RawTask { task_type: TaskType::new("ok:lock").unwrap(), payload: "ours".into() };
    let refused = ours.enqueue_raw(task).queue(QUEUE).id("taken").unique_for(Duration::from_secs(60)).await;
    assert!(matches!(refused, Err(Error::IdConflict { .. })));
    assert!(go_takes(&mut go, "free", Some(b"ours")).await, "ours leaves nothing");
    let refused = go.enqueue(&of_go("taken", Some(b"theirs"), LOCKED_MS)).await.unwrap_err();
    assert_eq!(refused.name(), Some("id_conflict"));
    assert!(!we_take(&ours, "blocked", b"theirs").await, "Go's stays until it ends");
    report::passed("3", "locks, id conflict", 2, "ours leaves none; Go's stays, and ours honours it");
}

#[tokio::test]
async fn a_lock_ends_by_itself() {
    let ground = Ground::new();
    let mut go = GoClient::start(&ground.redis(0)).await.unwrap();
    let ours = ground.client(0);
    let began = Instant::now();
    go.enqueue(&of_go("of-go", Some(b"one"), 1_000)).await.unwrap();
    assert!(we_take_for(&ours, "of-rust", b"two", Duration::from_millis(1_500)).await);
    until("Go's lock to end", async || we_take(&ours, "one", b"one").await.then_some(())).await;
    assert!(began.elapsed() >= Duration::from_millis(950));
    until("our lock to end", async || go_takes(&mut go, "two", Some(b"two")).await.then_some(())).await;
    assert!(began.elapsed() >= Duration::from_millis(1_450), "{:?}", began.elapsed());
    report::passed("3", "locks, expiry", 2, "not before its time, ours to the millisecond");
}
