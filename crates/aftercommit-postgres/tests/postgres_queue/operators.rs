//! An operator's hand on tasks that others move at the same moment.

use std::collections::HashSet;
use std::time::Duration;

use aftercommit_core::{Action, Inspect, NewTask, Operation, Options, QueueName, State, TaskId};

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
