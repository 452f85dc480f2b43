//! Aggregators in several processes share the groups without stepping on each other.

use std::collections::HashSet;
use std::time::Duration;

use aftercommit_core::{
    AggregateRefusal, Batch, GroupRules, Groups, Inspect, NewTask, Options, QueueName, RawTask, State,
    TaskType,
};

use crate::kit::Kit;

const GROUPS: usize = 20;
/// In each group: two full batches and a rest that is not ripe.
const TASKS: usize = 25;
const BATCH: usize = 10;

fn rules() -> GroupRules {
    GroupRules { grace_period: Duration::from_secs(3_600), max_size: Some(BATCH), ..GroupRules::default() }
}

fn queue() -> QueueName {
    QueueName::new("grouped").expect("a name")
}

fn task(id: &str, options: Options) -> NewTask {
    let raw = RawTask { task_type: TaskType::new("test:raw").expect("a type"), payload: "{}".into() };
    NewTask::from(raw).with(options.queue("grouped").id(id))
}

async fn filled(kit: &Kit) {
    let of_group = |n: usize| {
        let group = format!("g{}", n % GROUPS);
        task(&format!("task-{n}"), Options::new().group(group))
    };
    let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
    let tasks = (0..GROUPS * TASKS).map(of_group).collect();
    for stored in kit.queue.enqueue_batch_in(&mut tx, tasks).await.expect("they are stored") {
        stored.expect("it is stored");
    }
    tx.commit().await.expect("it commits");
}

async fn gathered_by(kit: &Kit, aggregators: usize) -> Vec<Batch> {
    let gather = |_| {
        let queue = kit.handle();
        tokio::spawn(async move {
            let mut batches = Vec::new();
            loop {
                let found = queue.gather(&[self::queue()], &rules(), 3).await.expect("it works").batches;
                if found.is_empty() {
                    return batches;
                }
                batches.extend(found);
            }
        })
    };
    let mut batches = Vec::new();
    for gathering in (0..aggregators).map(gather).collect::<Vec<_>>() {
        batches.extend(gathering.await.expect("it ends"));
    }
    batches
}

#[tokio::test]
async fn two_aggregators_gather_each_task_once_and_nothing_that_is_not_ripe() {
    let kit = Kit::new().await;
    filled(&kit).await;
    let batches = gathered_by(&kit, 4).await;
    assert_eq!(batches.len(), GROUPS * (TASKS / BATCH));
    assert!(batches.iter().all(|batch| batch.tasks.len() == BATCH), "only full ones were ripe");
    let ids: HashSet<_> = batches.iter().flat_map(|batch| &batch.tasks).map(|task| &task.id).collect();
    assert_eq!(ids.len(), batches.len() * BATCH, "no task is in two batches");
    let left = kit.queue.groups(&queue()).await.expect("it works");
    assert_eq!(left.len(), GROUPS);
    assert!(left.iter().all(|group| group.size == (TASKS % BATCH) as u64));
}

#[tokio::test]
async fn a_batch_is_either_aggregated_or_put_back_however_both_meet() {
    let kit = Kit::new().await;
    filled(&kit).await;
    for (n, batch) in gathered_by(&kit, 1).await.into_iter().enumerate() {
        let id = format!("whole-{n}");
        let whole = task(&id, Options::new()).resolve(&Options::new(), batch.deadline).expect("it is valid");
        let (queue, other) = (kit.handle(), kit.queue.clone());
        let (aggregated, released) =
            tokio::join!(queue.aggregate(&batch.key, &whole), other.release(&batch.key));
        released.expect("it works");
        let stored = kit.exists("SELECT id FROM aftercommit.tasks WHERE id = $1", &id).await;
        let first = batch.tasks[0].id.as_str();
        let is_back =
            kit.exists("SELECT id FROM aftercommit.tasks WHERE id = $1 AND batch IS NULL", first).await;
        match aggregated.expect("it works") {
            Ok(()) => assert_eq!((stored, is_back), (true, false)),
            Err(AggregateRefusal::BatchLost) => assert_eq!((stored, is_back), (false, true)),
            Err(AggregateRefusal::Task(refusal)) => panic!("nobody else has this id: {refusal:?}"),
        }
    }
    let batches = "SELECT count(*) FROM aftercommit.tasks WHERE batch IS NOT NULL";
    assert_eq!(kit.number(batches).await, 0);
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.batches").await, 0);
}

#[tokio::test]
async fn a_row_that_another_program_has_spoilt_is_archived_and_the_rest_of_its_group_is_gathered() {
    let kit = Kit::new().await;
    filled(&kit).await;
    let spoil = "UPDATE aftercommit.tasks SET options = 'no json' WHERE id = 'task-0' OR group_name = 'g1'";
    sqlx::query(spoil).execute(&kit.pool).await.expect("it is spoilt");
    let batches = gathered_by(&kit, 1).await;
    assert!(batches.iter().all(|batch| batch.key.group.as_str() != "g1"));
    let tasks: usize = batches.iter().map(|batch| batch.tasks.len()).sum();
    assert_eq!(tasks, (GROUPS - 1) * 20 - 1);
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.batches").await, 38, "none is empty");
    let info = kit.queue.queue(&queue()).await.expect("it works").expect("it is known");
    assert_eq!(info.counts.get(State::Archived), 21);
}
