//! Waiting and draining, on the memory broker in virtual time.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::time::Duration;

use aftercommit_core::{
    Broker, Clock, Enqueue, Failure, FailureKind, Inspect, LeaseGrant, NewTask, Options, Outcome, QueueName,
    Quota, RawTask, Settlement, State, TaskId, TaskType, Upkeep, Verdict, WorkerId,
};
use aftercommit_testing::{
    MemoryBackend, TokioClock, drain, wait_for_state, wait_until_gone, wait_until_idle,
};
use tokio::time::{Instant, sleep};

const LIMIT: Duration = Duration::from_secs(60);

fn queue() -> QueueName {
    QueueName::default()
}

fn id(name: &str) -> TaskId {
    TaskId::new(name).unwrap()
}

fn task(name: &str, options: Options, clock: &dyn Clock) -> Enqueue {
    let task = RawTask { task_type: TaskType::new("t").unwrap(), payload: name.to_owned().into() };
    NewTask::from(task).with(options.id(name)).resolve(&Options::new(), clock.now()).unwrap()
}

struct Scene {
    clock: TokioClock,
    backend: Arc<MemoryBackend>,
}

fn scene() -> Scene {
    let clock = TokioClock::new();
    Scene { backend: Arc::new(MemoryBackend::new(Arc::new(clock.clone()))), clock }
}

impl Scene {
    async fn put(&self, name: &str, options: Options) {
        assert_eq!(self.backend.enqueue(&[task(name, options, &self.clock)]).await.unwrap(), [Ok(())]);
    }

    /// Takes one task after a second, and settles it as done a second later.
    fn process_slowly(&self) -> tokio::task::JoinHandle<()> {
        let backend = Arc::clone(&self.backend);
        tokio::spawn(async move {
            sleep(Duration::from_secs(1)).await;
            let grant = LeaseGrant { worker: WorkerId::from_stored("w"), duration: LIMIT };
            let leased =
                backend.dequeue(&[Quota { queue: queue(), count: 1 }], &grant).await.unwrap().remove(0);
            sleep(Duration::from_secs(1)).await;
            let settlement = Settlement { leased: Arc::new(leased), outcome: Outcome::Done };
            backend.settle(&[settlement]).await.unwrap();
        })
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_follows_a_task_through_its_states() {
    let scene = scene();
    scene.put("a", Options::new()).await;
    let processing = scene.process_slowly();
    let info = wait_for_state(&*scene.backend, &queue(), &id("a"), State::Active, LIMIT).await;
    assert!(info.lease.is_some());
    wait_until_gone(&*scene.backend, &queue(), &id("a"), LIMIT).await;
    processing.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_is_over_when_the_queue_is_idle_and_not_before() {
    let scene = scene();
    scene.put("a", Options::new()).await;
    scene.put("later", Options::new().process_in(Duration::from_secs(3_600))).await;
    let started = Instant::now();
    let processing = scene.process_slowly();
    wait_until_idle(&*scene.backend, &[queue()], LIMIT).await;
    assert!((2_000..2_200).contains(&started.elapsed().as_millis()), "{:?}", started.elapsed());
    processing.await.unwrap();
}

#[tokio::test(start_paused = true)]
#[should_panic(
    expected = "task a in queue default did not come to the state completed within 60s; it is pending"
)]
async fn a_wait_in_vain_says_what_it_found() {
    let scene = scene();
    scene.put("a", Options::new()).await;
    wait_for_state(&*scene.backend, &queue(), &id("a"), State::Completed, LIMIT).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "task a in queue default did not go away within 60s; it is pending")]
async fn a_wait_for_the_end_in_vain_says_what_it_found() {
    let scene = scene();
    scene.put("a", Options::new()).await;
    wait_until_gone(&*scene.backend, &queue(), &id("a"), LIMIT).await;
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "1 tasks are still pending or active after 60s")]
async fn a_wait_for_an_idle_queue_in_vain_says_how_many_are_left() {
    let scene = scene();
    scene.put("a", Options::new()).await;
    wait_until_idle(&*scene.backend, &[queue()], LIMIT).await;
}

#[tokio::test(start_paused = true)]
async fn a_wait_of_hours_is_short() {
    let scene = scene();
    scene.put("a", Options::new().process_in(Duration::from_secs(3_600))).await;
    let backend = Arc::clone(&scene.backend);
    let forwarding = tokio::spawn(async move {
        sleep(Duration::from_secs(3_600)).await;
        backend.forward(&[queue()], 1).await.unwrap().moved
    });
    wait_for_state(&*scene.backend, &queue(), &id("a"), State::Pending, LIMIT * 61).await;
    assert_eq!(forwarding.await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_drain_runs_what_is_pending_and_due_in_order_and_what_comes_meanwhile() {
    let scene = scene();
    scene.put("due", Options::new().process_in(Duration::from_secs(1))).await;
    scene.put("later", Options::new().process_in(Duration::from_secs(100))).await;
    scene.put("first", Options::new()).await;
    scene.put("fails", Options::new()).await;
    sleep(Duration::from_secs(1)).await;
    let ran = drain(&*scene.backend, &scene.clock, &[queue()], async |message| {
        match message.id.as_str() {
            "first" => scene.put("child", Options::new()).await,
            "fails" => return Verdict::Failed(Failure::new(FailureKind::Error, "it failed")),
            _ => {}
        }
        Verdict::Succeeded(None)
    })
    .await
    .unwrap();
    let names: Vec<&str> = ran.iter().map(|(message, _)| message.id.as_str()).collect();
    assert_eq!(names, ["first", "fails", "due", "child"]);
    assert!(matches!(ran[1].1, Outcome::Retry { .. }));
    let info = scene.backend.queue(&queue()).await.unwrap().unwrap();
    assert_eq!((info.processed, info.failed), (4, 1));
    assert_eq!((info.counts.get(State::Scheduled), info.counts.get(State::Retry)), (1, 1));
}
