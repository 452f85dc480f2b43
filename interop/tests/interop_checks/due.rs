//! Checks 1, 2 and 8, the times: what we schedule to the millisecond nobody starts early, Go neither.

use std::collections::BTreeMap;
use std::time::Duration;

use aftercommit::{Clock as _, SystemClock};
use aftercommit_interop::effects::{self, Moment};

use crate::ground::{Ground, hasty};
use crate::report;
use crate::state::{Side, task};

const QUEUE: &str = "due";
const TASKS: i64 = 20;

#[tokio::test]
async fn what_we_schedule_nobody_starts_early() {
    let ground = Ground::new();
    let raw = ground.raw(0);
    let workers =
        [ground.go(0, &hasty([QUEUE]), "effects").await, ground.rust(0, &hasty([QUEUE]), "effects").await];
    let base = SystemClock.now().plus(Duration::from_millis(1_500)).as_millis();
    let mut due = BTreeMap::new();
    let mut tasks = Vec::new();
    for number in 0..TASKS {
        let name = format!("task-{number}");
        let mut task = task(QUEUE, &name, "ok:", "x");
        task.options.process_at_unix_ms = Some(base + number * 73);
        due.insert(name, base + number * 73);
        tasks.push(task);
    }
    Side::Rust.enqueue(&ground, &tasks).await;
    for name in due.keys() {
        raw.reaches(QUEUE, name, "completed").await;
    }
    let mut starts = 0;
    for effect in effects::read(&ground.effects("effects")).unwrap() {
        if effect.moment == Moment::Start {
            let early_ms = due[&effect.id] - effect.at_ns / 1_000_000;
            assert!(early_ms <= 0, "{} in {} was {early_ms} ms early", effect.id, effect.language);
            starts += 1;
        }
    }
    assert_eq!(starts, TASKS, "each once");
    for worker in workers {
        worker.stop().await.unwrap();
    }
    report::passed(
        "8",
        "schedules of ours in a mixed fleet",
        usize::try_from(TASKS).unwrap(),
        "none early, each once",
    );
}
