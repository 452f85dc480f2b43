//! A relay that keeps rows until their tasks have ended, and back-ends that lose what they took.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aftercommit::{
    HandlerError, InspectExt, Options, Outbox, QueueName, RelayBuilder, RetainUntilDone, Router,
    RowOperation, RowState, Rows, State, TaskContext, TaskId, TaskState, WATCHED_RETENTION,
};
use aftercommit_testing::{Call, Fault, Faults, Faulty, MemoryBackend, TokioClock};

use super::outbox::{FakeOutbox, OutboxCall, Wrong};
use super::{Carrying, carry, fine, pending, relay, rows};
use crate::harness::{Bench, Note, Running, start};
use crate::lines::Lines;

const HOUR: Duration = Duration::from_secs(3_600);

/// A back-end that can lose everything, an outbox, and how often each task ran.
struct Scene {
    bench: Bench,
    memory: Arc<MemoryBackend>,
    outbox: Arc<FakeOutbox>,
    ran: Ran,
}

#[derive(Debug, Clone, Default)]
struct Ran(Arc<Mutex<BTreeMap<String, usize>>>);

impl Ran {
    fn times(&self) -> BTreeMap<String, usize> {
        self.0.lock().unwrap().clone()
    }
}

impl Scene {
    fn new() -> Self {
        let clock = Arc::new(TokioClock::new());
        let memory = Arc::new(MemoryBackend::new(Arc::clone(&clock) as _));
        let outbox = FakeOutbox::new(Arc::clone(&clock));
        Self { bench: Bench::over(Arc::clone(&memory) as _, clock), memory, outbox, ran: Ran::default() }
    }

    fn retaining(&self) -> RelayBuilder {
        relay(&self.bench, &self.outbox, Arc::clone(&self.memory) as _)
            .retain_until_done(RetainUntilDone::new())
    }

    fn carry(&self) -> Carrying {
        carry(self.retaining())
    }

    /// A worker that counts what it runs; "no" is given up, "never mind" revoked.
    fn work(&self) -> Running {
        let router = Router::with_state(self.ran.clone()).route(
            async |State(ran): State<Ran>, context: TaskContext, note: Note| {
                *ran.0.lock().unwrap().entry(context.id().to_string()).or_default() += 1;
                match &*note.text {
                    "no" => Err(HandlerError::skip_retry("no")),
                    "never mind" => Err(HandlerError::revoke("never mind")),
                    _ => Ok(()),
                }
            },
        );
        start(self.bench.worker(router))
    }

    async fn state(&self, id: &str) -> Option<TaskState> {
        let id = TaskId::new(id).unwrap();
        aftercommit::Inspect::get(&*self.memory, &QueueName::default(), &id)
            .await
            .unwrap()
            .map(|task| task.state)
    }

    /// Waits until no row is left.
    async fn is_over(&self) {
        let step = Duration::from_millis(500);
        self.outbox.reaches_in_steps(step, "over", <[super::outbox::Row]>::is_empty).await;
    }

    /// Waits until every row is published.
    async fn is_published(&self) {
        self.outbox.reaches("published", |rows| rows.iter().all(|row| row.state == RowState::Kept)).await;
    }
}

async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}

