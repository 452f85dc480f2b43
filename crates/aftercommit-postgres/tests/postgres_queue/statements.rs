//! A call costs a fixed number of statements, however many tasks it is about. Postgres itself counts them, without `BEGIN`
//! and `COMMIT`.

use std::time::Duration;

use aftercommit_core::{
    Batch, Clock, GroupRules, Groups, Inspect, NewTask, Operation, Options, Page, QueueName, Selection,
    State, SystemClock, TaskId,
};

use crate::counted::Counted;
use crate::kit::task;

fn name(name: &str) -> QueueName {
    QueueName::new(name).expect("a name")
}

fn scheduled(size: usize, n: usize) -> NewTask {
    let options = Options::new().queue("operated").process_in(Duration::from_secs(3_600));
    NewTask::from(task()).with(options.id(format!("{size}-{n}")))
}

/// Archive, run, archive again, delete.
async fn of_operators(counted: &Counted, size: usize) -> [i64; 4] {
    counted.store((0..size).map(|n| scheduled(size, n))).await;
    let mut counts = [0; 4];
    let steps = [
        (State::Scheduled, Operation::Archive),
        (State::Archived, Operation::Run),
        (State::Pending, Operation::Archive),
        (State::Archived, Operation::Delete),
    ];
    for (count, (state, operation)) in counts.iter_mut().zip(steps) {
        let (operated, selection) = (name("operated"), Selection::State(state));
        let all = counted.queue.operate_all(&operated, &selection, operation, size);
        let (statements, done) = counted.count(all).await;
        assert_eq!(done, size);
        *count = statements;
    }
    counts
}

/// Gather, release, aggregate, reclaim.
async fn of_groups(counted: &Counted, size: usize) -> [i64; 4] {
    let of_group = |n| {
        let options = Options::new().queue("grouped").group(format!("g{}", n % 3));
        NewTask::from(task()).with(options.id(format!("{size}-{n}")))
    };
    counted.store((0..3 * size).map(of_group)).await;
    let (queues, rules) = ([name("grouped")], GroupRules { max_size: Some(size), ..GroupRules::default() });
    let gather = async || -> (i64, Vec<Batch>) {
        let (statements, gathered) = counted.count(counted.queue.gather(&queues, &rules, 9)).await;
        assert_eq!(gathered.batches.iter().map(|batch| batch.tasks.len()).sum::<usize>(), 3 * size);
        (statements, gathered.batches)
    };
    let (first, batches) = gather().await;
    let mut release = 0;
    for batch in &batches {
        release = counted.count(counted.queue.release(&batch.key)).await.0;
    }
    let (_, batches) = gather().await;
    let mut aggregate = 0;
    for (nth, batch) in batches.iter().enumerate() {
        let whole = NewTask::from(task())
            .with(Options::new().queue("grouped").id(format!("{size}-whole-{nth}")))
            .resolve(&Options::new(), SystemClock.now())
            .expect("it is valid");
        let (statements, answer) = counted.count(counted.queue.aggregate(&batch.key, &whole)).await;
        assert_eq!(answer, Ok(()));
        aggregate = statements;
    }
    let reclaim = counted.count(counted.queue.reclaim(&queues, 9)).await.0;
    [first, release, aggregate, reclaim]
}

#[tokio::test]
async fn a_call_costs_the_same_statements_for_one_task_and_for_many() {
    let counted = Counted::new().await;
    for size in [1, 10, 500] {
        // Which tasks, and what becomes of them.
        assert_eq!(of_operators(&counted, size).await, [2, 2, 2, 2], "{size} tasks");
        // A gather looks before it takes its turn and after it gathered.
        assert_eq!(of_groups(&counted, size).await, [5, 1, 2, 1], "{size} tasks in each group");
    }
    counted.store((0..500).map(|n| scheduled(0, n))).await;
    let operated = name("operated");
    let page = Page::first(100);
    let (list, tasks) = counted.count(counted.queue.list(&operated, &State::Scheduled.into(), page)).await;
    assert_eq!((list, tasks.len()), (1, 100));
    assert_eq!(counted.count(counted.queue.queue(&operated)).await.0, 1);
    assert_eq!(counted.count(counted.queue.queues()).await.0, 1);
    assert_eq!(counted.count(counted.queue.history(&operated, 90)).await.0, 1);
    let id = TaskId::new("0-1").expect("an id");
    assert_eq!(counted.count(counted.queue.get(&operated, &id)).await.0, 1);
    assert_eq!(counted.count(counted.queue.update_payload(&operated, &id, "[]".into())).await.0, 2);
    assert_eq!(counted.count(counted.queue.operate(&operated, &id, Operation::Delete)).await.0, 2);
    assert_eq!(counted.count(counted.queue.remove_queue(&operated)).await.0, 1);
}
