//! An operator's hand on tasks that others move at the same moment.

use std::collections::HashSet;
use std::time::Duration;

use aftercommit_core::{
    Action, Broker, Inspect, LeaseGrant, NewTask, Operation, Options, Outcome, Presence, QueueName, Quota,
    Removal, Settlement, State, TaskId, WorkerId,
};
use aftercommit_postgres::PostgresQueue;

use crate::kit::{Kit, task};

fn name() -> QueueName {
    QueueName::default()
}

async fn stored(kit: &Kit, count: usize, options: impl Fn() -> Options) {
    let tasks = (0..count).map(|n| NewTask::from(task()).with(options().id(format!("task-{n}")))).collect();
    let mut tx = kit.queue.begin(&kit.pool).await.expect("a transaction");
    for stored in kit.queue.enqueue_batch_in(&mut tx, tasks).await.expect("they are stored") {
        stored.expect("it is stored");
    }
    tx.commit().await.expect("it commits");
}

/// Waits until some session waits for a lock of another.
async fn until_somebody_waits(kit: &Kit) {
    let waiting = "SELECT count(*) FROM pg_stat_activity
                    WHERE datname = current_database() AND wait_event_type = 'Lock'";
    let wait = async { while kit.number(waiting).await == 0 {} };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("somebody waits");
}

#[tokio::test]
async fn a_task_that_ends_while_an_operator_waits_for_it_is_found_where_it_went() {
    let kit = Kit::new().await;
    stored(&kit, 1, Options::new).await;
    let mut ends = kit.pool.begin().await.expect("a transaction");
    sqlx::raw_sql(
        "WITH gone AS (DELETE FROM aftercommit.tasks RETURNING *)
         INSERT INTO aftercommit.ended (state, ended_at, queue, id, task_type, retried, recovered, payload)
         SELECT 6, 0, queue, id, task_type, 0, 0, payload FROM gone",
    )
    .execute(&mut *ends)
    .await
    .expect("it is archived");
    let id = TaskId::new("task-0").expect("an id");
    let operate = {
        let (queue, id) = (kit.queue.clone(), id.clone());
        tokio::spawn(async move { queue.operate(&name(), &id, Operation::Archive).await })
    };
    until_somebody_waits(&kit).await;
    ends.commit().await.expect("it commits");
    let answer = operate.await.expect("it ends").expect("it works");
    assert_eq!(answer, Action::Refused(State::Archived));
}

#[tokio::test]
async fn operators_who_change_the_same_tasks_at_once_change_each_once() {
    const TASKS: usize = 3_000;
    let kit = Kit::new().await;
    stored(&kit, TASKS, || Options::new().process_in(Duration::from_secs(3_600))).await;
    let operate = |operation| {
        let queue = kit.handle();
        tokio::spawn(async move {
            let (mut done, scheduled) = (0, State::Scheduled.into());
            loop {
                let some = queue.operate_all(&name(), &scheduled, operation, 70).await.expect("it works");
                done += some;
                if some < 70 {
                    return done;
                }
            }
        })
    };
    let operators = [Operation::Run, Operation::Delete, Operation::Archive, Operation::Run].map(operate);
    let mut done = Vec::new();
    for operator in operators {
        done.push(operator.await.expect("it ends"));
    }
    assert_eq!(done.iter().sum::<usize>(), TASKS, "{done:?}");
    let info = kit.queue.queue(&name()).await.expect("it works").expect("it is known");
    assert_eq!(info.counts.get(State::Scheduled), 0);
    assert_eq!(info.counts.get(State::Pending), (done[0] + done[3]) as u64);
    assert_eq!(info.counts.get(State::Archived), done[2] as u64);
}

#[tokio::test]
async fn a_task_is_either_run_or_deleted_while_workers_drain_and_operators_delete() {
    const TASKS: usize = 4_000;
    let kit = Kit::new().await;
    stored(&kit, TASKS, Options::new).await;
    let workers = ["a", "b", "c"].map(|worker| tokio::spawn(drained(kit.handle(), worker)));
    let swept = tokio::spawn(swept(kit.handle()));
    let picked = ["task-", "task-1"].map(|prefix| tokio::spawn(picked(kit.handle(), prefix, TASKS)));
    let mut run = Vec::new();
    for worker in workers {
        run.extend(worker.await.expect("it ends"));
    }
    let swept = swept.await.expect("it ends");
    let mut deleted = Vec::new();
    for picked in picked {
        deleted.extend(picked.await.expect("it ends"));
    }
    let distinct: HashSet<_> = run.iter().chain(&deleted).collect();
    assert_eq!(distinct.len(), run.len() + deleted.len(), "nothing was both run and deleted, or twice");
    assert_eq!(distinct.len() + swept, TASKS, "{} run, {swept} swept, {} picked", run.len(), deleted.len());
    assert_eq!(kit.number("SELECT count(*) FROM aftercommit.tasks").await, 0);
    let info = kit.queue.queue(&name()).await.expect("it works").expect("it is known");
    assert_eq!(info.processed, run.len() as u64);
}

