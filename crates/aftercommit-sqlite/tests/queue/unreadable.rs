//! Rows that another program has spoilt: they go to the archive with the reason and hold up nobody.

use aftercommit_core::{
    Broker, Clock, GroupRules, Groups, Inspect, InspectExt, NewTask, Options, Page, QueueName, State,
    TaskInfo, Upkeep,
};
use std::time::Duration;

use crate::support::{Stage, id, raw};

const SPOILT: &str = "the task's row cannot be read: ";

async fn spoil(stage: &Stage, statements: &'static str) {
    sqlx::raw_sql(statements).execute(&stage.queue.pools().writer).await.expect("it works");
}

async fn archived(stage: &Stage) -> Vec<TaskInfo> {
    let archived = State::Archived.into();
    let mut tasks =
        stage.queue.list(&QueueName::default(), &archived, Page::first(99)).await.expect("it works");
    tasks.sort_by(|a, b| a.message.id.as_str().cmp(b.message.id.as_str()));
    tasks
}

#[tokio::test]
async fn a_spoilt_task_that_is_taken_goes_to_the_archive_and_the_others_to_the_worker() {
    let stage = Stage::new().await;
    let ids = ["good", "options", "type", "blank", "bytes", "retried", "fine"];
    let tasks: Vec<_> = ids.iter().map(|id| stage.task(id)).collect();
    stage.queue.enqueue(&tasks).await.unwrap();
    spoil(
        &stage,
        "UPDATE aftercommit_tasks SET options = '{\"max_retry\":-1}', unique_key = x'aa' WHERE id = 'options'; \
         UPDATE aftercommit_tasks SET task_type = '' WHERE id = 'type'; \
         UPDATE aftercommit_tasks SET id = ' ' WHERE id = 'blank'; \
         UPDATE aftercommit_tasks SET task_type = CAST(x'ff' AS TEXT) WHERE id = 'bytes'; \
         UPDATE aftercommit_tasks SET retried = -1 WHERE id = 'retried';",
    )
    .await;
    let taken: Vec<_> = stage.take(99).await.into_iter().map(|leased| leased.lease.id).collect();
    assert_eq!(taken, [id("good"), id("fine")]);
    let archived = archived(&stage).await;
    let told: Vec<_> =
        archived.iter().map(|task| (task.message.id.as_str(), task.message.task_type.as_str())).collect();
    let (raw, none) = ("test:raw", "unreadable");
    let wanted =
        [("bytes", none), ("options", raw), ("retried", raw), ("type", none), ("unreadable-1000004", raw)];
    assert_eq!(told, wanted);
    for task in &archived {
        assert!(task.message.last_error.as_deref().unwrap().starts_with(SPOILT), "{task:?}");
        assert_eq!((task.message.payload.as_ref(), task.ended_at), (&b"{}"[..], Some(stage.clock.now())));
    }
    let again = stage.queue.run(&QueueName::default(), &id("options")).await.unwrap();
    assert_eq!(again, aftercommit_core::Action::Applied);
    assert_eq!(stage.take(1).await[0].lease.id, id("options"), "with what could be read of it");
}

#[tokio::test]
async fn a_spoilt_orphan_goes_to_the_archive_and_the_others_to_the_recoverer() {
    let stage = Stage::new().await;
    stage.queue.enqueue(&[stage.task("a"), stage.task("spoilt"), stage.task("b")]).await.unwrap();
    assert_eq!(stage.take(9).await.len(), 3);
    spoil(&stage, "UPDATE aftercommit_tasks SET options = 'x' WHERE id = 'spoilt'").await;
    stage.clock.advance(Duration::from_secs(31));
    let orphans = stage.queue.orphans(&[QueueName::default()], 9).await.unwrap();
    let found: Vec<_> = orphans.into_iter().map(|orphan| orphan.leased.lease.id).collect();
    assert_eq!(found, [id("a"), id("b")]);
    assert_eq!(archived(&stage).await[0].message.id, id("spoilt"));
    let info = stage.queue.queue(&QueueName::default()).await.unwrap().unwrap();
    assert_eq!((info.counts.get(State::Active), info.counts.get(State::Archived)), (2, 1));
}

#[tokio::test]
async fn a_spoilt_task_of_a_group_goes_to_the_archive_and_the_others_to_the_aggregator() {
    let stage = Stage::new().await;
    let of = |group: &str, id: &str| {
        let new = NewTask::from(raw()).with(Options::new().id(id).group(group));
        new.resolve(&Options::new(), stage.clock.now()).unwrap()
    };
    stage.queue.enqueue(&[of("g", "a"), of("g", "spoilt"), of("h", "alone")]).await.unwrap();
    spoil(&stage, "UPDATE aftercommit_tasks SET options = 'x' WHERE id IN ('spoilt', 'alone')").await;
    stage.clock.advance(Duration::from_secs(3_600));
    let gathered = stage.queue.gather(&[QueueName::default()], &GroupRules::default(), 9).await.unwrap();
    assert_eq!((gathered.batches.len(), gathered.next_at), (1, None));
    let ids: Vec<_> = gathered.batches[0].tasks.iter().map(|task| task.id.as_str()).collect();
    assert_eq!(ids, ["a"]);
    let archived: Vec<_> = archived(&stage).await.into_iter().map(|task| task.message.id).collect();
    assert_eq!(archived, [id("alone"), id("spoilt")]);
    stage.clock.advance(Duration::from_secs(3_600));
    assert_eq!(
        stage.queue.reclaim(&[QueueName::default()], 9).await.unwrap(),
        1,
        "no batch is left without tasks"
    );
}
