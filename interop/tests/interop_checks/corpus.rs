//! The ways of enqueuing that are recorded for tests without Go, as tasks for living workers; and some more, by what
//! becomes of a task.

use std::collections::BTreeSet;
use std::time::{Duration, UNIX_EPOCH};

use aftercommit::{Client, Enqueued, Error, NewTask, Options, RawTask, TaskType};
use aftercommit_interop as go;
use serde::Deserialize;

const RECORDED: &str = include_str!("../../../crates/aftercommit-redis/tests/corpus/enqueue.json");

/// One way of enqueuing.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) tasks: Vec<go::Task>,
}

impl Case {
    /// The queues in which something can be.
    pub(crate) fn queues(&self) -> BTreeSet<&str> {
        let names = self.tasks.iter().filter_map(|task| task.options.queue.as_deref());
        names.filter(|queue| !queue.trim().is_empty()).collect()
    }

    /// Whether it has a task that waits for its time.
    pub(crate) fn is_scheduled(&self) -> bool {
        let is_scheduled = |options: &go::Options| {
            let far = |seconds: i64| seconds > 4_000_000_000;
            options.process_in_ms.is_some()
                || options.process_at_unix.is_some_and(far)
                || options.process_at_unix_ms.is_some_and(|ms| far(ms / 1000))
        };
        self.tasks.iter().any(|task| is_scheduled(&task.options))
    }
}

/// The recorded ways. Every case has queues of its own, and types that the workers have handlers for.
pub(crate) fn enqueued() -> Vec<Case> {
    #[derive(Deserialize)]
    struct Recorded {
        cases: Vec<Case>,
    }
    let recorded: Recorded = serde_json::from_str(RECORDED).expect("the recorded corpus");
    let mut cases = recorded.cases;
    for (index, case) in cases.iter_mut().enumerate() {
        for task in &mut case.tasks {
            let queue = task.options.queue.get_or_insert_with(|| "default".to_owned());
            // What is blank has to stay so: it is refused.
            if !queue.trim().is_empty() {
                queue.push_str(&format!("-{index}"));
            }
            if !task.task_type.trim().is_empty() {
                task.task_type.insert_str(0, "ok:");
            }
        }
    }
    cases
}

/// A task for each thing that can become of one.
pub(crate) fn ended() -> Vec<Case> {
    const KEPT: i64 = 3_600_000;
    let of = |name: &str, task_type: &str, payload: &str, max_retry, retention_ms| {
        let options = go::Options {
            id: Some(name.replace(' ', "-")),
            queue: Some(format!("end-{}", name.replace(' ', "-"))),
            max_retry: Some(max_retry),
            retention_ms,
            ..go::Options::default()
        };
        let mut task = go::Task::new(task_type, payload).with(options);
        task.headers.insert("traceparent".to_owned(), "00-aa-bb-01".to_owned());
        Case { name: name.to_owned(), tasks: vec![task] }
    };
    let mut late = of("timeout", "sleep:", "60000", 5, None);
    late.tasks[0].options.timeout_ms = Some(1_000);
    vec![
        of("completed", "ok:", "x", 5, Some(KEPT)),
        of("completed with a result", "result:", "the result", 5, Some(KEPT)),
        of("result that is not kept", "result:", "the result", 5, None),
        of("headers", "headers:", "x", 5, Some(KEPT)),
        of("retry", "fail:", "x", 5, Some(KEPT)),
        of("retries exhausted", "fail:", "x", 0, None),
        of("archived at once", "skip:", "x", 5, Some(KEPT)),
        of("revoked", "revoke:", "x", 5, Some(KEPT)),
        of("no failure", "nofail:", "x", 5, None),
        of("no failure at the limit", "nofail:", "x", 0, None),
        of("panic", "panic:", "x", 5, None),
        of("no handler", "nobody:", "x", 5, None),
        late,
    ]
}

/// The queues of these cases.
pub(crate) fn queues(cases: &[Case]) -> Vec<String> {
    cases.iter().flat_map(Case::queues).map(str::to_owned).collect()
}

/// Enqueues a task by our client as Go would.
pub(crate) async fn enqueue(client: &Client, task: &go::Task) -> Result<Enqueued, Error> {
    let raw = RawTask {
        task_type: TaskType::new(&task.task_type)?,
        payload: task.payload.clone().unwrap_or_default().into(),
    };
    let task = NewTask::from(raw).with(options(task));
    let mut stored = client.enqueue_batch([task]).await?;
    stored.pop().expect("an answer for each task")
}

fn options(task: &go::Task) -> Options {
    let said = &task.options;
    let length = |ms: i64| Duration::from_millis(u64::try_from(ms).expect("no negative length"));
    // A moment before 1970 is far enough in the past as 1970.
    let moment = |ms: i64| UNIX_EPOCH + Duration::from_millis(u64::try_from(ms).unwrap_or(0));
    let mut options = Options::new();
    for (key, value) in &task.headers {
        options = options.header(key, value);
    }
    let mut set = |with: Option<Options>| {
        if let Some(with) = with {
            options = with.or(std::mem::take(&mut options));
        }
    };
    set(said.id.as_ref().map(|id| Options::new().id(id)));
    set(said.queue.as_ref().map(|queue| Options::new().queue(queue)));
    set(said.group.as_ref().map(|group| Options::new().group(group)));
    set(said.max_retry.map(|max| Options::new().max_retry(u32::try_from(max).unwrap_or(0))));
    set(said.timeout_ms.map(|ms| Options::new().timeout(length(ms))));
    set(said.deadline_unix.map(|at| Options::new().deadline(moment(at * 1000))));
    set(said.unique_ms.map(|ms| Options::new().unique_for(length(ms))));
    set(said.retention_ms.map(|ms| Options::new().retention(length(ms))));
    set(said.process_in_ms.map(|ms| Options::new().process_in(length(ms))));
    set(said.process_at_unix.map(|at| Options::new().process_at(moment(at * 1000))));
    set(said.process_at_unix_ms.map(|ms| Options::new().process_at(moment(ms))));
    options
}