#[tokio::test(start_paused = true)]
async fn a_row_goes_when_its_task_has_completed_or_was_archived() {
    let scene = Scene::new();
    scene.outbox.commit(rows("a", 20, |i| if i == 7 { "no" } else { "fine" }));
    let relay = scene.carry();
    scene.is_published().await;
    pass(HOUR * 3).await;
    assert_eq!(scene.outbox.rows().len(), 20, "none has run");
    let worker = scene.work();
    scene.is_over().await;
    assert_eq!(scene.state("a-0000").await, Some(TaskState::Completed), "its record is kept for an hour");
    assert_eq!(scene.state("a-0007").await, Some(TaskState::Archived));
    let counts = relay.monitor.counts();
    assert_eq!((counts.kept, counts.ended, counts.lost, counts.published), (20, 20, 0, 20));
    pass(WATCHED_RETENTION * 3).await;
    assert!(scene.ran.times().values().all(|times| *times == 1));
    relay.shut_down().await;
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn every_task_that_the_back_end_loses_runs_in_the_end() {
    let scene = Scene::new();
    let lines = Lines::listen();
    scene.outbox.commit(rows("now", 600, fine));
    let later = Options::new().process_in(HOUR / 2);
    scene.outbox.commit_with(rows("later", 50, fine), &later);
    let relay = scene.carry();
    scene.is_published().await;
    pass(Duration::from_secs(7)).await;
    scene.memory.lose_everything();
    let lost = scene.bench.now();
    let worker = scene.work();
    let others_ran = async {
        while scene.ran.times().len() < 600 {
            pass(Duration::from_millis(100)).await;
        }
    };
    others_ran.await;
    let took = scene.bench.now().since(lost);
    assert!(took <= Duration::from_secs(85), "{took:?}");
    scene.is_over().await;
    assert!(scene.ran.times().len() == 650 && scene.ran.times().values().all(|times| *times == 1));
    let counts = relay.monitor.counts();
    assert_eq!((counts.lost, counts.unseen, counts.ended), (650, 0, 650));
    assert_eq!(lines.with("is gone and is published again"), 650, "each is said");
    relay.shut_down().await;
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_only_waits_long_is_published_once_and_mentioned_now_and_then() {
    let scene = Scene::new();
    let lines = Lines::listen();
    scene.outbox.commit(rows("a", 30, fine));
    let relay = scene.carry();
    pass(HOUR * 30).await;
    assert_eq!(pending(&scene.bench).await.len(), 30);
    let counts = relay.monitor.counts();
    assert_eq!((counts.published, counts.lost, counts.ended), (30, 0, 0));
    assert!(counts.overdue > 0);
    let said = lines.with("have not ended for long");
    assert!((5..=6).contains(&said), "{said} times in 6 hours");
    let looks = scene.outbox.calls(OutboxCall::Observe);
    assert!(looks <= 30 * 12 + 20, "{looks} looks at a batch in 30 hours");
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_missing_in_one_look_only_is_left_alone() {
    let scene = Scene::new();
    scene.outbox.commit(rows("a", 1, fine));
    let relay = scene.carry();
    scene.is_published().await;
    scene.memory.lose_everything();
    pass(Duration::from_secs(30)).await;
    // The old primary is back.
    scene.bench.client.enqueue(&Note { text: "fine".into() }).id("a-0000").await.unwrap();
    pass(HOUR).await;
    let counts = relay.monitor.counts();
    assert_eq!((counts.lost, counts.published), (0, 1));
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_lost_task_that_is_back_before_it_is_published_again_is_watched_on() {
    let scene = Scene::new();
    let faulty = Arc::new(Faulty::new(Arc::clone(&scene.memory), Faults::none()));
    scene.outbox.commit(rows("a", 1, fine));
    let builder = relay(&scene.bench, &scene.outbox, Arc::clone(&faulty) as _);
    let relay = carry(builder.retain_until_done(RetainUntilDone::new()));
    scene.is_published().await;
    scene.memory.lose_everything();
    faulty.inject(Call::Publish, Fault::Delay(Duration::from_secs(5)));
    scene.outbox.reaches("lost", |rows| rows[0].losses == 1).await;
    scene.bench.client.enqueue(&Note { text: "fine".into() }).id("a-0000").await.unwrap();
    scene.is_published().await;
    assert_eq!(relay.monitor.counts().buried, 0);
    let worker = scene.work();
    scene.is_over().await;
    relay.shut_down().await;
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn tasks_of_groups_and_unwanted_ones_are_not_watched() {
    let scene = Scene::new();
    scene.outbox.commit_with(rows("grouped", 3, fine), &Options::new().group("g"));
    scene.outbox.commit_with(rows("unique", 2, fine), &Options::new().unique_for(HOUR));
    let relay = scene.carry();
    scene.outbox.reaches("one left", |rows| rows.len() == 1).await;
    let counts = relay.monitor.counts();
    assert_eq!((counts.published, counts.kept, counts.duplicates), (4, 1, 1));
    let grouped = scene.bench.backend.get(&QueueName::default(), &TaskId::new("grouped-0000").unwrap()).await;
    let retention = grouped.unwrap().unwrap().message.retention;
    assert_eq!(retention, Duration::ZERO, "what is not watched is as it was asked for");
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_an_operator_deletes_stays_deleted_if_its_row_goes_first() {
    let scene = Scene::new();
    scene.outbox.commit(rows("a", 2, fine));
    let relay = scene.carry();
    scene.is_published().await;
    let queue = QueueName::default();
    let ids = ["a-0000", "a-0001"].map(|id| TaskId::new(id).unwrap());
    let row = Rows::OfTask(queue.clone(), ids[0].clone());
    assert_eq!(scene.outbox.operate(&row, RowOperation::Delete, 1).await.unwrap(), 1);
    for id in &ids {
        scene.bench.backend.delete(&queue, id).await.unwrap();
    }
    pass(HOUR).await;
    assert_eq!(pending(&scene.bench).await, ["a-0001"], "the other one looks lost");
    assert_eq!(relay.monitor.counts().lost, 1);
    relay.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ended_unseen_may_run_twice_and_that_is_said_and_counted() {
    let scene = Scene::new();
    let lines = Lines::listen();
    scene.outbox.commit(rows("a", 3, fine));
    let dying = scene.carry();
    scene.is_published().await;
    dying.crash().await;
    let worker = scene.work();
    pass(WATCHED_RETENTION * 2).await;
    assert_eq!(scene.state("a-0000").await, None, "the record is gone");
    let next = scene.carry();
    scene.is_over().await;
    assert!(scene.ran.times().values().all(|times| *times == 2), "{:?}", scene.ran.times());
    let counts = next.monitor.counts();
    assert_eq!((counts.lost, counts.unseen), (3, 3));
    assert_eq!(lines.with("may have ended unseen"), 3, "{:#?}", lines.all());
    assert_eq!(lines.with("the back-end has lost published tasks"), 1);
    next.shut_down().await;
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_task_that_vanishes_each_time_is_set_aside_in_the_end() {
    let scene = Scene::new();
    scene.outbox.commit(rows("a", 2, |i| if i == 0 { "never mind" } else { "fine" }));
    let relay = carry(
        relay(&scene.bench, &scene.outbox, Arc::clone(&scene.memory) as _)
            .retain_until_done(RetainUntilDone::new().max_losses(2)),
    );
    let worker = scene.work();
    scene.outbox.reaches("set aside", |rows| rows.len() == 1 && rows[0].buried).await;
    assert_eq!(scene.ran.times()["a-0000"], 3);
    assert_eq!(scene.outbox.rows()[0].error.as_deref(), Some("it was published and vanished 3 times"));
    let counts = relay.monitor.counts();
    assert_eq!((counts.lost, counts.buried, counts.ended), (2, 1, 1));
    relay.shut_down().await;
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_back_end_that_is_away_has_lost_nothing() {
    let scene = Scene::new();
    let faulty = Arc::new(Faulty::new(Arc::clone(&scene.memory), Faults::none()));
    scene.outbox.commit(rows("a", 3, fine));
    let builder = relay(&scene.bench, &scene.outbox, Arc::clone(&faulty) as _);
    let relay = carry(builder.retain_until_done(RetainUntilDone::new()));
    scene.is_published().await;
    for _ in 0..1_000 {
        faulty.inject(Call::Look, Fault::Refuse);
    }
    let lines = Lines::listen();
    pass(HOUR).await;
    let looks = faulty.injected(Call::Look);
    assert!((100..=800).contains(&looks), "{looks} looks in an hour");
    assert_eq!(relay.monitor.counts().lost, 0);
    assert_eq!(lines.with("relay lost the back-end"), 1, "{:#?}", lines.all());
    faulty.heal();
    let worker = scene.work();
    scene.is_over().await;
    relay.shut_down().await;
    worker.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn rows_that_were_kept_are_watched_on_when_the_setting_is_taken_back() {
    let scene = Scene::new();
    scene.outbox.commit(rows("a", 2, fine));
    let retaining = scene.carry();
    scene.is_published().await;
    retaining.shut_down().await;
    scene.memory.lose_everything();
    let without = carry(relay(&scene.bench, &scene.outbox, Arc::clone(&scene.memory) as _));
    scene.is_over().await;
    assert_eq!(pending(&scene.bench).await.len(), 2, "published again, and not kept");
    without.shut_down().await;
}

#[tokio::test(start_paused = true)]
async fn a_relay_that_dies_at_any_step_loses_nothing() {
    let steps = [
        OutboxCall::Claim,
        OutboxCall::Keep,
        OutboxCall::Watch,
        OutboxCall::Observe,
        OutboxCall::PublishAgain,
        OutboxCall::Mark,
    ];
    for step in steps {
        let scene = Scene::new();
        scene.outbox.commit(rows("a", 30, fine));
        let worker = scene.work();
        // Before the first loss, after it, and when everything has ended.
        for at in [0, 9, 15, 60, 90] {
            let dying = scene.carry();
            pass(Duration::from_secs(at)).await;
            if at == 0 {
                scene.outbox.commit(rows("b", 30, fine));
                scene.memory.lose_everything();
            }
            scene.outbox.goes_wrong(step, Wrong::Hangs, 1);
            pass(Duration::from_secs(1)).await;
            dying.crash().await;
        }
        scene.outbox.heal();
        scene.outbox.commit(rows("c", 1, fine));
        let last = scene.carry();
        let times = async {
            while scene.ran.times().len() < 61 {
                pass(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(HOUR, times).await.unwrap_or_else(|_| panic!("lost at {step:?}"));
        scene.is_over().await;
        last.shut_down().await;
        worker.shut_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn under_random_faults_and_losses_every_task_runs() {
    for seed in 0..10 {
        let scene = Scene::new();
        let odds = aftercommit_testing::Odds { refuse: 0.2, lose_answer: 0.2, ..Default::default() };
        let faulty = Arc::new(Faulty::new(Arc::clone(&scene.memory), Faults::random(seed, odds)));
        let relays = [(); 2].map(|()| {
            let builder = relay(&scene.bench, &scene.outbox, Arc::clone(&faulty) as _).batch(10);
            carry(builder.retain_until_done(RetainUntilDone::new().max_losses(100)))
        });
        let worker = scene.work();
        for i in 0..40 {
            for call in [OutboxCall::Keep, OutboxCall::Watch, OutboxCall::Observe, OutboxCall::PublishAgain] {
                scene.outbox.goes_wrong(call, Wrong::Refused, 1);
            }
            scene.outbox.commit(rows(&format!("{i:02}"), 5, fine));
            pass(Duration::from_secs(i * seed % 23)).await;
            if i % 7 == seed % 7 {
                scene.memory.lose_everything();
            }
        }
        faulty.heal();
        scene.is_over().await;
        assert_eq!(scene.ran.times().len(), 200, "seed {seed}");
        for relay in relays {
            relay.shut_down().await;
        }
        worker.shut_down().await;
    }
}

#[tokio::test(start_paused = true)]
async fn rules_that_cannot_work_are_said_before_the_start() {
    let scene = Scene::new();
    for rules in [
        RetainUntilDone::new().first_look(Duration::ZERO),
        RetainUntilDone::new().max_losses(0),
        RetainUntilDone::new().longest_pause(HOUR),
    ] {
        let built =
            relay(&scene.bench, &scene.outbox, Arc::clone(&scene.memory) as _).retain_until_done(rules);
        let error = built.build().expect_err("it cannot work");
        assert!(error.to_string().contains("retains rows"), "{error}");
    }
    let backlog = scene.retaining().build().unwrap().monitor().backlog().await.unwrap();
    assert_eq!(backlog, aftercommit::Backlog::default());
}