/// Runs all tasks that there are; says which.
async fn drained(queue: PostgresQueue, worker: &'static str) -> Vec<TaskId> {
    let grant = LeaseGrant { worker: WorkerId::from_stored(worker), duration: Duration::from_secs(30) };
    let quota = Quota { queue: name(), count: 20 };
    let mut run = Vec::new();
    loop {
        let leased = queue.dequeue(std::slice::from_ref(&quota), &grant).await.expect("it works");
        if leased.is_empty() {
            return run;
        }
        let done =
            leased.into_iter().map(|leased| Settlement { leased: leased.into(), outcome: Outcome::Done });
        let done: Vec<_> = done.collect();
        for (settlement, answer) in done.iter().zip(queue.settle(&done).await.expect("it works")) {
            answer.expect("nobody else has it");
            run.push(settlement.leased.lease.id.clone());
        }
    }
}

/// Deletes pending tasks in small chunks, until there are none; says how many.
async fn swept(queue: PostgresQueue) -> usize {
    let mut swept = 0;
    loop {
        let some = queue.operate_all(&name(), &State::Pending.into(), Operation::Delete, 7).await;
        let some = some.expect("it works");
        swept += some;
        if some < 7 {
            return swept;
        }
    }
}

/// Deletes tasks one by one, from the last one on; says which.
async fn picked(queue: PostgresQueue, prefix: &'static str, tasks: usize) -> Vec<TaskId> {
    let mut picked = Vec::new();
    for n in (0..tasks).rev().step_by(5) {
        let id = TaskId::new(format!("{prefix}{n}")).expect("an id");
        match queue.operate(&name(), &id, Operation::Delete).await.expect("it works") {
            Action::Applied => picked.push(id),
            Action::NotFound | Action::Refused(State::Active) => {}
            Action::Refused(state) => panic!("{id} is {state:?}"),
        }
    }
    picked
}

#[tokio::test]
async fn an_operation_on_more_tasks_than_go_into_one_transaction_reaches_all_in_order() {
    const TASKS: usize = 12_000;
    let kit = Kit::new().await;
    stored(&kit, TASKS, || Options::new().process_in(Duration::from_secs(3_600))).await;
    let scheduled = State::Scheduled.into();
    let run = kit.queue.operate_all(&name(), &scheduled, Operation::Run, usize::MAX).await;
    assert_eq!(run.expect("it works"), TASKS);
    let out_of_order = "SELECT count(*) FROM (SELECT seq, lag(seq) OVER (ORDER BY pos) AS before
                                                FROM aftercommit.tasks WHERE state = 2) AS t WHERE before > seq";
    assert_eq!(kit.number(out_of_order).await, 0);
    let distinct: HashSet<i64> = sqlx::query_scalar("SELECT pos FROM aftercommit.tasks")
        .fetch_all(&kit.pool)
        .await
        .expect("it works")
        .into_iter()
        .collect();
    assert_eq!(distinct.len(), TASKS);
}

#[tokio::test]
async fn an_id_that_postgres_cannot_store_is_that_of_no_task() {
    let kit = Kit::new().await;
    stored(&kit, 1, Options::new).await;
    let id = TaskId::new("task-0\0").expect("an id");
    let (queue, name) = (&kit.queue, name());
    assert_eq!(queue.get(&name, &id).await.expect("it works"), None);
    assert_eq!(queue.operate(&name, &id, Operation::Delete).await.expect("it works"), Action::NotFound);
    assert_eq!(queue.update_payload(&name, &id, "".into()).await.expect("it works"), Action::NotFound);
    queue.cancel(&name, &id).await.expect("it says nothing about a task");
}

#[tokio::test]
async fn counts_that_are_being_added_up_while_a_queue_is_removed_do_not_bring_it_back() {
    let kit = Kit::new().await;
    let count =
        "INSERT INTO aftercommit.count_changes (queue, day, processed, failed) VALUES ('default', 1, 2, 1)";
    sqlx::query(count).execute(&kit.pool).await.expect("it is written");
    let mut adds_up = kit.pool.begin().await.expect("a transaction");
    sqlx::raw_sql(
        "WITH changes AS (DELETE FROM aftercommit.count_changes RETURNING *)
         INSERT INTO aftercommit.counts SELECT * FROM changes",
    )
    .execute(&mut *adds_up)
    .await
    .expect("it is added");
    let remove = {
        let queue = kit.queue.clone();
        tokio::spawn(async move { queue.remove_queue(&name()).await })
    };
    until_somebody_waits(&kit).await;
    adds_up.commit().await.expect("it commits");
    assert_eq!(remove.await.expect("it ends").expect("it works"), Removal::Removed);
    assert_eq!(kit.queue.queue(&name()).await.expect("it works"), None);
}
